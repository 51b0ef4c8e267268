// Names in the comments of a wg-quick file, which holds private keys.

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "wgscope/base/result.hpp"
#include "wgscope/config/names.hpp"

#include "fuzz.hpp"

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace wgscope;
  const std::string_view text = fuzz::as_text(data, size);
  const auto names = config::parse_wg_quick_names(text);
  if (!names) {
    WGSCOPE_PROMISE(names.error().code == Errc::bad_value);
    WGSCOPE_PROMISE(!fuzz::repeats_a_key(names.error().context, text));
    return 0;
  }
  for (const auto& [key, name] : *names) {
    WGSCOPE_PROMISE(!name.empty() && text.find(name) != std::string_view::npos);
    WGSCOPE_PROMISE(name.find('\n') == std::string::npos);
    WGSCOPE_PROMISE(text.find(key.base64()) != std::string_view::npos);
  }
  return 0;
}
