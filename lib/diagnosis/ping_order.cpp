#include <algorithm>
#include <cstdint>
#include <utility>

#include "wgscope/diagnosis/check_kinds.hpp"
#include "wgscope/diagnosis/finding.hpp"
#include "wgscope/diagnosis/ping.hpp"
#include "wgscope/diagnosis/report.hpp"
#include "wgscope/diagnosis/text.hpp"

#include "ping_parts.hpp"

// What came twice, and what came out of order.

namespace wgscope::diagnosis {

using enum CheckKind;

Check duplicates_check(const PingFacts& facts) {
  const std::uint64_t answers = facts.inner.duplicates;
  const std::uint64_t datagrams = facts.back.replayed;
  const std::uint64_t all = answers + datagrams;
  Check check = make_check(ping_duplicates, Status::ok, "no packet arrived twice");
  if (all == 0) return check;
  check.summary = text("{} {} twice ({})", all, word(all, "packet arrived", "packets arrived"),
                       percentage(all, facts.back.received + datagrams));
  if (share(all, facts.back.received + datagrams) < kNotableShare) return check;
  check.status = Status::warning;
  Finding finding{.id = FindingId::duplicates, .cause = check.summary, .evidence = {}};
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
  check.finding = std::move(finding);
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
  Check check = make_check(ping_order, Status::ok, "all packets arrived in order");
  if (all == 0) return check;
  check.summary =
      text("{} {} out of order ({})", all, word(all, "packet arrived", "packets arrived"),
           percentage(all, facts.back.received));
  if (share(all, facts.back.received) < kNotableShare) return check;
  check.status = Status::warning;
  Finding finding{.id = FindingId::reordered, .cause = check.summary, .evidence = {}};
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
  check.finding = std::move(finding);
  return check;
}

}  // namespace wgscope::diagnosis
