#include "wgscope/render/checks_document.hpp"

#include <string>
#include <string_view>

#include <fmt/core.h>

#include "wgscope/diagnosis/check_kinds.hpp"
#include "wgscope/diagnosis/report.hpp"

namespace wgscope::render {
namespace {

using diagnosis::CheckKind;
using diagnosis::CheckRow;

/// A verb's checks stand together in the table.
struct Group {
  CheckKind first;
  std::string_view title;
};

constexpr Group kGroups[] = {
    {CheckKind::configuration_target, "Options and configuration"},
    {CheckKind::key_use, "wgscope handshake, and the handshake of every other verb"},
    {CheckKind::ping_outer, "wgscope ping"},
    {CheckKind::reach_tunnel, "wgscope reach"},
    {CheckKind::mtu_forward, "wgscope mtu"},
    {CheckKind::outer_host, "wgscope mtu --outer"},
    {CheckKind::nat_servers, "wgscope nat"},
    {CheckKind::drift_declared, "wgscope drift"},
};

constexpr std::string_view kHead = R"(# Checks

<!-- Made from lib/diagnosis/check_kinds.cpp: run render_test with WGSCOPE_UPDATE_GOLDEN=1 after changing it. -->

What `wgscope` looks at. A check has the same ID in JSON, in JUnit and in the text of `--verbose`; IDs are added, never renamed. Text reports show a check by its label. What a check can find: [findings.md](findings.md).

A check is `ok`, `warning`, `critical`, `unknown` (it cannot tell, or was interrupted) or `skipped` (a finding keeps it from running). The whole run is unknown if an essential check is unknown or
skipped; other checks that are unknown or skipped leave the verdict alone, unless `--fail-on unknown` is given.
)";

}  // namespace

std::string checks_document() {
  std::string text(kHead);
  for (const CheckRow& row : diagnosis::check_rows()) {
    for (const Group& group : kGroups)
      if (group.first == row.key)
        text += fmt::format(
            "\n## {}\n\n| check | label | layer | essential | question |\n|---|---|---|---|---|\n",
            group.title);
    text += fmt::format("| `{}` | {} | {} | {} | {} |\n", row.name, row.label, to_string(row.layer),
                        row.essential ? "yes" : "no", row.question);
  }
  return text;
}

}  // namespace wgscope::render
