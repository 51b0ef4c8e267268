// Names in the comments of a wg-quick file, which holds private keys.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "wgscope/base/result.hpp"
#include "wgscope/config/names.hpp"
#include "wgscope/config/wg_quick.hpp"

#include "fuzz.hpp"

namespace {

std::string without_blanks(std::string_view text) {
  std::string made(text);
  std::erase_if(
      made, [](char c) { return c == ' ' || c == '\t' || c == '\v' || c == '\f' || c == '\r'; });
  return made;
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace wgscope;
  const std::string_view text = fuzz::as_text(data, size);
  const auto found = config::parse_wg_quick_names(text);
  if (!found) {
    WGSCOPE_PROMISE(found.error().code == Errc::bad_value);
    WGSCOPE_PROMISE(!fuzz::repeats_a_key(found.error().context, text));
    return 0;
  }
  for (const config::Warning& warning : found->warnings) {
    WGSCOPE_PROMISE(warning.line > 0);
    WGSCOPE_PROMISE(!fuzz::repeats_a_key(warning.text, text));
  }
  for (const auto& [key, name] : found->names) {
    WGSCOPE_PROMISE(!name.empty() && text.find(name) != std::string_view::npos);
    WGSCOPE_PROMISE(name.find('\n') == std::string::npos);
    // Blanks inside a key are nothing to wg.
    WGSCOPE_PROMISE(without_blanks(text).find(key.base64()) != std::string::npos);
  }
  return 0;
}
