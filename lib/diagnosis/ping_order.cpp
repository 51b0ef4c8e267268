#include <algorithm>
#include <cstdint>

#include "wgscope/diagnosis/check_kinds.hpp"
#include "wgscope/diagnosis/finding.hpp"
#include "wgscope/diagnosis/ping.hpp"
#include "wgscope/diagnosis/report.hpp"
#include "wgscope/diagnosis/text.hpp"

#include "ping_parts.hpp"

// What came twice, and what came out of order.

namespace wgscope::diagnosis {

using enum CheckKind;

namespace {

/// What some of the packets did, as they should not: a warning where they are a notable share.
/// @param what  goes on after "3 packets arrived "
Check share_check(CheckKind kind, FindingId finding, std::uint64_t some, std::uint64_t of,
                  const Words& what) {
  Check check =
      make_check(kind, Status::ok,
                 text("{} {} {} ({})", some, word(some, "packet arrived", "packets arrived"), what,
                      percentage(some, of)));
  if (share(some, of) < kNotableShare) return check;
  check.status = Status::warning;
  check.finding = Finding{.id = finding, .cause = check.summary, .evidence = {}};
  return check;
}

}  // namespace

Check duplicates_check(const PingFacts& facts) {
  const std::uint64_t answers = facts.inner.duplicates;
  const std::uint64_t datagrams = facts.back.replayed;
  const std::uint64_t all = answers + datagrams;
  if (all == 0) return make_check(ping_duplicates, Status::ok, "no packet arrived twice");
  Check check = share_check(ping_duplicates, FindingId::duplicates, all,
                            facts.back.received + datagrams, "twice");
  if (!check.finding) return check;
  Finding& finding = *check.finding;
  if (datagrams > 0)
    finding.evidence.push_back(
        text("{} {} of the gateway arrived twice, and the tunnel dropped the second: duplicated on "
             "the reverse path",
             datagrams, word(datagrams, "datagram", "datagrams")));
  if (answers > 0)
    finding.evidence.push_back(
        text("{} {} arrived twice inside the tunnel: duplicated behind the gateway, or sent by two "
             "hosts",
             answers, word(answers, "answer", "answers")));
  finding.hypotheses = {
      {"two routers or bridges forward the same packets", "tcpdump on the hops of that path"},
      {"two hosts have the same address", text("behind the gateway: arping -d {}", *facts.target)}};
  if (answers == 0) finding.hypotheses.pop_back();
  finding.fix = {"look for a bridge loop or a mirrored port on that path"};
  return check;
}

Check order_check(const PingFacts& facts) {
  // What is late on the reverse path makes its answer late too; the other late answers
  // were so before.
  const std::uint64_t backward = facts.back.reordered;
  const std::uint64_t forward =
      facts.inner.reordered - std::min<std::uint64_t>(facts.inner.reordered, backward);
  const std::uint64_t all = backward + forward;
  if (facts.back.received < 2 && all == 0)
    return make_check(ping_order, Status::unknown,
                      "unknown: fewer than two packets arrived, which have no order");
  if (all == 0) return make_check(ping_order, Status::ok, "all packets arrived in order");
  Check check =
      share_check(ping_order, FindingId::reordered, all, facts.back.received, "out of order");
  if (!check.finding) return check;
  Finding& finding = *check.finding;
  if (backward > 0)
    finding.evidence.push_back(
        text("{} of the gateway's {} arrived after one with a higher counter: reordered on the "
             "reverse path",
             backward, word(backward, "packets", "packets")));
  if (forward > 0)
    finding.evidence.push_back(
        text("{} {} in another order than the pings: reordered on the forward path, or behind the "
             "gateway",
             forward, word(forward, "answer was sent", "answers were sent")));
  finding.hypotheses = {
      {"packets of one flow are spread over several links or queues",
       "look for per-packet balancing (bonding mode balance-rr, ECMP) on the path"}};
  finding.fix = {"balance by flow instead of by packet"};
  return check;
}

}  // namespace wgscope::diagnosis
