#include "wgscope/diagnosis/mtu.hpp"

#include <algorithm>
#include <cstddef>
#include <optional>
#include <utility>
#include <vector>

#include "wgscope/diagnosis/check_kinds.hpp"
#include "wgscope/diagnosis/finding.hpp"
#include "wgscope/diagnosis/report.hpp"
#include "wgscope/diagnosis/route.hpp"
#include "wgscope/diagnosis/text.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/path/mtu_search.hpp"
#include "wgscope/path/size_loss.hpp"

#include "drop_place.hpp"
#include "mtu_parts.hpp"
#include "sent.hpp"

namespace wgscope::diagnosis {
namespace {

using enum CheckKind;
using path::MtuResult;
using path::MtuVerdict;

constexpr Words kEnd = "the gateway";

/// "a full packet of the tunnel (MTU 1420) has 1480 bytes"
Text need_text(const MtuFacts& facts) {
  return text("a full packet of the tunnel (MTU {}) has {} bytes", facts.tunnel_mtu,
              full_size(facts));
}

std::vector<Text> setting_fix(const MtuFacts& facts) {
  const auto fitting = fitting_mtu(facts);
  if (!fitting) return {};
  const std::size_t advised = *advised_mtu(facts);
  std::vector<Text> fix{text(
      "MTU = {} in [Interface] at both ends; without a restart: ip link set dev INTERFACE mtu {}",
      advised, advised)};
  // Where larger datagrams are lost at times already, none that are larger still are worth a try.
  if (const auto likely = likely_mtu(facts); likely && advised == *fitting)
    fix.push_back(
        text("an MTU up to {} may fit as well: the gateway's replies have sizes in steps of 16 "
             "bytes. To measure it to the byte, run wgscope listen on the gateway",
             *likely));
  fix.emplace_back("if only TCP matters, lower its MSS instead:");
  for (Text& line : clamp_fix(advised)) fix.push_back(std::move(line));
  return fix;
}

/// One direction, and what it is called.
struct Direction {
  const MtuResult& result;
  bool backward = false;

