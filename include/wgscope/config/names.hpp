#pragma once

#include <string>
#include <string_view>
#include <unordered_map>

#include "wgscope/base/result.hpp"
#include "wgscope/model/public_key.hpp"

namespace wgscope::config {

/// What people call their peers, by public key.
using PeerNames = std::unordered_map<PublicKey, std::string, PublicKeyHash>;

/// Names from a wg-quick file: comments `# friendly_name = …` or `# Name = …` inside a [Peer]
/// section, as other tools write them. Everything but names and public keys is passed over and
/// copied nowhere, private keys above all.
/// @returns bad_value with the line's number, never its text: no [Interface] or [Peer] section at
/// all (a file cut short
///          must not look like one without names), a malformed PublicKey, a named peer without one.
Result<PeerNames> parse_wg_quick_names(std::string_view text);

/// Names from one map of base64 public key to name, in YAML or JSON (text that starts with '{').
/// @returns bad_value with the line's number where the parser gives one: not a map of keys to text,
/// a malformed key, a
///          key given twice.
Result<PeerNames> parse_names_map(std::string_view text);

}  // namespace wgscope::config
