#include <array>
#include <cstddef>
#include <span>
#include <string_view>

#include "wgscope/diagnosis/finding.hpp"

#include "findings_drift.hpp"
#include "findings_handshake.hpp"
#include "findings_lint.hpp"
#include "findings_mtu.hpp"
#include "findings_nat.hpp"
#include "findings_ping_reach.hpp"
#include "findings_setup.hpp"
#include "table.hpp"

namespace wgscope::diagnosis {
namespace {

/// The parts of the table, one behind the other.
template <std::size_t... sizes>
consteval auto joined(const std::array<FindingKind, sizes>&... parts) {
  std::array<FindingKind, (sizes + ...)> all{};
  std::size_t end = 0;
  const auto append = [&](const auto& part) {
    for (const FindingKind& kind : part) all[end++] = kind;
  };
  (append(parts), ...);
  return all;
}

constexpr auto kKinds = joined(kSetupFindings, kHandshakeFindings, kPingAndReachFindings,
                               kNatFindings, kMtuFindings, kLintFindings, kDriftFindings);
static_assert(has_row_for_each(std::span<const FindingKind>(kKinds), FindingId::count));
static_assert(are_names_unique(std::span<const FindingKind>(kKinds), &FindingKind::id));

}  // namespace

std::string_view to_string(Severity severity) {
  switch (severity) {
    case Severity::info: return "info";
    case Severity::warning: return "warning";
    case Severity::critical: return "critical";
  }
  return "";
}

std::span<const FindingKind> finding_kinds() { return kKinds; }

const FindingKind& kind_of(FindingId id) { return kKinds[static_cast<std::size_t>(id)]; }

}  // namespace wgscope::diagnosis
