#include <string>
#include <unistd.h>
#include <utility>
#include <vector>

#include <fmt/core.h>

#include "wgscope/base/text.hpp"
#include "wgscope/diagnosis/finding.hpp"
#include "wgscope/render/findings.hpp"

#include "probe/command_line.hpp"
#include "probe/commands/commands.hpp"
#include "probe/render/print.hpp"
#include "probe/render/terminal.hpp"
#include "probe/verbs.hpp"

// wgscope explain: what the IDs of findings mean, where the documentation is not at hand.

namespace wgscope::probe {

Exit run_explain(std::vector<std::string> arguments) {
  CommandLine line(
      "Say what findings mean and what to do about them. Without an ID, list all findings.",
      "wgscope explain");
  std::vector<std::string> ids;
  line.add("ID", ids, "Such as WGS-HS-005").type("");
  if (const auto ended = line.parse(std::move(arguments))) return *ended;
  std::string text = ids.empty() ? render::findings_list() : "";
  for (const std::string& id : ids) {
    const diagnosis::FindingKind* kind = render::find_kind(id);
    if (kind == nullptr) {
      complain("explain", fmt::format("unknown finding: '{}' (wgscope explain lists all)",
                                      printable(hide_keys(id))));
      return Exit::unknown;
    }
    if (!text.empty()) text += '\n';
    text += render::explain(*kind, terminal_width(STDOUT_FILENO));
  }
  return print("explain", text);
}

}  // namespace wgscope::probe
