// Sizes in words, and what both searches, through the tunnel and beside it, say in the same way.

#include <cstddef>
#include <optional>
#include <utility>

#include "wgscope/diagnosis/check_kinds.hpp"
#include "wgscope/diagnosis/finding.hpp"
#include "wgscope/diagnosis/report.hpp"
#include "wgscope/diagnosis/text.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/path/mtu_search.hpp"

#include "mtu_parts.hpp"

namespace wgscope::diagnosis {
namespace {

Finding below_ipv6(std::size_t mtu) {
  return {.id = FindingId::mtu_below_ipv6,
          .cause = text("an MTU of {} is too small for IPv6 inside the tunnel, which needs {}", mtu,
                        path::kSmallestIpv6),
          .evidence = {"Linux removes IPv6 from an interface whose MTU is set below that"},
          .fix = {"use a path that passes larger packets, or no IPv6 inside this tunnel"}};
}

/// The setting is at fault, whatever the path takes.
Finding set_below_ipv6(const MtuSetting& setting) {
  return {
      .id = FindingId::mtu_below_ipv6,
      .cause = text("the configured MTU of {} is too small for IPv6 inside the tunnel, which "
                    "needs {}",
                    setting.in_use, path::kSmallestIpv6),
      .evidence = {"Linux removes IPv6 from an interface whose MTU is set below that",
                   text("the path takes an MTU of {} in both directions", setting.fitting)},
      .fix = {text("MTU = {} in [Interface] at both ends; to see whether that fits: wgscope mtu "
                   "--config FILE --mtu {}",
                   path::kSmallestIpv6, path::kSmallestIpv6)}};
}

}  // namespace

Text size_text(const path::MtuResult& direction) {
  if (!direction.mtu) return "less than the smallest size that was tried";
  if (!direction.not_above) return text("at least {} bytes", *direction.mtu);
  if (*direction.not_above == *direction.mtu) return text("{} bytes", *direction.mtu);
  return text("{} to {} bytes", *direction.mtu, *direction.not_above);
}

Text arrival_text(const path::MtuResult& direction) {
  if (!direction.not_above && direction.exact)
    return text("every size up to {} bytes arrives", *direction.mtu);
  if (!direction.not_above) return text("{} bytes arrive", *direction.mtu);
  return text("sizes up to {} bytes arrive", *direction.mtu);
}

void add_tried(const path::MtuResult& direction, const Text& what, Finding& finding) {
  for (const path::MtuTrial& tried : direction.trials) {
    if (direction.mtu && tried.size + 1 < *direction.mtu) continue;
    if (direction.not_above && tried.size > *direction.not_above + 1) continue;
    finding.evidence.push_back(text("{}{} bytes: {} of {} answered{}", what, tried.size,
                                    tried.answered, tried.sent,
                                    either(tried.reported, ", reported as too big", "")));
  }
  finding.evidence.push_back(text("small packets sent beside them: {} of {} answered",
                                  direction.controls - direction.controls_lost,
                                  direction.controls));
}

std::optional<IpAddress> reporter_of(const path::MtuResult& direction) {
  if (!direction.report) return std::nullopt;
  return direction.report->from;
}

bool is_known(const path::MtuResult& direction, std::size_t full) {
  return direction.mtu && (direction.exact || *direction.mtu >= full);
}

Check setting_check(CheckKind kind, const MtuSetting& setting, Text summary) {
  const bool set_too_small = setting.in_use > 0 && setting.in_use < path::kSmallestIpv6;
  if (setting.ipv6_inside && set_too_small && !setting.is_smaller)
    return make_check(kind, Status::warning, set_below_ipv6(setting));
  if (setting.ipv6_inside && setting.fitting < path::kSmallestIpv6)
    return make_check(kind, Status::warning, below_ipv6(setting.fitting));
  // Why it is smaller is said by the check of its direction.
  return make_check(kind, setting.is_smaller ? Status::warning : Status::ok, std::move(summary));
}

}  // namespace wgscope::diagnosis
