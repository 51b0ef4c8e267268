#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "wgscope/diagnosis/finding.hpp"
#include "wgscope/diagnosis/ping.hpp"
#include "wgscope/diagnosis/report.hpp"
#include "wgscope/diagnosis/statistics.hpp"
#include "wgscope/diagnosis/text.hpp"

// What pings mean, by subject. Each is a pure function of the facts; ping.cpp puts them together.

namespace wgscope::diagnosis {

inline double share(std::uint64_t count, std::uint64_t of) {
  return of == 0 ? 0 : static_cast<double>(count) / static_cast<double>(of);
}

inline Words word(std::uint64_t count, Words one, Words many) {
  return either(count == 1, one, many);
}

inline std::size_t unanswered(const PingFacts& facts) {
  return facts.inner.sent - std::min(facts.inner.sent, facts.inner.round_trips.size());
}

/// Pings outside the tunnel that got neither an answer nor an ICMP error.
inline std::size_t outer_lost(const PingFacts& facts) {
  const std::size_t told = facts.outer.round_trips.size() + facts.outer_refused;
  return facts.outer.sent - std::min(facts.outer.sent, told);
}

// ping_reply.cpp
/// "12.3 ms (median)"; of a single figure only that.
Text middle_of(const Statistics& times);
Check reply_check(const PingFacts& facts);
/// What is known besides of why pings may have been lost: appended to the evidence.
void add_local(const PingFacts& facts, Finding& finding);
bool outer_answers(const PingFacts& facts);
Text outer_evidence(const PingFacts& facts);
/// "ICMP errors about them: host unreachable (…) from 192.0.2.7, 3 times": of pings outside.
Text outer_errors(const PingFacts& facts);
/// Adds what ICMP errors said of pings outside the tunnel, a line for each kind.
void add_outer_errors(const PingFacts& facts, Finding& finding);
/// The first error from inside that says that the target cannot be reached; nullptr: none came.
const IcmpReport* reports_unreachable(const PingFacts& facts);

// ping_loss.cpp
/// Answers that the gateway has sent: lost ones too, as far as that is known.
std::size_t answers_sent(const PingFacts& facts);
void add_loss(const PingFacts& facts, std::vector<Check>& checks);
/// How many sessions worked, then fell silent for longer than chance explains, and ended.
std::size_t sessions_cut(const PingFacts& facts);

// ping_order.cpp
Check duplicates_check(const PingFacts& facts);
Check order_check(const PingFacts& facts);

}  // namespace wgscope::diagnosis
