#include "probe/render/print.hpp"

#include <string_view>

#include <fmt/core.h>

#include "wgscope/os/standard_streams.hpp"

#include "probe/verbs.hpp"

namespace wgscope::probe {

void complain(std::string_view verb, std::string_view what) {
  os::write_standard_error(fmt::format("wgscope{}{}: {}\n", verb.empty() ? "" : " ", verb, what));
}

Exit print(std::string_view verb, std::string_view text) {
  const auto written = os::write_standard_output(text);
  if (written) return Exit::ok;
  complain(verb, written.error().context);
  return Exit::unknown;
}

}  // namespace wgscope::probe
