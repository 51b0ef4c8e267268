#include "probe/render/print.hpp"

#include <string>
#include <string_view>

#include <fmt/core.h>

#include "wgscope/base/result.hpp"
#include "wgscope/os/file.hpp"
#include "wgscope/os/standard_streams.hpp"

#include "probe/verbs.hpp"

namespace wgscope::probe {

void complain(std::string_view verb, std::string_view what) {
  os::write_standard_error(fmt::format("wgscope{}{}: {}\n", verb.empty() ? "" : " ", verb, what));
}

Result<> write_result_file(const std::string& path, std::string_view content) {
  constexpr unsigned kMode = 0644;  // no secret is there
  if (auto checked = os::check_replaceable(path); !checked) return checked;
  return os::replace_file(path, content, kMode);
}

Exit print(std::string_view verb, std::string_view text) {
  const auto written = os::write_standard_output(text);
  if (written) return Exit::ok;
  complain(verb, written.error().context);
  return Exit::unknown;
}

}  // namespace wgscope::probe
