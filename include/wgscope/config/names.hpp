#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "wgscope/base/result.hpp"
#include "wgscope/config/wg_quick.hpp"
#include "wgscope/model/public_key.hpp"

namespace wgscope::config {

/// What people call their peers, by public key.
using PeerNames = std::unordered_map<PublicKey, std::string, PublicKeyHash>;

/// Names of a file, and what is wrong with it. One bad line costs one name.
struct NamesFound {
  PeerNames names;
  std::vector<Warning> warnings;  ///< line 0 where the parser gives none

  /// A key that has another name already gets neither, and a warning.
  void add(const PublicKey& key, const std::string& name, std::size_t line);
  std::unordered_set<PublicKey, PublicKeyHash> contested;  ///< that got neither
};

/// Names from the comments of a wg-quick file, as people, other tools and generators of files write
/// them: docs/names.md. Everything but names and public keys is passed over and copied nowhere,
/// private keys above all. A malformed PublicKey and a named peer without one are warnings.
/// @returns bad_value, never with text of the file: it is not text, or has no [Interface] or [Peer]
/// section at all (a file cut short must not look like one without names).
Result<NamesFound> parse_wg_quick_names(std::string_view text);

/// Names from one map of base64 public key to name, in YAML or JSON (text that starts with '{'). A
/// malformed key, and a key given twice, are warnings.
/// @returns bad_value with the line's number where the parser gives one: not a map of keys to text.
Result<NamesFound> parse_names_map(std::string_view text);

}  // namespace wgscope::config
