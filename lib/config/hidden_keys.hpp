#pragma once

#include <string>
#include <string_view>

namespace wgscope::config {

/// What stands where hide_keys() hid a key; as long as one in base64.
inline constexpr std::string_view kHiddenKey = "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx=";

/// Whether anything in the text looks like a WireGuard key: 43 characters of base64 and a '=', or 64
/// hexadecimal digits.
bool holds_key(std::string_view text);

/// The text of a map, with kHiddenKey for whatever looks like a key and does not stand where a map
/// has its keys, which are public. People mistake files, and parsers of YAML and JSON leave copies of
/// what they read in memory that nobody wipes. As long as the text, so positions stay.
std::string hide_keys(std::string_view text);

}  // namespace wgscope::config
