#pragma once

#include <string>
#include <string_view>

namespace wgscope {

/// Why decode_key_base64() refuses a text, to go on after "the key is ": "not a base64 key of 44
/// characters (43 given)", or which character is not one of base64 and what it is. Characters of
/// ASCII are not repeated: the text may be a secret with one mistake.
std::string describe_bad_key(std::string_view text);

}  // namespace wgscope
