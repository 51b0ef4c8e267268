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

/// The names that people give their peers, by public key.
using PeerNames = std::unordered_map<PublicKey, std::string, PublicKeyHash>;

/// The names in a file and the warnings about it. A bad line costs only its own name.
struct NamesFound {
  PeerNames names;
  std::vector<Warning> warnings;  ///< line 0 where the parser does not give one

  /// Adds a name. If the key has a different name already, it loses both, with a warning.
  void add(const PublicKey& key, const std::string& name, std::size_t line);
  /// Keys with two names, which therefore have none.
  std::unordered_set<PublicKey, PublicKeyHash> contested;
};

/// Reads names from the comments of a wg-quick file, as people, other tools and generators of
/// files write them: docs/names.md. Everything else but public keys is skipped and never copied,
/// most importantly private keys. A malformed PublicKey is a warning, and so is a named peer
/// without one.
/// @returns bad_value if the file is not text, or has no [Interface] or [Peer] section at all (a
/// truncated file must not look like one without names). The error never repeats text of the file.
Result<NamesFound> parse_wg_quick_names(std::string_view text);

/// Reads names from one map of base64 public key to name, in YAML or JSON (text that starts with
/// '{'). A malformed key is a warning, and so is a key given twice with different names.
/// @returns bad_value if it is not a map of keys to text, with the number of the line where the
/// parser gives one.
Result<NamesFound> parse_names_map(std::string_view text);

}  // namespace wgscope::config
