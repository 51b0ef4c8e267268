#include "wgscope/diagnosis/outer.hpp"

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "wgscope/diagnosis/check_kinds.hpp"
#include "wgscope/diagnosis/finding.hpp"
#include "wgscope/diagnosis/report.hpp"
#include "wgscope/diagnosis/route.hpp"
#include "wgscope/diagnosis/text.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/path/hop_search.hpp"
#include "wgscope/path/mtu_search.hpp"

#include "drop_place.hpp"
#include "mtu_parts.hpp"

namespace wgscope::diagnosis {
namespace {

using enum CheckKind;
using path::MtuResult;

std::size_t full_size(const OuterFacts& facts) { return facts.tunnel_mtu + facts.overhead; }

bool fits(const OuterFacts& facts, const MtuResult& direction) {
  return direction.mtu && *direction.mtu >= full_size(facts);
}

Text end_of(const OuterFacts& facts) { return text("{}", facts.host_address->address); }

/// "a full packet of the tunnel (MTU 1420) has 1480 bytes"
Text need_text(const OuterFacts& facts) {
  return text("a full packet of {} (MTU {}) has {} bytes",
              either(facts.tunnel_mtu_known, "the tunnel", "a usual tunnel"), facts.tunnel_mtu,
              full_size(facts));
}

std::vector<Text> setting_fix(const OuterFacts& facts) {
  const auto fitting = fitting_mtu(facts);
  if (!fitting) return {};
  return {text("MTU = {} in [Interface] at both ends of the tunnel; at once: ip link set dev "
               "INTERFACE mtu {}",
               *fitting, *fitting),
          "or let ICMP \"too big\" pass the firewalls on the path",
          "to measure the tunnel's own flow: wgscope mtu without --outer"};
}

/// What one witness saw of the forward path.
struct Witness {
  const MtuResult& result;
  const std::optional<path::HopSearchResult>& drop;
  Words name;  ///< "UDP"
};

/// The forward path takes less than is needed.
Check too_large(const OuterFacts& facts, const Witness& witness) {
  const auto reporter = reporter_of(witness.result);
  Finding finding{.id = reporter ? FindingId::mtu_reported : FindingId::mtu_black_hole_forward,
                  .cause = {},
                  .evidence = {}};
  const Text path_mtu = text("the path MTU to {} is {}", end_of(facts), size_text(witness.result));
  if (reporter) {
    finding.cause = text("{}, as {} reports; {}", path_mtu, *reporter, need_text(facts));
  } else {
    const auto where = witness.drop ? place_of_drop(*witness.drop, end_of(facts)) : std::nullopt;
    finding.cause = text("{}, and larger packets are silently dropped{}; {}", path_mtu,
                         where ? text(" {}", *where) : Text(), need_text(facts));
  }
  add_tried(witness.result, text("{} of ", witness.name), finding);
  if (witness.drop) add_place(*witness.drop, end_of(facts), finding);
  finding.fix = setting_fix(facts);
  return make_check(outer_forward, reporter ? Status::warning : Status::critical,
                    std::move(finding));
}

Check own_interface(const OuterFacts& facts, std::size_t limit) {
  return make_check(outer_forward, Status::warning,
                    {.id = FindingId::mtu_own_interface,
                     .cause = text("this host's own interface sends at most {} bytes; {}", limit,
                                   need_text(facts)),
                     .evidence = {"the kernel refused to send more (EMSGSIZE)"},
                     .fix = setting_fix(facts)});
}

/// Of the interface, where that is what limits.
std::optional<std::size_t> limit_here(const OuterFacts& facts) {
  for (const auto& seen : {facts.forward, facts.both})
    if (seen && is_limited_here(*seen)) return seen->own_limit;
  return std::nullopt;
}

Check forward_unknown(const OuterFacts& facts) {
  if (facts.interrupted) return interrupted(outer_forward);
  const auto proven = proven_forward(facts);
  Text summary = proven
                     ? text("{} bytes arrive; larger sizes were not measured to the end", *proven)
                     : Text("no answer to a packet that was large enough to tell");
  const auto& tried = facts.forward ? facts.forward : facts.both;
  if (tried && tried->lossy) summary.add("; packets of every size are lost");
  return make_check(outer_forward, Status::unknown, std::move(summary));
}

Check forward_check(const OuterFacts& facts) {
  const auto proven = proven_forward(facts);
  if (proven && *proven >= full_size(facts))
    return make_check(outer_forward, Status::ok, text("{} bytes arrive unfragmented", *proven));
  if (const auto limit = limit_here(facts)) return own_interface(facts, *limit);
  if (facts.forward && facts.forward->not_above)
    return too_large(facts, {*facts.forward, facts.forward_drop, "UDP"});
  if (!facts.forward && facts.both && facts.both->not_above && is_dropped_before_end(facts))
    return too_large(facts, {*facts.both, facts.both_drop, "echo requests"});
  return forward_unknown(facts);
}

void add_replies(const OuterFacts& facts, Finding& finding) {
  if (facts.largest_fragment)
    finding.evidence.push_back(text("the largest fragment had {} bytes", *facts.largest_fragment));
  if (const auto forward = proven_forward(facts))
    finding.evidence.push_back(text("to {}, {} bytes arrive", end_of(facts), *forward));
  add_tried(*facts.both, "echo requests of ", finding);
}

/// The reverse path takes less than the forward path.
Finding smaller_back(const OuterFacts& facts) {
  Finding finding{
      .id = facts.largest_fragment ? FindingId::mtu_fragments : FindingId::mtu_black_hole_backward,
      .cause = text(
          "the path MTU from {} is {}, and larger replies {}; {}", end_of(facts),
          size_text(*facts.both),
          either(facts.largest_fragment.has_value(), "arrive in fragments", "are silently dropped"),
          need_text(facts)),
      .evidence = {}};
  add_replies(facts, finding);
  finding.fix = setting_fix(facts);
  return finding;
}

/// Which of both directions takes less is unknown.
Finding smaller_somewhere(const OuterFacts& facts) {
  Finding finding{.id = FindingId::mtu_black_hole_backward,
                  .cause = text("the path MTU to {} or from it is {}, and larger packets are "
                                "silently dropped (cannot tell in which direction); {}",
                                end_of(facts), size_text(*facts.both), need_text(facts)),
                  .evidence = {}};
  add_replies(facts, finding);
  finding.fix = setting_fix(facts);
  return finding;
}

Check both_unknown(const OuterFacts& facts) {
  if (facts.interrupted) return interrupted(outer_both);
  if (facts.both)
    return make_check(
        outer_both, Status::unknown,
        facts.both->mtu
            ? text("{} bytes arrive; larger sizes were not measured to the end", *facts.both->mtu)
            : Text("no reply was large enough to tell"));
  if (facts.echo_refused)
    return make_check(outer_both, Status::unknown,
                      text("cannot measure the reverse path: {}", Name{*facts.echo_refused}));
  return make_check(
      outer_both, Status::unknown,
      text("cannot measure the reverse path: {} does not answer pings", end_of(facts)));
}

Check both_check(const OuterFacts& facts, const Check& forward) {
  if (!facts.both) return both_unknown(facts);
  const MtuResult& both = *facts.both;
  if (fits(facts, both))
    return make_check(outer_both, Status::ok,
                      text("{} unfragmented in both directions", arrival_text(both)));
  if (is_limited_here(both))
    return make_check(
        outer_both, Status::ok,
        text("{} bytes, the most that this host sends, arrive in both directions", *both.mtu));
  if (!both.mtu || !both.not_above) return both_unknown(facts);
  const auto proven = proven_forward(facts);
  if (proven && *proven > *both.not_above)
    return make_check(outer_both, facts.largest_fragment ? Status::warning : Status::critical,
                      smaller_back(facts));
  if (forward.finding) {
    Check check = skipped(outer_both, forward.finding->id);
    check.essential = false;
    check.summary =
        text("the path MTU in both directions is that of the forward path, {}", size_text(both));
    return check;
  }
  // Replies in fragments: the request had arrived whole.
  if (facts.largest_fragment) return make_check(outer_both, Status::warning, smaller_back(facts));
  return make_check(outer_both, Status::critical, smaller_somewhere(facts));
}

Finding unanswered(const OuterFacts& facts) {
  Finding finding{.id = FindingId::outer_unanswered,
                  .cause = text("{} answers neither pings nor UDP to closed ports", end_of(facts)),
                  .evidence = {}};
  if (facts.echo_refused)
    finding.evidence.push_back(text("no pings were sent: {}", Name{*facts.echo_refused}));
  finding.fix = {"name another host behind the same path: wgscope mtu --outer HOST",
                 "or measure through the tunnel, which needs a key: wgscope mtu --config FILE"};
  return finding;
}

std::optional<Check> mark_check(const OuterFacts& facts) {
  if (!facts.mark_refused) return std::nullopt;
  return make_check(outer_mark, Status::unknown,
                    text("packets were sent without the configuration's FwMark, so they may have "
                         "taken another path than the tunnel's: {}",
                         Name{*facts.mark_refused}));
}

/// That the user wants to measure through.
std::string tunnel_of(const OuterFacts& facts) {
  return accepted_tunnel(facts.route ? &*facts.route : nullptr);
}

/// "packets of 1500 bytes arrive at 192.0.2.1 and back: …"
Text fit_text(const OuterFacts& facts) {
  const auto fitting = fitting_mtu(facts);
  if (!fitting) return text("MTU {}", facts.tunnel_mtu);
  const std::size_t path_mtu = *fitting + facts.overhead;
  if (!facts.both)
    return text("packets of {} bytes arrive at {}; the reverse path was not measured", path_mtu,
                end_of(facts));
  const Text head = text(
      "packets of {} bytes arrive at {} and back: a tunnel of MTU {} fits, TCP MSS {} (IPv6: {})",
      path_mtu, end_of(facts), *fitting, *fitting - kTcpOverIpv4, *fitting - kTcpOverIpv6);
  if (*fitting < facts.tunnel_mtu)
    return text("{}; MTU {} is {} bytes too large", head, facts.tunnel_mtu,
                facts.tunnel_mtu - *fitting);
  return text("{}; margin {} bytes over MTU {}", head, *fitting - facts.tunnel_mtu,
              facts.tunnel_mtu);
}

std::optional<Check> setting_of(const OuterFacts& facts) {
  const auto fitting = fitting_mtu(facts);
  if (!fitting) return std::nullopt;
  return setting_check(outer_setting,
                       {.fitting = *fitting,
                        .is_smaller = facts.both && *fitting < facts.tunnel_mtu,
                        .ipv6_inside = facts.ipv6_inside},
                       fit_text(facts));
}

Check host_check(const OuterFacts& facts) {
  if (!facts.error) return interrupted(outer_host);
  return make_check(outer_host, Status::unknown, text("{}", Name{facts.error->context}));
}

std::vector<Check> path_checks(const OuterFacts& facts) {
  if (!facts.udp_answers && !facts.echo_answers) {
    if (facts.interrupted) return {interrupted(outer_forward)};
    return {make_check(outer_forward, Status::unknown, unanswered(facts))};
  }
  Check forward = forward_check(facts);
  Check both = both_check(facts, forward);
  // One cause, told once: where neither alone is to blame, both together are.
  if (forward.status == Status::unknown && both.finding) forward.essential = false;
  std::vector<Check> checks{std::move(forward), std::move(both)};
  for (auto& more : {mark_check(facts), setting_of(facts)})
    if (more) checks.push_back(*more);
  return checks;
}

}  // namespace

std::optional<std::size_t> proven_forward(const OuterFacts& facts) {
  std::optional<std::size_t> proven;
  for (const auto& direction : {facts.forward, facts.both})
    if (direction && direction->mtu) proven = std::max(proven.value_or(0), *direction->mtu);
  return proven;
}

bool is_dropped_before_end(const OuterFacts& facts) {
  if (facts.both && facts.both->report) return true;
  return facts.both_drop && facts.both_drop->first && !facts.both_drop->first->is_end;
}

bool is_limited_here(const MtuResult& direction) {
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
  std::vector<Check> checks;
  if (facts.route) {
    // Any host may be named here, this one too.
    checks.push_back(check_route(*facts.route, true));
    if (is_astray(*facts.route)) {
      for (const CheckKind kind : {outer_forward, outer_both})
        checks.push_back(skipped(kind, FindingId::through_tunnel));
      return checks;
    }
  }
  std::vector<Check> of_path = path_checks(facts);
  mark_way(tunnel_of(facts), of_path);
  std::ranges::move(of_path, std::back_inserter(checks));
  return checks;
}

void measure(const OuterFacts& facts, Report& report) {
  const auto add = [&](const std::optional<std::size_t>& mtu, Words name) {
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

Text success(const OuterFacts& facts) { return way_prefix(tunnel_of(facts)).add(fit_text(facts)); }

}  // namespace wgscope::diagnosis
