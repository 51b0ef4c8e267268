// What holds for any facts of pings and of targets inside a tunnel, however they contradict each
// other: nothing is called fine or lost that was not measured, and no cause is listed that the facts
// refute.

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "wgscope/base/time.hpp"
#include "wgscope/config/expectations.hpp"
#include "wgscope/diagnosis/finding.hpp"
#include "wgscope/diagnosis/handshake.hpp"
#include "wgscope/diagnosis/icmp.hpp"
#include "wgscope/diagnosis/ping.hpp"
#include "wgscope/diagnosis/reach.hpp"
#include "wgscope/diagnosis/report.hpp"
#include "wgscope/model/address.hpp"

namespace wgscope::diagnosis {
namespace {

using namespace std::chrono_literals;

constexpr std::uint32_t kSeeds = 4'000;

class Random {
 public:
  explicit Random(std::uint32_t seed) : random_(seed) {}
  std::size_t below(std::size_t limit) { return random_() % limit; }
  bool chance(std::size_t one_in) { return below(one_in) == 0; }

 private:
  std::mt19937 random_;
};

IcmpReport any_icmp(Random& random) {
  constexpr std::array kFrom{"10.9.0.254", "192.0.2.7"};
  return {.from = IpAddress::parse(kFrom.at(random.below(2))).value(),
          .type = static_cast<std::uint8_t>(random.chance(3) ? 5 : 3),
          .code = static_cast<std::uint8_t>(random.below(14)),
          .count = 1 + random.below(3)};
}

bool listed(const std::vector<Check>& checks, std::string_view cause) {
  return std::ranges::any_of(checks, [&](const Check& check) {
    return check.finding &&
           std::ranges::any_of(check.finding->hypotheses, [&](const Hypothesis& one) {
             return one.cause.plain().find(cause) != std::string::npos;
           });
  });
}

/// A cause by the words that name it must be listed now and then, and never where it is refuted.
class Causes {
 public:
  void expect(const std::vector<Check>& checks, const char* cause, bool refuted) {
    auto known = std::ranges::find(seen_, cause, &Seen::cause);
    if (known == seen_.end()) known = seen_.insert(seen_.end(), {.cause = cause});
    if (!listed(checks, cause)) return;
    known->listed = true;
    EXPECT_FALSE(refuted) << cause;
  }
  ~Causes() {
    for (const Seen& one : seen_) EXPECT_TRUE(one.listed) << "no longer said so: " << one.cause;
  }
  Causes() = default;
  Causes(const Causes&) = delete;
  Causes& operator=(const Causes&) = delete;

