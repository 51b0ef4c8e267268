#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>

#include "wgscope/diagnosis/check_kinds.hpp"
#include "wgscope/diagnosis/finding.hpp"
#include "wgscope/diagnosis/handshake.hpp"
#include "wgscope/diagnosis/icmp.hpp"
#include "wgscope/diagnosis/ping.hpp"
#include "wgscope/diagnosis/report.hpp"
#include "wgscope/diagnosis/session.hpp"
#include "wgscope/diagnosis/statistics.hpp"
#include "wgscope/diagnosis/text.hpp"
#include "wgscope/model/address.hpp"

#include "ping_parts.hpp"

// Whether there are answers, and what may keep them from coming.

namespace wgscope::diagnosis {
namespace {

using enum CheckKind;

/// Packet loss is named where it explains that nothing came at least so often.
constexpr double kWorthNaming = 1e-3;

Text obstacle_text(const PingFacts& facts) {
  switch (*facts.obstacle) {
    case PingObstacle::no_target:
      return "no address to ping: name an address inside the tunnel (wgscope ping --config FILE "
             "ADDRESS)";
    case PingObstacle::outside_allowed_ips:
      return text(
          "{} is not in the gateway's AllowedIPs in this configuration, so the tunnel would not "
          "carry the pings",
          *facts.target);
    case PingObstacle::no_such_family:
      return text("{} cannot be pinged: [Interface] has no Address of that IP version",
                  *facts.target);
    case PingObstacle::own_address:
      return text("{} is this host's own address: name an address at the other end", *facts.target);
    case PingObstacle::too_large:
      return text("pings of {} bytes do not fit the tunnel's MTU of {}", facts.payload_size,
                  facts.mtu);
  }
  return {};
}

/// Of the UDP payload: the tunnel's header and tag, and padding to 16 bytes.
std::size_t datagram_size(const PingFacts& facts) {
  const std::size_t header = facts.target->family == Family::v4 ? 20 : 40;
  const std::size_t packet = facts.payload_size + 8 + header;
  return std::min((packet + 15) / 16 * 16, std::max(facts.mtu, packet)) + 32;
}

bool smaller_answered(const PingFacts& facts) {
  return facts.smaller && facts.smaller->answered > 0;
}

/// The size may be the cause: nothing so large has passed yet, and nothing says that smaller ones
/// fail as well.
bool size_may_matter(const PingFacts& facts) {
  constexpr std::size_t kOrdinary = 56;
  if (facts.smaller) return smaller_answered(facts);
  return facts.payload_size > kOrdinary;
}

Hypothesis size_hypothesis(const PingFacts& facts) {
  return {
      text("datagrams of this size do not pass: the path's MTU is smaller, and what is too "
           "large is dropped instead of fragmented; pings of {} bytes are datagrams of {} bytes",
           facts.payload_size, datagram_size(facts)),
      text("wgscope mtu --config FILE {} finds the size that passes, and the hop that drops larger "
           "datagrams",
           *facts.target)};
}

/// Nothing where it would be less likely than is worth naming.
std::optional<Hypothesis> loss_hypothesis(const PingFacts& facts) {
  std::size_t tries = facts.initiations;
  std::size_t lost = facts.initiations - std::min<std::size_t>(facts.initiations, 1);
  if (outer_answers(facts)) {
    tries += facts.outer.round_trips.size() + outer_lost(facts);
    lost += outer_lost(facts);
  }
  const double chance = chance_of_run(lost, tries, facts.inner.sent);
  if (smaller_answered(facts) || chance < kWorthNaming) return std::nullopt;
  const Text known =
      lost == 0
          ? text("outside the tunnel none of {} packets was lost, but so few do not exclude it",
                 tries)
          : text("outside the tunnel {} of {} packets {} lost; if the tunnel loses as many", lost,
                 tries, word(lost, "was", "were"));
  return Hypothesis{
      text("packet loss: {}{} {} in {} of runs", known, either(lost == 0, ":", ","),
           facts.inner.sent == 1 ? Text("the ping fails")
                                 : text("all {} pings fail", facts.inner.sent),
           percentage_of(chance)),
      text("ping for longer: wgscope ping --config FILE -c 30 -i 200ms {}", *facts.target)};
}

void add_hypotheses(const PingFacts& facts, Finding& finding) {
  auto& causes = finding.hypotheses;
  if (facts.session.taken.sessions > 0) causes.push_back(another_device());
  if (size_may_matter(facts)) causes.push_back(size_hypothesis(facts));
  if (smaller_answered(facts)) {
    causes.push_back({text("{} does not answer pings of this size", *facts.target),
                      text("on the gateway: ping -s {} {}", facts.payload_size, *facts.target)});
    return;
  }
  causes.push_back({"there is no such host, or it does not answer pings",
                    text("on the gateway: ping {}", *facts.target)});
  if (reports_unreachable(facts) != nullptr) return;
  causes.push_back(
      {"the gateway drops what comes from this peer: AllowedIPs, forwarding, a firewall, rp_filter",
       text("wgscope handshake --config FILE {} watches the gateway's timers, which show it",
            *facts.target)});
  if (facts.icmp.empty())  // the tunnel carries both ways
    causes.push_back(
        {"data is lost on the path, though handshakes are not",
         text("wgscope handshake --config FILE {} tells in which direction data is lost, and names "
              "the hop where routers report it",
              *facts.target)});
  if (auto loss = loss_hypothesis(facts)) causes.push_back(std::move(*loss));
}

/// What the gateway's counters say of pings of which smaller ones were answered.
Text fate_of_large(const PingFacts& facts) {
  // Small ones that were not answered may be among the missing.
  if (facts.back.missing <= facts.smaller->sent - facts.smaller->answered)
    return text(
        "by its packet counters, the gateway sent no answer to pings of {} bytes: the "
        "forward path drops them, or {} does not answer them",
        facts.payload_size, *facts.target);
  return text(
      "by its packet counters, the gateway sent {} {} that did not arrive: answers of this "
      "size are dropped on the reverse path",
      facts.back.missing, word(facts.back.missing, "packet", "packets"));
}

void add_evidence(const PingFacts& facts, Finding& finding) {
  auto& evidence = finding.evidence;
  if (facts.target_guessed)
    evidence.push_back(text("{} was guessed from the configuration", *facts.target));
  if (facts.waited > Nanoseconds{0})
    evidence.push_back(text("each ping had at least {} to be answered", facts.waited));
  if (facts.smaller)
    evidence.push_back(text("{} of {} pings of {} bytes were answered", facts.smaller->answered,
                            facts.smaller->sent, facts.smaller->payload_size));
  if (smaller_answered(facts)) evidence.push_back(fate_of_large(facts));
  const std::uint64_t others =
      facts.back.received -
      std::min<std::uint64_t>(facts.back.received, facts.smaller ? facts.smaller->answered : 0);
  if (others > 0)
    evidence.push_back(text("{} {} arrived from the gateway meanwhile", others,
                            word(others, "other packet", "other packets")));
  if (facts.session.taken.sessions > 0) evidence.push_back(describe(facts.session.taken));
  add_local(facts, finding);
  for (Text& line : describe_errors(facts.session)) evidence.push_back(std::move(line));
  if (outer_answers(facts)) evidence.push_back(outer_evidence(facts));
  add_outer_errors(facts, finding);
}

Finding no_reply(const PingFacts& facts) {
  Finding finding{
      .id = FindingId::no_reply,
      .cause =
          text("{} answered none of {} pings through the tunnel", *facts.target, facts.inner.sent),
      .evidence = {text("the handshake with {} works", facts.gateway),
                   text("{} to {} through the tunnel, no reply",
                        text("{} {}", facts.inner.sent, word(facts.inner.sent, "ping", "pings")),
                        *facts.target)},
  };
  if (smaller_answered(facts))
    finding.cause =
        text("{} answers pings of {} bytes through the tunnel, but none of {} of {} bytes",
             *facts.target, facts.smaller->payload_size, facts.inner.sent, facts.payload_size);
  if (const IcmpReport* report = reports_unreachable(facts))
    finding.cause = text("{} reports that {} cannot be reached: {}", report->from, *facts.target,
                         icmp_name(*report));
  add_evidence(facts, finding);
  add_hypotheses(facts, finding);
  if (smaller_answered(facts)) {
    finding.fix = {text("find the size that passes: wgscope mtu --config FILE {}", *facts.target),
                   "set MTU = what it names in [Interface], at both ends"};
  } else {
    finding.fix = {
        "name an address that is known to answer: wgscope ping --config FILE ADDRESS",
        text("find where data is dropped: wgscope handshake --config FILE {}", *facts.target)};
  }
  return finding;
}

}  // namespace

Text middle_of(const Statistics& times) {
  return text("{}{}", times.median, either(times.count > 1, " (median)", ""));
}

bool outer_answers(const PingFacts& facts) { return !facts.outer.round_trips.empty(); }

Text outer_evidence(const PingFacts& facts) {
  return text("outside the tunnel, {} answered {} of {} pings", facts.gateway.address,
              facts.outer.round_trips.size(), facts.outer.sent);
}

Text outer_errors(const PingFacts& facts) {
  Text all = "ICMP errors about them: ";
  for (std::size_t i = 0; i < facts.outer_icmp.size(); ++i)
    all.add(either(i == 0, "", "; ")).add(describe(facts.outer_icmp[i]));
  return all;
}

void add_outer_errors(const PingFacts& facts, Finding& finding) {
  for (const IcmpReport& report : facts.outer_icmp)
    finding.evidence.push_back(text("pings outside the tunnel got {}", describe(report)));
}

/// Not where smaller ones were answered: then it is about the size.
const IcmpReport* reports_unreachable(const PingFacts& facts) {
  if (smaller_answered(facts)) return nullptr;
  const auto found = std::ranges::find_if(facts.icmp, [](const IcmpReport& report) {
    using enum IcmpMeaning;
    const IcmpMeaning meaning = meaning_of(report);
    return meaning == unreachable || meaning == port_unreachable || meaning == prohibited ||
           meaning == loop;
  });
  return found == facts.icmp.end() ? nullptr : &*found;
}

void add_local(const PingFacts& facts, Finding& finding) {
  for (const IcmpReport& report : facts.icmp)
    finding.evidence.push_back(text("pings through the tunnel got {}", describe(report)));
  if (facts.send_failure)
    finding.evidence.push_back(text("{} {} could not leave this host: {}", facts.unsent,
                                    word(facts.unsent, "datagram", "datagrams"),
                                    Name{*facts.send_failure}));
  if (facts.inner.damaged > 0)
    finding.evidence.push_back(
        text("{} answers had a different payload than the ping", facts.inner.damaged));
}

Check reply_check(const PingFacts& facts) {
  Check check = make_check(ping_reply, Status::unknown, Text());
  const auto times = statistics(facts.inner.round_trips);
  if (facts.obstacle) {
    check.summary = obstacle_text(facts);
  } else if (facts.inner.sent == 0 && facts.interrupted) {
    check = interrupted(ping_reply);
  } else if (facts.inner.sent == 0) {
    check.summary = "the time was over before a ping could be answered";
  } else if (!times) {
    check.finding = no_reply(facts);
    check.summary = check.finding->cause;
    // Of a host that was guessed nobody knows whether it answers at all.
    check.status =
        facts.target_guessed && !smaller_answered(facts) ? Status::unknown : Status::critical;
  } else {
    const std::size_t lost = unanswered(facts);
    check.status = share(lost, facts.inner.sent) < kNotableShare ? Status::ok : Status::warning;
    check.target = text("{}", *facts.target);
    check.summary = text("{} of {} pings answered", times->count, facts.inner.sent);
    if (lost > 0) check.summary.add(text(", {} lost", percentage(lost, facts.inner.sent)));
    check.summary.add(text(", round trip {}", middle_of(*times)));
    if (times->count > 1) check.summary.add(text(", {} to {}", times->min, times->max));
    if (const auto variation = jitter(facts.inner.round_trips))
      check.summary.add(text(", jitter {}", *variation));
    for (const IcmpReport& report : facts.icmp)
      check.summary.add(text("; also from inside: {}", describe(report)));
  }
  return check;
}

}  // namespace wgscope::diagnosis