  [[nodiscard]] Words way() const { return either(backward, "from the gateway", "to the gateway"); }
};

void add_fragments(const MtuFacts& facts, const Direction& direction, Finding& finding) {
  if (direction.backward) {
    finding.evidence.push_back(cutting_evidence(facts));
  } else if (facts.fragments_pass) {
    finding.evidence.emplace_back(
        *facts.fragments_pass ? Words("datagrams that may be fragmented do arrive: the kernel's "
                                      "WireGuard gets through, "
                                      "but slower; implementations that forbid fragments do not")
                              : Words("datagrams that may be fragmented do not arrive either"));
  }
}

Finding too_large(const MtuFacts& facts, const Direction& direction, FindingId id) {
  Finding finding{.id = id, .cause = {}, .evidence = {}};
  const Text path_mtu = text("the path MTU {} is {}", direction.way(), size_text(direction.result));
  const auto& drop = direction.backward ? std::nullopt : facts.drop;
  if (const auto reporter = reporter_of(direction.result);
      id == FindingId::mtu_reported && reporter) {
    finding.cause = text("{}, as {} reports; {}", path_mtu, *reporter, need_text(facts));
  } else {
    const auto where = drop ? place_of_drop(*drop, kEnd) : std::nullopt;
    finding.cause = text("{}, and larger packets are silently dropped{}; {}", path_mtu,
                         where ? text(" {}", *where) : Text(), need_text(facts));
  }
  if (fitting_mtu(facts)) finding.cause.add(text(": set MTU {}", *advised_mtu(facts)));
  add_tried(direction.result, "packets of ", finding);
  if (drop) add_place(*drop, kEnd, finding);
  add_fragments(facts, direction, finding);
  finding.fix = setting_fix(facts);
  return finding;
}

Finding limit_ended(const MtuFacts& facts) {
  const auto reporter = reporter_of(*facts.forward);
  Finding finding{
      .id = reporter ? FindingId::mtu_reported : FindingId::mtu_black_hole_forward,
      .cause = text(
          "the path to the gateway changed while it was measured: at first its MTU was {}, "
          "{}; later a larger packet arrived",
          size_text(*facts.forward),
          reporter ? text("as {} reported", *reporter) : Text("and larger packets were dropped")),
      .evidence = {},
      .fix = {"see whether the limit comes back: wgscope mtu --config FILE --watch --every 1m"}};
  add_tried(*facts.forward, {}, finding);
  return finding;
}

Finding refused_here(const MtuFacts& facts, const Direction& direction) {
  return {.id = FindingId::mtu_own_interface,
          .cause = text("{} own interface sends at most {} bytes; {}",
                        either(direction.backward, "the gateway's", "this host's"),
                        *direction.result.own_limit, need_text(facts)),
          .evidence = {direction.backward ? Words("the gateway's measuring service says so")
                                          : Words("the kernel refused to send more (EMSGSIZE)")},
          .fix = setting_fix(facts)};
}

Finding fragmented(const MtuFacts& facts) {
  Finding finding{
      .id = FindingId::mtu_fragments,
      .cause = text("the gateway's full datagrams arrive in fragments: the path MTU from the "
                    "gateway is {}; {}",
                    size_text(*facts.backward), need_text(facts)),
      .evidence = {text("the largest fragment had {} bytes", *facts.largest_fragment)}};
  finding.evidence.push_back(cutting_evidence(facts));
  add_tried(*facts.backward, "packets of ", finding);
  finding.fix = setting_fix(facts);
  const bool learnt =
      facts.gateway.address.family == Family::v6 || (facts.cutting && facts.cutting->dont_fragment);
  if (learnt)
    finding.fix.emplace_back(
        "the gateway cuts its datagrams itself, to what it has learnt of the path. If no link has "
        "that MTU, what it learnt is wrong: on the gateway, ip route flush cache makes it forget; "
        "then run again: wgscope mtu --config FILE");
  return finding;
}

Finding peer_smaller(const MtuFacts& facts) {
  Finding finding{
      .id = FindingId::mtu_peer_smaller,
      .cause = text("the gateway's tunnel interface has a smaller MTU than this end's {}",
                    facts.tunnel_mtu),
      .evidence = {"the gateway fragmented its replies inside the tunnel"},
      .fix = {"set the same MTU at both ends"}};
  if (facts.replies_end)
    finding.evidence.push_back(text(
        "packets of {} bytes inside the tunnel arrive whole; the reverse path is unknown above "
        "{} bytes, as the gateway sends nothing larger",
        *facts.replies_end, *facts.replies_end + facts.overhead));
  return finding;
}

/// "12 of 120 of 1480 bytes": what became of full packets, once the first had arrived.
Text repeats_text(const MtuFacts& facts, const MtuResult& result) {
  return text("{} of {} of {} bytes", result.repeated_lost, result.repeated,
              std::min(full_size(facts), result.mtu.value_or(full_size(facts))));
}

/// "; 11 of 11 packets of 1480 bytes arrived": what a tick rests on.
Text rests_on(const MtuFacts& facts, const MtuResult& result) {
  const std::size_t sent = 1 + result.repeated;  // a repeat follows one that has arrived
  return text("; {} of {} {} of {} bytes arrived", sent - result.repeated_lost, sent,
              either(sent == 1, "packet", "packets"), full_size(facts));
}

/// In which direction small packets are lost is not known: each has a reply.
Finding lossy(const MtuFacts& facts, const MtuResult& result) {
  Finding finding{.id = FindingId::mtu_loss,
                  .cause = text("packets of every size are lost: {} of {} small ones",
                                result.controls_lost, result.controls),
                  .evidence = {},
                  .fix = {"measure the loss in each direction: wgscope ping --config FILE"}};
  if (result.repeated_lost == 0) {
    if (!result.lossy)
      finding.cause = text("datagrams of more than {} bytes arrive at times only", *result.mtu);
    return finding;
  }
  if (result.lossy) {
    finding.cause.add(text(", {}", repeats_text(facts, result)));
  } else {
    finding.cause = text(
        "packets are lost at times: {}; of small ones, {} of {}, so it is unknown whether the size "
        "matters",
        repeats_text(facts, result), result.controls_lost, result.controls);
  }
  finding.evidence.emplace_back(
      "each lost packet is a request without an answer: a gateway that limits how many it answers "
      "looks the same");
  return finding;
}

/// "of 1401 to 1480 bytes", "of 1480 bytes".
Text sizes_text(const path::SizeLoss& loss) {
  return loss.from == loss.to ? text("of {} bytes", loss.to)
                              : text("of {} to {} bytes", loss.from, loss.to);
}

/// Where small packets are lost as well, requests for large replies are lost more often than those:
/// they are as large, or come in several pieces.
bool may_be_requests(const MtuFacts& facts, const Direction& direction) {
  if (!direction.backward || facts.method == MtuBackward::answers || !facts.forward) return false;
  return facts.requests_may_be_lost ||
         facts.forward->controls_lost + direction.result.controls_lost > 0;
}

/// Larger packets pass at times only, so they are not above a limit.
Finding lossy_by_size(const MtuFacts& facts, const Direction& direction) {
  const path::SizeLoss& loss = *direction.result.size_loss;
  const Words way =
      may_be_requests(facts, direction) ? Words("in one direction or both") : direction.way();
  Finding finding{
      .id = FindingId::mtu_loss,
      .cause = text("datagrams {} {} are lost at times: {} of {}; of smaller ones, {} of {}",
                    sizes_text(loss), way, loss.lost, loss.sent, loss.below_lost, loss.below_sent),
      .evidence = {text("datagrams of {} bytes arrived, so the path MTU is not below that",
                        loss.to),
                   "cannot tell why: loss by chance, a ration of bytes and a rule about the length "
                   "of packets look alike"},
      .fix = {"on the path: look for a rate limit (policer), a full queue or a firewall rule that "
              "looks at the length of packets"}};
  const auto mtu = advised_mtu(facts);
  if (mtu && *mtu + facts.overhead < loss.from && spares_what_is_lost(facts))
    finding.fix.push_back(
        text("until that is found, try MTU = {} in [Interface] at both ends: of datagrams of fewer "
             "than {} bytes, {} of {} were lost. If bytes are rationed, that helps little",
             *mtu, loss.from, loss.below_lost, loss.below_sent));
  return finding;
}

/// "1280 bytes arrive; of 1480 bytes, 0 of 5 did": what a search knows that has not come to its end.
Text known_so_far(const MtuResult& result) {
  Text known = result.mtu ? text("{} bytes arrive", *result.mtu)
                          : text("small packets arrive, none of the sizes tried does");
  const path::MtuTrial* lost = nullptr;
  for (const path::MtuTrial& tried : result.trials) {
    const bool above = !result.mtu || tried.size > *result.mtu;
    if (above && tried.answered == 0 && !tried.refused && (!lost || tried.size < lost->size))
      lost = &tried;
  }
  if (lost != nullptr)
    known.add(text("; of datagrams of {} bytes, 0 of {} arrived", lost->size, lost->sent));
  if (result.controls_lost > 0)
    known.add(text("; {} of {} small ones were lost", result.controls_lost, result.controls));
  return known;
}

/// What the gateway has learnt of the path, rightly or not, makes it cut its datagrams: the path
/// itself may take more.
Finding cut_by_gateway(const MtuFacts& facts) {
  const std::size_t largest = *facts.largest_fragment;
  return {
      .id = FindingId::mtu_fragments,
      .cause = text("the gateway's full datagrams arrive in fragments of at most {} bytes: most "
                    "likely its route cache holds a wrong path MTU for this host; the path MTU "
                    "from the gateway is unknown above that",
                    largest),
      .evidence = {text("{} bytes arrive at the gateway, and routers with an MTU of {} are rare",
                        *facts.forward->mtu, largest + 4),
                   "Linux keeps an MTU of 552 where an ICMP \"too big\" claimed less; such a "
                   "message may be forged",
                   cutting_evidence(facts)},
      .fix = {"on the gateway: ip route get ADDRESS, with this host's public address, shows the "
              "MTU that it keeps (\"mtu 552 expires 590sec\"); ip route flush cache makes it "
              "forget",
              "then run wgscope mtu again"}};
}

Finding unanswered(const MtuFacts& facts) {
  Finding finding{
      .id = FindingId::mtu_unanswered,
      .cause = facts.target
                   ? text("{} does not answer pings of any size through the tunnel", *facts.target)
                   : text("no address inside the tunnel is known to ping"),
      .evidence = {},
      .fix = {"name an address that answers: wgscope mtu --config FILE ADDRESS",
              "find out where data is dropped: wgscope handshake --config FILE"}};
  if (!facts.trace) return finding;
  if (const auto where = end_of_data(*facts.trace)) finding.cause.add(": ").add(*where);
  add_trace(*facts.trace, finding);
  return finding;
}

/// The gateway sends nothing larger, so nothing is known of a larger size.
Check limited_by_target(CheckKind kind, const MtuFacts& facts) {
  if (facts.inner_fragments) return make_check(kind, Status::warning, peer_smaller(facts));
  return make_check(
      kind, Status::unknown,
      text(
          "sizes up to {} bytes arrive; larger ones are unknown: {} does not answer pings of more "
          "than {} bytes inside the tunnel (its packets have no gaps in their numbers, so no reply "
          "was lost). Its tunnel interface may have a smaller MTU than this end's {}",
          *facts.replies_end + facts.overhead, *facts.target, *facts.replies_end,
          facts.tunnel_mtu));
}

Check inconclusive(CheckKind kind, const MtuFacts& facts, const Direction& direction) {
  if (direction.backward && facts.replies_end) return limited_by_target(kind, facts);
  if (direction.backward && facts.largest_fragment)
    return make_check(kind, Status::warning, cut_by_gateway(facts));
  const MtuResult& result = direction.result;
  if (result.mtu || result.controls > result.controls_lost)
    return make_check(kind, Status::unknown,
                      text("{}: {}", known_so_far(result),
                           either(facts.interrupted, "interrupted before more was known",
                                  "the search did not come to its end")));
  if (facts.interrupted) return interrupted(kind);
  if (direction.backward)
    return make_check(kind, Status::unknown, "no reply was large enough to tell");
  return make_check(kind, Status::unknown, unanswered(facts));
}

Check does_not_fit(CheckKind kind, const MtuFacts& facts, const Direction& direction) {
  if (direction.backward && facts.inner_fragments)
    return make_check(kind, Status::warning, peer_smaller(facts));
  if (direction.backward && facts.largest_fragment)
    return make_check(kind, Status::warning, fragmented(facts));
  if (!direction.backward && has_ended(facts))
    return make_check(kind, Status::warning, limit_ended(facts));
  if (direction.result.verdict == MtuVerdict::ptb_reported)
    return make_check(kind, Status::warning, too_large(facts, direction, FindingId::mtu_reported));
  const FindingId hole =
      direction.backward ? FindingId::mtu_black_hole_backward : FindingId::mtu_black_hole_forward;
  return make_check(kind, Status::critical, too_large(facts, direction, hole));
}

Check searched(CheckKind kind, const MtuFacts& facts, const Direction& direction) {
  switch (direction.result.verdict) {
    case MtuVerdict::inconclusive: return inconclusive(kind, facts, direction);
    case MtuVerdict::refused_here:
      return make_check(kind, Status::warning, refused_here(facts, direction));
    case MtuVerdict::loss_not_size:
      return make_check(kind, Status::warning, lossy(facts, direction.result));
    case MtuVerdict::loss_by_size:
      return make_check(kind, Status::warning, lossy_by_size(facts, direction));
    case MtuVerdict::ok: break;
    case MtuVerdict::ptb_reported:
    case MtuVerdict::black_hole:
    case MtuVerdict::frag_dropped: return does_not_fit(kind, facts, direction);
  }
  const bool by_service = direction.backward && facts.method == MtuBackward::answers;
  Text arrives =
      text("{} unfragmented{}", arrival_text(direction.result),
           by_service ? Words(", measured with the gateway's measuring service") : Words(""));
  arrives.add(direction.result.repeated_lost > 0
                  ? text("; packets are lost at times: {}", repeats_text(facts, direction.result))
                  : rests_on(facts, direction.result));
  return make_check(kind, Status::ok, std::move(arrives));
}

Check forward_check(const MtuFacts& facts) {
  if (facts.forward) return searched(mtu_forward, facts, {*facts.forward, false});
  if (facts.interrupted) return interrupted(mtu_forward);
  return make_check(mtu_forward, Status::unknown, unanswered(facts));
}

Check backward_check(const MtuFacts& facts) {
  if (facts.backward) return searched(mtu_backward, facts, {*facts.backward, true});
  if (facts.interrupted) return interrupted(mtu_backward);
  if (facts.forward && facts.forward->mtu)
    return make_check(mtu_backward, Status::unknown, "not measured: the time was over");
  return skipped(mtu_backward, FindingId::mtu_unanswered);
}

/// What routers report that is not so.
std::optional<Check> reports_check(const MtuFacts& facts) {
  const auto& forward = facts.forward;
  if (!forward || forward->wrong_reports.empty() || !forward->mtu) return std::nullopt;
  const path::TooBig& lie = forward->wrong_reports.front();
  return make_check(mtu_reports, Status::warning,
                    {.id = FindingId::mtu_untrue_report,
                     .cause = text("{} reports an MTU of {}, but packets of {} bytes arrive",
                                   lie.from, lie.mtu, *forward->mtu),
                     .evidence = {"ICMP \"too big\" about a datagram of this probe"}});
}

/// "MTU 1420 fits in both directions: …"
Text fit_text(const MtuFacts& facts) {
  const auto fitting = fitting_mtu(facts);
  if (!fitting) return text("MTU {}", facts.tunnel_mtu);
  if (*fitting < facts.tunnel_mtu) {
    const std::size_t advised = *advised_mtu(facts);
    return text(
        "MTU {} does not fit the path in both directions: set MTU {}, TCP MSS {} (IPv6: {})",
        facts.tunnel_mtu, advised, advised - kTcpOverIpv4, advised - kTcpOverIpv6);
  }
  Text fits = text("MTU {} fits in both directions: TCP MSS {} (IPv6: {})", facts.tunnel_mtu,
                   facts.tunnel_mtu - kTcpOverIpv4, facts.tunnel_mtu - kTcpOverIpv6);
  if (*fitting > facts.tunnel_mtu) {
    const std::size_t margin = *fitting - facts.tunnel_mtu;
    // Where no size was too large, the path may take more than the search tried.
    if (!facts.forward->not_above && !facts.backward->not_above)
      return text("{}; margin at least {} bytes (MTU {} is the largest that was tried)", fits,
                  margin, *fitting);
    return text("{}; margin {} bytes, up to MTU {}", fits, margin, *fitting);
  }
  const std::size_t there = *facts.forward->mtu - facts.overhead;
  if (there == facts.tunnel_mtu) return fits;
  return text("{}; the forward path takes MTU {}, the reverse path is unknown above MTU {}", fits,
              there, facts.tunnel_mtu);
}

std::optional<Check> setting_of(const MtuFacts& facts) {
  const auto fitting = fitting_mtu(facts);
  if (!fitting) return std::nullopt;
  return setting_check(mtu_setting,
                       {.fitting = *fitting,
                        .in_use = facts.tunnel_mtu,
                        .is_smaller = *fitting < facts.tunnel_mtu,
                        .ipv6_inside = facts.ipv6_inside},
                       fit_text(facts));
}

}  // namespace

std::vector<Check> diagnose(const MtuFacts& facts) {
  std::vector<Check> checks{forward_check(facts), backward_check(facts)};
  for (auto& more :
       {reports_check(facts), seen_as_check(facts), cutting_check(facts), setting_of(facts)})
    if (more) checks.push_back(*more);
  if (auto tcp = tcp_check(facts)) {
    // A service that does not answer hides nothing that was found.
    tcp->essential = std::ranges::none_of(checks, [](const Check& check) {
      return check.status == Status::warning || check.status == Status::critical;
    });
    checks.push_back(std::move(*tcp));
  }
  mark_way(facts.through, checks);
  return checks;
}

void measure(const MtuFacts& facts, Report& report) {
  if (facts.trace) add_sent(*facts.trace, facts.gateway, report);
  const auto add = [&](const std::optional<MtuResult>& direction, Words name) {
    if (!direction || !is_known(*direction, full_size(facts))) return;
    report.measurements.push_back({.name = "wireguard_probe_path_mtu_bytes",
                                   .labels = {{"direction", name}, {"layer", "outer"}},
                                   .value = static_cast<double>(*direction->mtu)});
  };
  if (!has_ended(facts)) add(facts.forward, "forward");
  add(facts.backward, "backward");
}

Text success(const MtuFacts& facts) { return way_prefix(facts.through).add(fit_text(facts)); }

}  // namespace wgscope::diagnosis
