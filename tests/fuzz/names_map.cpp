// A map of public key to name, in YAML or JSON.

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "wgscope/base/result.hpp"
#include "wgscope/config/names.hpp"

#include "fuzz.hpp"

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace wgscope;
  const std::string_view text = fuzz::as_text(data, size);
  const auto found = config::parse_names_map(text);
  if (!found) {
    WGSCOPE_PROMISE(found.error().code == Errc::bad_value);
    WGSCOPE_PROMISE(!fuzz::repeats_a_key(found.error().context, text));
  }
  return 0;
}
