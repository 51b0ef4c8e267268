#include "wgscope/diagnosis/outer.hpp"

#include <algorithm>
#include <cstddef>
#include <initializer_list>
#include <iterator>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "wgscope/diagnosis/check_kinds.hpp"
#include "wgscope/diagnosis/finding.hpp"
#include "wgscope/diagnosis/icmp.hpp"
#include "wgscope/diagnosis/report.hpp"
#include "wgscope/diagnosis/route.hpp"
#include "wgscope/diagnosis/text.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/path/hop_search.hpp"
#include "wgscope/path/mtu_search.hpp"

#include "drop_place.hpp"
#include "handshake_parts.hpp"
#include "mtu_parts.hpp"
#include "outer_parts.hpp"
#include "sent.hpp"

namespace wgscope::diagnosis {
namespace {

using enum CheckKind;
using path::MtuResult;

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
  return {
      text("MTU = {} in [Interface] at both ends of the tunnel; without a restart: ip link set dev "
           "INTERFACE mtu {}",
           *fitting, *fitting),
      "or let ICMP \"too big\" pass the firewalls on the path",
      "to measure the tunnel's own flow: wgscope mtu --config FILE"};
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
  for (const auto& seen : {facts.forward, facts.both_ways})
    if (seen && is_limited_here(*seen)) return seen->own_limit;
  return std::nullopt;
}

/// The sizes that a search has come to: "at least 1400 bytes and at most 1479 (the upper limit is
/// not confirmed)".
Text so_far_text(const MtuResult& direction) {
  if (!direction.mtu) return "no size is known to arrive";
  if (direction.not_above) return size_text(direction);
  std::optional<std::size_t> lost;
  for (const path::MtuTrial& tried : direction.trials) {
    // What was tried last may still be on its way.
    const bool is_last = &tried == &direction.trials.back() && tried.sent == 1;
    if (tried.size <= *direction.mtu || tried.answered > 0 || tried.refused || is_last) continue;
    lost = std::min(lost.value_or(tried.size), tried.size);
  }
  if (!lost) return size_text(direction);
  return text("{} and at most {} (the upper limit is not confirmed)", size_text(direction),
              *lost - 1);
}

/// Of a search that did not come to its end.
Text unfinished_text(const OuterFacts& facts, const MtuResult& direction, Words what) {
  const Words why = either(facts.time_over, "the time was over: ", "");
  Text said = text("{}{}: {}", why, what, so_far_text(direction));
  if (direction.lossy) said.add("; packets of every size are lost");
  return said;
}

Check forward_unknown(const OuterFacts& facts) {
  const bool by_udp = facts.forward && facts.forward->mtu;
  const auto& tried = by_udp ? facts.forward : found_by_echo(facts);
  if (!tried || !tried->mtu) {
    if (facts.interrupted) return interrupted(outer_forward);
    return make_check(outer_forward, Status::unknown,
                      "no answer to a packet that was large enough to tell");
  }
  if (!by_udp && tried->not_above)
    return make_check(outer_forward, Status::unknown,
                      text("the MTU of the forward path: at least {} bytes (larger pings get no "
                           "reply, which alone proves nothing)",
                           *tried->mtu));
  return make_check(outer_forward, Status::unknown,
                    unfinished_text(facts, *tried, "the MTU of the forward path"));
}

/// "; 2 of 2 packets of 1480 bytes or more arrived": what a tick rests on. Empty: nothing counted
/// them.
Text rests_on(const OuterFacts& facts, std::initializer_list<std::optional<MtuResult>> searches,
              Words what) {
  std::size_t sent = 0;
  std::size_t answered = 0;
  for (const auto& search : searches) {
    if (!search || !search->mtu) continue;
    for (const path::MtuTrial& tried : search->trials) {
      if (tried.size < full_size(facts) || tried.size > *search->mtu) continue;
      sent += tried.sent;
      answered += tried.answered;
    }
  }
  if (answered == 0) return {};
  return text("; {} of {} {} of {} bytes or more {}", answered, sent,
              either(sent == 1, "packet", "packets"), full_size(facts), what);
}

Check forward_check(const OuterFacts& facts) {
  const auto proven = proven_forward(facts);
  if (proven && *proven >= full_size(facts))
    return make_check(
        outer_forward, Status::ok,
        text("{} bytes arrive unfragmented{}", *proven,
             rests_on(facts, {facts.forward, facts.both_ways, facts.forward_echo}, "arrived")));
  if (const auto limit = limit_here(facts)) return own_interface(facts, *limit);
  if (facts.forward && facts.forward->not_above)
    return too_large(facts, {*facts.forward, facts.forward_drop, "UDP"});
  if (ping_limit(facts) == PingLimit::path)
    return too_large(facts, {*found_by_echo(facts), facts.echo_drop, "echo requests"});
  return forward_unknown(facts);
}

void add_replies(const OuterFacts& facts, Finding& finding) {
  if (facts.largest_fragment)
    finding.evidence.push_back(text("the largest fragment had {} bytes", *facts.largest_fragment));
  if (const auto forward = proven_forward(facts))
    finding.evidence.push_back(text("to {}, {} bytes arrive", end_of(facts), *forward));
  add_tried(*facts.both_ways, "echo requests of ", finding);
}

/// Replies above some size are cut on the reverse path.
Finding cut_back(const OuterFacts& facts) {
  Finding finding{.id = FindingId::mtu_fragments,
                  .cause = text("the path MTU from {} is {}, and larger replies arrive in "
                                "fragments; {}",
                                end_of(facts), size_text(*facts.both_ways), need_text(facts)),
                  .evidence = {}};
  add_replies(facts, finding);
  finding.fix = setting_fix(facts);
  return finding;
}

/// Why nothing confirms what became of the large pings.
Text unsettled_text(const OuterFacts& facts) {
  if (!facts.udp_answers) return text("{} does not answer UDP to closed ports", end_of(facts));
  if (facts.time_over) return "the time was over before UDP could tell";
  return "UDP could not tell";
}

Text large_pings_text(const OuterFacts& facts, PingLimit limit) {
  const MtuResult& echo = *found_by_echo(facts);
  const Text pings =
      text("pings of more than {} bytes to {} get no reply", *echo.mtu, end_of(facts));
  const auto where =
      facts.echo_drop ? place_of_drop(*facts.echo_drop, end_of(facts)) : std::nullopt;
  const auto forward = proven_forward(facts);
  if (limit == PingLimit::pings && facts.udp_gets_past)
    return text(
        "{}, but UDP of {} bytes passes where they are lost: large pings are filtered {}; "
        "the path MTU is unknown",
        pings, *echo.mtu + 1, *where);
  if (limit == PingLimit::pings) {
    // Without a reply that was its request's, nothing is known of that path.
    const auto& back = facts.both_ways->mtu;
    return text(
        "{}, but UDP of {} bytes arrives: large pings are filtered{}; the reverse path is "
        "unknown{}",
        pings, *forward, where ? text(" {}", *where) : Text(),
        back ? text(" above {} bytes", *back) : Text());
  }
  if (limit == PingLimit::pings_or_back)
    return text(
        "{}, but UDP of {} bytes arrives: either the host or a firewall drops large pings, "
        "or the path MTU from there is {} (cannot tell which)",
        pings, *forward, size_text(echo));
  return text(
      "{}: either the host or a firewall drops large pings, or the path MTU is {} (cannot "
      "tell which: {})",
      pings, size_text(echo), unsettled_text(facts));
}

/// Nothing confirms that the path is to blame, so no MTU is advised.
Check large_pings(const OuterFacts& facts, PingLimit limit) {
  Finding finding{
      .id = FindingId::outer_large_pings, .cause = large_pings_text(facts, limit), .evidence = {}};
  add_tried(*found_by_echo(facts), "echo requests of ", finding);
  if (facts.forward) add_tried(*facts.forward, "UDP of ", finding);
  if (facts.echo_drop) add_place(*facts.echo_drop, end_of(facts), finding);
  finding.fix = {"measure the tunnel's own flow, which needs a key: wgscope mtu --config FILE",
                 "or name another host behind the same path: wgscope mtu --outer HOST"};
  return make_check(outer_both, Status::unknown, std::move(finding));
}

/// "192.0.2.1 answers an echo request of 1480 bytes with 92 bytes"
Text changed_text(const OuterFacts& facts) {
  const ChangedReply& changed = *facts.changed_reply;
  if (changed.request == changed.reply)
    return text("{} answers an echo request of {} bytes with other bytes", end_of(facts),
                changed.request);
  return text("{} answers an echo request of {} bytes with {} bytes", end_of(facts),
              changed.request, changed.reply);
}

Check both_unknown(const OuterFacts& facts) {
  const bool has_size = facts.both_ways && facts.both_ways->mtu;
  if (has_size && facts.changed_reply)
    return make_check(outer_both, Status::unknown,
                      text("cannot measure the reverse path above {} bytes: {}",
                           *facts.both_ways->mtu, changed_text(facts)));
  if (has_size)
    return make_check(outer_both, Status::unknown,
                      unfinished_text(facts, *facts.both_ways, "the MTU in both directions"));
  if (facts.interrupted) return interrupted(outer_both);
  if (facts.both_ways)
    return make_check(outer_both, Status::unknown, "no reply was large enough to tell");
  if (facts.echo_refused)
    return make_check(outer_both, Status::unknown,
                      text("cannot measure the reverse path: {}", Name{*facts.echo_refused}));
  if (facts.strange_replies > 0)
    return make_check(outer_both, Status::unknown,
                      text("cannot measure the reverse path: {} answers pings with other bytes "
                           "than they carried",
                           end_of(facts)));
  return make_check(
      outer_both, Status::unknown,
      text("cannot measure the reverse path: {} does not answer pings", end_of(facts)));
}

/// One cause, told once: by the forward path.
Check as_forward(const OuterFacts& facts, const Check& forward) {
  Check check = skipped(outer_both, forward.finding->id);
  check.essential = false;
  check.summary = text("the path MTU in both directions is that of the forward path, {}",
                       size_text(*facts.both_ways));
  return check;
}

Check both_check(const OuterFacts& facts, const Check& forward) {
  if (!facts.both_ways) return both_unknown(facts);
  const MtuResult& both = *facts.both_ways;
  if (fits(facts, both))
    return make_check(outer_both, Status::ok,
                      text("{} unfragmented in both directions{}", arrival_text(both),
                           rests_on(facts, {facts.both_ways}, "came back")));
  if (is_limited_here(both))
    return make_check(
        outer_both, Status::ok,
        text("{} bytes, the most that this host sends, arrive in both directions", *both.mtu));
  switch (const PingLimit limit = ping_limit(facts)) {
    case PingLimit::pings:
    case PingLimit::pings_or_back:
    case PingLimit::unknown: return large_pings(facts, limit);
    case PingLimit::fragments: return make_check(outer_both, Status::warning, cut_back(facts));
    case PingLimit::path:
      if (forward.finding && !facts.forward_echo) return as_forward(facts, forward);
      break;
    case PingLimit::none: break;
  }
  return both_unknown(facts);
}

/// Why nothing answers, as far as somebody says so.
Text unanswered_text(const OuterFacts& facts) {
  if (facts.send_errno)
    return text("cannot send to {}: {}", end_of(facts), send_error_text(*facts.send_errno));
  if (facts.unreachable && facts.unreachable->from_this_host)
    return text(
        "{} cannot be reached: nobody on the link answers for its address, or for that of "
        "the router towards it",
        end_of(facts));
  if (facts.unreachable)
    return text("{} cannot be reached: {}", end_of(facts), describe(*facts.unreachable));
  if (facts.strange_replies > 0)
    return text(
        "{} answers pings with other bytes than they carried, and UDP to closed ports not "
        "at all",
        end_of(facts));
  return text("{} answers neither pings nor UDP to closed ports", end_of(facts));
}

Finding unanswered(const OuterFacts& facts) {
  Finding finding{
      .id = FindingId::outer_unanswered, .cause = unanswered_text(facts), .evidence = {}};
  if (facts.echo_refused)
    finding.evidence.push_back(text("no pings were sent: {}", Name{*facts.echo_refused}));
  if (facts.send_errno || (facts.unreachable && facts.unreachable->from_this_host)) {
    finding.fix = {
        text("on this host: ip route get {} shows the route that its packets take", end_of(facts))};
    return finding;
  }
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
  if (!is_both_known(facts))
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
                        .is_smaller = is_both_known(facts) && *fitting < facts.tunnel_mtu,
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
  // One cause, told once. What was found is worth more than what was not.
  if (forward.status == Status::unknown && both.finding) forward.essential = false;
  if (forward.finding && both.status == Status::unknown) both.essential = false;
  std::vector<Check> checks{std::move(forward), std::move(both)};
  for (auto& more : {mark_check(facts), setting_of(facts)})
    if (more) checks.push_back(*more);
  return checks;
}

}  // namespace

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
  add_sent(facts, report);
  const auto add = [&](const std::optional<std::size_t>& mtu, Words name) {
    if (!mtu) return;
    report.measurements.push_back({.name = "wireguard_probe_path_mtu_bytes",
                                   .labels = {{"direction", name}, {"layer", "outer"}},
                                   .value = static_cast<double>(*mtu)});
  };
  add(known_forward(facts), "forward");
  add(known_backward(facts), "backward");
}

Text success(const OuterFacts& facts) { return way_prefix(tunnel_of(facts)).add(fit_text(facts)); }

}  // namespace wgscope::diagnosis
