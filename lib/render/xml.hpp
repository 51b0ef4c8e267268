#pragma once

#include <string>
#include <string_view>

namespace wgscope::render {

/// An attribute's value or an element's text. one_line() has left nothing in it that XML does not
/// allow, line breaks of our own aside (XML 1.0 §2.2, §2.4, §3.3.3).
std::string xml_escaped(std::string_view text);

}  // namespace wgscope::render
