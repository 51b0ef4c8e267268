#include "wgscope/diagnosis/outer.hpp"

#include <algorithm>
#include <cstddef>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "wgscope/diagnosis/check_kinds.hpp"
#include "wgscope/diagnosis/finding.hpp"
#include "wgscope/diagnosis/mtu.hpp"
#include "wgscope/diagnosis/report.hpp"
#include "wgscope/diagnosis/text.hpp"

#include "drop_place.hpp"
#include "mtu_parts.hpp"

namespace wgscope::diagnosis {
namespace {

using enum CheckKind;

/// As in path/mtu_result.cpp: losses that are worth a word.
constexpr std::size_t kLossWorthAWord = 3;

std::size_t full_size(const OuterFacts& facts) { return facts.tunnel_mtu + facts.overhead; }

bool fits(const OuterFacts& facts, const MtuDirection& direction) {
  return direction.mtu && *direction.mtu >= full_size(facts);
}

Text end_of(const OuterFacts& facts) { return text("{}", facts.host_address->address); }

/// "the tunnel's MTU of 1420 makes 1480"
Text need_text(const OuterFacts& facts) {
  return text("{} MTU of {} makes {}", facts.tunnel_mtu_known ? "the tunnel's" : "a tunnel's usual",
              facts.tunnel_mtu, full_size(facts));
}

std::vector<Text> setting_fix(const OuterFacts& facts) {
  const auto fitting = fitting_mtu(facts);
  if (!fitting) return {};
  return {text("MTU = {} in [Interface] at both ends of the tunnel; at once: ip link set dev "
               "INTERFACE mtu {}",
               *fitting, *fitting),
          "or let ICMP \"too big\" pass on the way; wgscope mtu without --outer looks at the "
          "tunnel's own flow"};
}

Finding too_large(const OuterFacts& facts, const MtuDirection& direction, const char* witness) {
  const bool reported = direction.hop.has_value();
  Finding finding{.id = reported ? FindingId::mtu_reported : FindingId::mtu_black_hole_forward,
                  .cause = {},
                  .evidence = {}};
  const Text head = text("the path to {} takes {}", end_of(facts), size_text(direction));
  if (reported) {
    finding.cause = text("{}; {} says so: {}", head, *direction.hop, need_text(facts));
  } else {
    const auto where =
        direction.place ? place_of_drop(*direction.place, end_of(facts)) : std::nullopt;
    finding.cause = text("{} and drops what is larger without a word{}: {}", head,
                         where ? text(", {}", *where) : Text(), need_text(facts));
  }
  add_tried(direction, text("{} of ", Text(witness)), finding);
  if (direction.place) add_place(*direction.place, end_of(facts), finding);
  finding.fix = setting_fix(facts);
  return finding;
}

/// The way back takes less than the way there.
Finding smaller_back(const OuterFacts& facts) {
  const MtuDirection& both = *facts.both;
  Finding finding{
      .id = facts.largest_fragment ? FindingId::mtu_fragments : FindingId::mtu_black_hole_backward,
      .cause = text("the path back from {} takes {}{}: {}", end_of(facts), size_text(both),
                    facts.largest_fragment ? " and larger replies come in fragments"
                                           : " and drops what is larger",
                    need_text(facts)),
      .evidence = {}};
  if (facts.largest_fragment)
    finding.evidence.push_back(text("the largest fragment had {} bytes", *facts.largest_fragment));
  if (const auto forward = proven_forward(facts))
    finding.evidence.push_back(text("on the way there {} bytes arrive", *forward));
  add_tried(both, "echo requests of ", finding);
  finding.fix = setting_fix(facts);
  return finding;
}

Finding unanswered(const OuterFacts& facts) {
  Finding finding{.id = FindingId::outer_unanswered,
                  .cause = text("{} answers neither pings nor UDP to closed ports", end_of(facts)),
                  .evidence = {}};
  if (facts.echo_refused)
    finding.evidence.push_back(text("no pings were sent: {}", Name{*facts.echo_refused}));
  finding.fix = {"name another host behind the same path: wgscope mtu --outer HOST",
                 "or search through the tunnel, which needs a key: wgscope mtu --config FILE"};
  return finding;
}

void conclude(Check& check, Status status, Finding finding) {
  check.status = status;
  check.summary = finding.cause;
  check.finding = std::move(finding);
}

bool is_lossy(const MtuDirection& direction) { return direction.controls_lost >= kLossWorthAWord; }

Finding own_interface(const OuterFacts& facts, std::size_t limit) {
  return {.id = FindingId::mtu_own_interface,
          .cause = text("this host's own interface takes {} bytes, {}", limit, need_text(facts)),
          .evidence = {"the kernel refused to send more (EMSGSIZE)"},
          .fix = setting_fix(facts)};
}

/// Of the interface, where that is what limits.
std::optional<std::size_t> limit_here(const OuterFacts& facts) {
  for (const auto& seen : {facts.forward, facts.both})
    if (seen && is_limited_here(*seen)) return seen->own_limit;
  return std::nullopt;
}

Check forward_check(const OuterFacts& facts) {
  Check check = make_check(outer_forward, Status::ok, Text());
  const auto proven = proven_forward(facts);
  if (proven && *proven >= full_size(facts)) {
    check.summary = text("{} bytes arrive whole", *proven);
  } else if (const auto limit = limit_here(facts)) {
    conclude(check, Status::warning, own_interface(facts, *limit));
  } else if (facts.forward && facts.forward->not_above) {
    conclude(check, facts.forward->hop ? Status::warning : Status::critical,
             too_large(facts, *facts.forward, "UDP"));
  } else if (!facts.forward && facts.both && facts.both->not_above &&
             is_dropped_before_end(*facts.both)) {
    conclude(check, facts.both->hop ? Status::warning : Status::critical,
             too_large(facts, *facts.both, "echo requests"));
  } else {
    check.status = Status::unknown;
    check.summary = proven ? text("not told: {} bytes arrive", *proven)
                           : Text("not told: nothing large enough was answered");
    const auto& tried = facts.forward ? facts.forward : facts.both;
    if (tried && is_lossy(*tried)) check.summary.add(", and packets of every size are lost");
  }
  return check;
}

Check both_check(const OuterFacts& facts, const Check& forward) {
  Check check = make_check(outer_both, Status::ok, Text());
  if (!facts.both) {
    check.status = Status::unknown;
    check.summary = facts.echo_refused
                        ? text("the way back is not told: {}", Name{*facts.echo_refused})
                        : text("the way back is not told: {} does not answer pings", end_of(facts));
    return check;
  }
  const MtuDirection& both = *facts.both;
  const auto proven = proven_forward(facts);
  if (fits(facts, both)) {
    check.summary = text("{} pass whole, there and back", size_text(both));
  } else if (is_limited_here(both)) {
    check.summary = text("{}, all that this host sends, pass there and back", *both.mtu);
  } else if (!both.mtu || !both.not_above) {
    check.status = Status::unknown;
    check.summary = both.mtu ? text("not told: {} bytes pass", *both.mtu)
                             : Text("not told: no reply large enough to tell");
  } else if (proven && *proven > *both.not_above) {
    conclude(check, facts.largest_fragment ? Status::warning : Status::critical,
             smaller_back(facts));
  } else if (forward.finding) {
    check.status = Status::skipped;
    check.because = forward.finding->id;
    check.essential = false;
    check.summary = text("{} pass there and back, as many as on the way there", size_text(both));
  } else if (facts.largest_fragment) {  // so the request had arrived
    conclude(check, Status::warning, smaller_back(facts));
  } else {
    Finding finding = smaller_back(facts);
    finding.id = FindingId::mtu_black_hole_backward;
    finding.cause = text("the path to {} or back takes {} and drops what is larger: {}",
                         end_of(facts), size_text(both), need_text(facts));
    conclude(check, Status::critical, std::move(finding));
  }
  return check;
}

std::optional<Check> setting_check(const OuterFacts& facts) {
  const auto fitting = fitting_mtu(facts);
  if (!fitting) return std::nullopt;
  Check check = make_check(outer_setting, Status::ok, success(facts));
  if (facts.both && *fitting < facts.tunnel_mtu) check.status = Status::warning;
  if (*fitting >= kLeastForIpv6 || !facts.ipv6_inside) return check;
  conclude(check, Status::warning, below_ipv6(*fitting));
  return check;
}

std::optional<Check> mark_check(const OuterFacts& facts) {
  if (!facts.mark_refused) return std::nullopt;
  return make_check(outer_mark, Status::unknown,
                    text("packets went without the configuration's FwMark, so they may have taken "
                         "another way than the tunnel's: {}",
                         Name{*facts.mark_refused}));
}

Check host_check(const OuterFacts& facts) {
  if (!facts.error) return interrupted(outer_host);
  return make_check(outer_host, Status::unknown, text("{}", Name{facts.error->context}));
}

}  // namespace

std::optional<std::size_t> proven_forward(const OuterFacts& facts) {
  std::optional<std::size_t> proven;
  for (const auto& direction : {facts.forward, facts.both})
    if (direction && direction->mtu) proven = std::max(proven.value_or(0), *direction->mtu);
  return proven;
}

bool is_dropped_before_end(const MtuDirection& both) {
  return both.hop || (both.place && both.place->first && !both.place->first->is_end);
}

bool is_limited_here(const MtuDirection& direction) {
  return direction.own_limit && direction.mtu && *direction.mtu >= *direction.own_limit;
}

std::optional<std::size_t> fitting_mtu(const OuterFacts& facts) {
  const auto& direction = facts.both ? facts.both : facts.forward;
  if (!direction || !is_known(*direction, full_size(facts)) ||
      *direction->mtu <= facts.overhead + kTcpOverIpv6)
    return std::nullopt;
  return *direction->mtu - facts.overhead;
}

std::vector<Check> diagnose(const OuterFacts& facts) {
  if (!facts.host_address || facts.error) return {host_check(facts)};
  if (!facts.udp_answers && !facts.echo_answers) {
    if (facts.interrupted) return {interrupted(outer_forward)};
    return {make_check(outer_forward, Status::unknown, unanswered(facts))};
  }
  Check forward = forward_check(facts);
  Check both = both_check(facts, forward);
  // One cause, told once: where neither alone is to blame, both together are.
  if (forward.status == Status::unknown && both.finding) forward.essential = false;
  std::vector<Check> checks{std::move(forward), std::move(both)};
  if (auto mark = mark_check(facts)) checks.push_back(std::move(*mark));
  if (auto setting = setting_check(facts)) checks.push_back(std::move(*setting));
  return checks;
}

void measure(const OuterFacts& facts, Report& report) {
  const auto add = [&](const std::optional<std::size_t>& mtu, const char* name) {
    if (!mtu) return;
    report.measurements.push_back({.name = "wireguard_probe_path_mtu_bytes",
                                   .labels = {{"direction", name}, {"layer", "outer"}},
                                   .value = static_cast<double>(*mtu)});
  };
  std::optional<std::size_t> forward;
  for (const auto& direction : {facts.forward, facts.both})
    if (direction && is_known(*direction, full_size(facts)))
      forward = std::max(forward.value_or(0), *direction->mtu);
  add(forward, "forward");
  if (facts.both && is_known(*facts.both, full_size(facts))) add(facts.both->mtu, "backward");
}

Text success(const OuterFacts& facts) {
  const auto fitting = fitting_mtu(facts);
  if (!fitting) return text("MTU {}", facts.tunnel_mtu);
  if (!facts.both)
    return text("the path to {} takes {} bytes on the way there; the way back is not told",
                end_of(facts), *fitting + facts.overhead);
  const Text head = text(
      "the path to {} takes {} bytes there and back: a tunnel of MTU {} fits, TCP MSS {} (IPv6: "
      "{})",
      end_of(facts), *fitting + facts.overhead, *fitting, *fitting - kTcpOverIpv4,
      *fitting - kTcpOverIpv6);
  if (*fitting < facts.tunnel_mtu)
    return text("{}; {} is {} too many", head, facts.tunnel_mtu, facts.tunnel_mtu - *fitting);
  return text("{}; margin {} bytes over {}", head, *fitting - facts.tunnel_mtu, facts.tunnel_mtu);
}

}  // namespace wgscope::diagnosis