 private:
  struct Seen {
    std::string cause;
    bool listed = false;
  };
  std::vector<Seen> seen_;
};

// --- pings ---

PingSide any_side(Random& random, std::size_t sent) {
  PingSide side;
  side.sent = sent;
  const std::size_t answered = random.chance(3) ? 0 : random.below(sent + 1);
  side.round_trips.assign(answered, Nanoseconds{10ms});
  return side;
}

PingFacts any_pings(std::uint32_t seed) {
  Random random(seed);
  PingFacts facts;
  facts.gateway = Endpoint::parse("192.0.2.1:51820").value();
  facts.target = IpAddress::parse("10.9.0.1").value();
  facts.target_guessed = random.chance(4);
  facts.payload_size = random.chance(2) ? 56 : 1300;
  facts.mtu = 1420;
  facts.initiations = 1 + random.below(3);
  const std::size_t sent = 1 + random.below(30);
  facts.inner = any_side(random, sent);
  const std::size_t lost = sent - facts.inner.round_trips.size();
  facts.back.received = facts.inner.round_trips.size() + random.below(3);
  facts.back.missing = random.below(lost + 2);
  facts.back.tail = random.chance(2) ? 0 : random.below(lost + 1);
  facts.refused = random.chance(4) ? random.below(lost + 1) : 0;
  facts.outer = any_side(random, sent);
  if (random.chance(3)) {
    facts.outer_icmp = {any_icmp(random)};
    facts.outer_refused = random.below(sent - facts.outer.round_trips.size() + 1);
  }
  if (random.chance(3)) facts.icmp = {any_icmp(random)};
  if (facts.payload_size > 56 && facts.inner.round_trips.empty())
    facts.smaller = OtherSize{.payload_size = 56, .sent = 3, .answered = random.below(4)};
  facts.session.gateway = facts.gateway;
  facts.session.sessions = 1 + random.below(3);
  if (facts.session.sessions > 1 && random.chance(2))
    facts.stretches = {{.sent = 30, .answered = 10, .tail = facts.back.tail}};
  if (random.chance(5)) facts.session.lost = {{.lived = 20s, .silent = 15s, .unanswered = 15}};
  if (random.chance(6)) facts.session.taken = {.sessions = 1, .foreign = 4, .first = 2s};
  return facts;
}

template <class Promise>
void for_any_pings(Promise promise) {
  for (std::uint32_t seed = 0; seed < kSeeds && !testing::Test::HasFailure(); ++seed) {
    SCOPED_TRACE(seed);
    const PingFacts facts = any_pings(seed);
    promise(facts, diagnose(facts));
  }
}

TEST(AnyPings, GetNoTickWithoutAnAnswer) {
  for_any_pings([](const PingFacts& facts, const std::vector<Check>& checks) {
    for (const Check& check : checks) {
      if (check.status != Status::ok) continue;
      const bool outside = check.name == "ping.outer";
      EXPECT_FALSE((outside ? facts.outer : facts.inner).round_trips.empty()) << check.name;
      if (check.summary.plain().starts_with("no packets lost")) {
        EXPECT_EQ(loss_of(facts).unknown_direction, 0U) << check.name;
      }
    }
  });
}

TEST(AnyPings, AreLostInADirectionThatTheCountersTell) {
  for_any_pings([](const PingFacts& facts, const std::vector<Check>&) {
    const PingLoss loss = loss_of(facts);
    const std::size_t lost = facts.inner.sent - facts.inner.round_trips.size();
    EXPECT_EQ(loss.forward + loss.backward + loss.unknown_direction, lost);
    EXPECT_LE(loss.backward, facts.back.missing);
    if (facts.session.taken.sessions > 0) {
      EXPECT_EQ(loss.unknown_direction, lost);
    } else {
      EXPECT_GE(loss.unknown_direction + facts.refused, std::min(facts.back.tail, lost));
    }
  });
}

TEST(AnyPings, HaveEachErrorThatCameInTheReport) {
  for_any_pings([](const PingFacts& facts, const std::vector<Check>& checks) {
    std::string said;
    for (const Check& check : checks) {
      said += check.summary.plain() + '\n';
      if (!check.finding) continue;
      for (const Text& line : check.finding->evidence) said += line.plain() + '\n';
    }
    for (const auto* all : {&facts.icmp, &facts.outer_icmp})
      for (const IcmpReport& report : *all)
        EXPECT_NE(said.find(describe(report).plain()), std::string::npos)
            << describe(report).plain();
  });
}

TEST(AnyPings, HaveNoCauseThatTheFactsRefute) {
  Causes causes;
  for_any_pings([&](const PingFacts& facts, const std::vector<Check>& checks) {
    const bool answered = !facts.inner.round_trips.empty();
    const bool small = facts.smaller && facts.smaller->answered > 0;
    causes.expect(checks, "there is no such host", answered || small);
    causes.expect(checks, "data is lost on the path, though handshakes are not",
                  answered || small || !facts.icmp.empty());
    causes.expect(checks, "the gateway drops what comes from this peer", answered || small);
    causes.expect(checks, "datagrams of this size do not pass",
                  answered || (facts.smaller && !small));
    causes.expect(checks, "something cuts the flow: a NAT", !facts.session.lost.empty());
    causes.expect(checks, "does not answer pings of this size", !small);
  });
}

// --- targets inside ---

ReachTry any_try(Random& random) {
  ReachTry made{.outcome = static_cast<ReachOutcome>(random.below(7)), .after = 5ms};
  if (made.outcome == ReachOutcome::rejected) made.icmp = any_icmp(random);
  if (made.outcome == ReachOutcome::broken || made.outcome == ReachOutcome::not_sent)
    made.why = "it broke off";
  return made;
}

ReachFacts any_targets(std::uint32_t seed) {
  Random random(seed);
  constexpr std::array kHosts{"10.9.0.1", "10.9.0.7", "10.9.0.9"};
  ReachFacts facts;
  for (std::size_t i = 1 + random.below(4); i > 0; --i) {
    ReachResult result;
    const char* host = kHosts.at(random.below(kHosts.size()));
    result.expectation.kind = static_cast<config::ReachKind>(random.below(3));  // icmp, tcp, udp
    result.expectation.where = {host, static_cast<std::uint16_t>(random.below(3) + 22)};
    if (result.expectation.kind == config::ReachKind::icmp) result.expectation.where.port = 0;
    result.expectation.closed = random.chance(3);
    result.address = IpAddress::parse(host).value();
    for (std::size_t tries = 1 + random.below(3); tries > 0; --tries)
      result.tries.push_back(any_try(random));
    result.tunnel_proven = random.chance(2);
    if (random.chance(3)) facts.heard = result.address;
    facts.results.push_back(result);
  }
  return facts;
}

/// Whether the host itself gave an answer to anything.
bool is_up(const ReachFacts& facts, const IpAddress& host) {
  return std::ranges::any_of(facts.results, [&](const ReachResult& one) {
    return one.address == host && std::ranges::any_of(one.tries, [](const ReachTry& tried) {
             return tried.outcome == ReachOutcome::answered ||
                    tried.outcome == ReachOutcome::broken || tried.outcome == ReachOutcome::stalled;
           });
  });
}

/// The checks of targets are the last ones, in the order of the results.
const Check& own_check(const std::vector<Check>& checks, const ReachFacts& facts, std::size_t i) {
  return checks.at(checks.size() - facts.results.size() + i);
}

TEST(AnyTargets, AreClosedOnlyWhereSomethingShowsIt) {
  std::size_t ticks = 0;
  for (std::uint32_t seed = 0; seed < kSeeds && !HasFailure(); ++seed) {
    SCOPED_TRACE(seed);
    const ReachFacts facts = any_targets(seed);
    const auto checks = diagnose(facts);
    for (std::size_t i = 0; i < facts.results.size(); ++i) {
      const ReachResult& one = facts.results[i];
      if (own_check(checks, facts, i).status != Status::ok) continue;
      ++ticks;
      const ReachOutcome last = one.tries.back().outcome;
      const bool shown = last == ReachOutcome::refused || last == ReachOutcome::rejected ||
                         (last == ReachOutcome::silent && one.tunnel_proven &&
                          one.expectation.kind != config::ReachKind::udp);
      EXPECT_TRUE(one.expectation.closed ? shown : last == ReachOutcome::answered);
    }
  }
  EXPECT_GT(ticks, kSeeds / 10);
}

TEST(AnyTargets, HaveNoCauseThatTheFactsRefute) {
  Causes causes;
  for (std::uint32_t seed = 0; seed < kSeeds && !HasFailure(); ++seed) {
    SCOPED_TRACE(seed);
    const ReachFacts facts = any_targets(seed);
    const auto checks = diagnose(facts);
    for (std::size_t i = 0; i < facts.results.size(); ++i) {
      const IpAddress& host = *facts.results[i].address;
      const std::vector<Check> own{own_check(checks, facts, i)};
      causes.expect(own, "is down, or no host has that address", is_up(facts, host));
      causes.expect(own, "is down, and a firewall refuses other ports", is_up(facts, host));
      causes.expect(own, "has no route back", is_up(facts, host));
      causes.expect(own, "the tunnel itself does not carry data",
                    facts.heard || is_up(facts, host));
    }
  }
}

}  // namespace
}  // namespace wgscope::diagnosis
