#include "xml.hpp"

#include <string>
#include <string_view>

namespace wgscope::render {

std::string xml_escaped(std::string_view text) {
  std::string made;
  for (const char c : text) {
    switch (c) {
      case '&': made += "&amp;"; break;
      case '<': made += "&lt;"; break;
      case '>': made += "&gt;"; break;
      case '"': made += "&quot;"; break;
      default: made += c;
    }
  }
  return made;
}

}  // namespace wgscope::render
