// Repair and display of untrusted text.

#include "wgscope/base/text.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "fuzz.hpp"

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace wgscope;
  const std::string_view text = fuzz::as_text(data, size);

  const std::string valid = to_valid_utf8(text);
  WGSCOPE_PROMISE(is_valid_utf8(valid));
  WGSCOPE_PROMISE(is_valid_utf8(text) || valid != text);

  // Different texts stay different: the two halves stand for any two.
  const std::string_view first = text.substr(0, size / 2);
  const std::string_view second = text.substr(size / 2);
  WGSCOPE_PROMISE((first == second) == (to_valid_utf8(first) == to_valid_utf8(second)));

  for (const char c : printable(text)) WGSCOPE_PROMISE(c >= 0x20 && c < 0x7f);
  WGSCOPE_PROMISE(printable(text, 10).size() <= 10 * 4 + 3);

  const std::string_view trimmed = trim(text);
  WGSCOPE_PROMISE(trim(trimmed) == trimmed);
  WGSCOPE_PROMISE(text.find(trimmed) != std::string_view::npos);
  WGSCOPE_PROMISE(iequals(text, text));
  return 0;
}
