// A whole wg-quick file. What was read can be written, and what was written is read as the same.

#include "wgscope/config/wg_quick.hpp"

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "wgscope/base/result.hpp"

#include "fuzz.hpp"

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace wgscope;
  const std::string_view text = fuzz::as_text(data, size);
  const auto config = config::parse_wg_quick(text);
  if (!config) {
    WGSCOPE_PROMISE(config.error().code == Errc::bad_value);
    WGSCOPE_PROMISE(!fuzz::repeats_a_key(config.error().context, text));
    return 0;
  }
  for (const config::Warning& warning : config->warnings) {
    WGSCOPE_PROMISE(warning.line > 0);
    WGSCOPE_PROMISE(!fuzz::repeats_a_key(warning.text, text));
  }
  const SecretString written = config::write_wg_quick(*config);
  const auto again = config::parse_wg_quick(written.view());
  WGSCOPE_PROMISE(again.has_value());
  WGSCOPE_PROMISE(again->peers.size() == config->peers.size());
  WGSCOPE_PROMISE(config::write_wg_quick(*again).view() == written.view());
  return 0;
}
