// What holds for any NAT: no NAT is blamed that nothing has shown, no lifetime and no keepalive is
// called fine or short without a silence that was tried, and no cause is listed that is refuted.

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "wgscope/base/time.hpp"
#include "wgscope/diagnosis/finding.hpp"
#include "wgscope/diagnosis/nat.hpp"
#include "wgscope/diagnosis/nat_flow.hpp"
#include "wgscope/diagnosis/report.hpp"
#include "wgscope/diagnosis/text.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/path/flow_lifetime.hpp"
#include "wgscope/path/keepalive.hpp"
#include "wgscope/path/mapping_lifetime.hpp"
#include "wgscope/path/nat_behaviour.hpp"

#include "promises.hpp"

namespace wgscope::diagnosis {
namespace {

using path::KeepaliveFit;
using path::KeepaliveVerdict;
using path::LifetimeBracket;
using path::NatMapping;
using std::chrono::seconds;
using testing::all_of;
using testing::find;
using testing::is_ok;

constexpr std::uint32_t kSeeds = 4'000;

class Random {
 public:
  explicit Random(std::uint32_t seed) : random_(seed) {}
  std::size_t below(std::size_t limit) { return random_() % limit; }
  bool chance(std::size_t one_in) { return below(one_in) == 0; }
  seconds up_to(std::size_t most) { return seconds(1 + below(most)); }

 private:
  std::mt19937 random_;
};

// --- facts

Endpoint endpoint(const char* text) { return Endpoint::parse(text).value(); }

path::StunServerSeen any_server(Random& random, std::size_t i, const Endpoint& outer) {
  constexpr std::array kServers{"198.51.100.1:3478", "198.51.100.2:3478", "198.51.100.3:3478"};
  path::StunServerSeen seen{.server = endpoint(kServers.at(i)), .mapped = {}, .other = {}};
  if (!random.chance(4)) {
    seen.mapped = outer;
    seen.other_is = static_cast<path::OtherAddress>(random.below(7));
  } else if (random.chance(3)) {
    seen.answers_others = true;
  } else {
    seen.unreachable = random.chance(2);
  }
  return seen;
}

/// As the engine concludes: what a server saw decides about the mapping, once it says so twice.
path::NatBehaviourResult any_behaviour(Random& random, const IpAddress& local) {
  std::array<Endpoint, path::kNatSockets> sockets;
  sockets.fill({local, 0, 50'000});
  const std::size_t kind = random.below(3);
  Endpoint outer{kind == 0 ? local : IpAddress::parse("203.0.113.5").value(), 0, 50'000};
  if (random.chance(8)) outer.address = IpAddress::parse("10.1.2.3").value();
  if (kind == 2) outer.port = 40'000;
  path::NatBehaviourResult result;
  for (std::size_t i = 0; i < 1 + random.below(3); ++i) {
    Endpoint mapped = outer;
    if (kind == 2 && random.chance(4)) mapped.port = static_cast<std::uint16_t>(40'000 + i);
    result.servers.push_back(any_server(random, i, mapped));
    if (const path::StunServerSeen& server = result.servers.back(); server.mapped)
      result.mappings.push_back({path::NatSocket::main, server.server, *server.mapped});
  }
  // Asked once more, a server may be silent, or have another answer.
  result.changed_meanwhile = random.chance(10);
  if (!result.changed_meanwhile && !random.chance(5))
    result.mapping = path::mapping_of(sockets.front(), result.mappings);
  result.ports = path::port_keeping_of(sockets, result.mappings);
  result.filtering = static_cast<path::NatFiltering>(random.below(4));
  if (random.chance(2)) result.hairpin = random.chance(2);
  return result;
}

/// A flow that is remembered for so long, as far as silences were tried.
path::MappingLifetimeResult any_lifetime(Random& random, seconds longest) {
  path::MappingLifetimeResult result;
  const seconds lives = random.up_to(200);
  if (random.chance(8)) {
    result.lanes_without_service = 1 + random.below(20);
    return result;
  }
  const seconds tried = random.chance(4) ? random.up_to(20) : longest;  // else it was interrupted
  if (std::min(lives, tried) > seconds(1)) result.alive_after = std::min(lives, tried) - seconds(1);
  if (lives > tried) return result;
  if (random.chance(6))
    result.unproven = 1 + random.below(9);
  else
    result.gone_after = lives + seconds(random.below(4));
  return result;
}

path::KeepaliveResult any_trials(Random& random) {
  path::KeepaliveResult result;
  result.verdict = static_cast<KeepaliveVerdict>(random.below(3));
  if (result.verdict == KeepaliveVerdict::enough) result.succeeded = 3;
  if (result.verdict == KeepaliveVerdict::not_enough) result.failed = path::kFailuresThatCount;
  return result;
}

std::optional<seconds> any_keepalive(Random& random) {
  if (random.chance(4)) return std::nullopt;
  return random.chance(4) ? seconds(0) : random.up_to(60);
}

RouterFacts any_router(Random& random) {
  constexpr std::array kOuter{"203.0.113.5", "100.64.3.4", "192.168.9.9", "203.0.113.99"};
  RouterFacts router;
  router.address = IpAddress::parse("192.168.1.1").value();
  router.query.nat_pmp = random.chance(2);
  if (router.query.nat_pmp)
    router.query.outer = IpAddress::parse(kOuter.at(random.below(4))).value();
  return router;
}

NatFacts any_nat(std::uint32_t seed) {
  Random random(seed);
  NatFacts facts;
  facts.local = IpAddress::parse(random.chance(8) ? "100.64.0.9" : "192.168.1.2").value();
  facts.interrupted = random.chance(8);
  facts.keepalive = any_keepalive(random);
  facts.servers_are_gateways = random.chance(3);
  facts.lifetime_wanted = random.chance(2);
  if (!random.chance(12)) facts.behaviour = any_behaviour(random, *facts.local);
  const std::size_t servers = facts.behaviour ? facts.behaviour->servers.size() : 1;
  for (std::size_t i = 0; i < servers; ++i)
    facts.servers.push_back({.name = {"stun.example.net", 3478}, .endpoint = {}, .error = {}});
  if (random.chance(3)) facts.router = any_router(random);
  const bool answered = facts.behaviour && !facts.behaviour->mappings.empty();
  if (!facts.lifetime_wanted || !answered) return facts;
  facts.lifetime = {.server = facts.behaviour->mappings.front().destination,
                    .longest_silence = random.chance(2) ? seconds(180) : seconds(20),
                    .one_way = {},
                    .stream = {},
                    .keepalive = {},
                    .error = {}};
  LifetimeFacts& lifetime = *facts.lifetime;
  if (!random.chance(8)) lifetime.stream = any_lifetime(random, lifetime.longest_silence);
  if (!random.chance(8)) lifetime.one_way = any_lifetime(random, lifetime.longest_silence);
  if (facts.keepalive > seconds(0) && random.chance(2)) lifetime.keepalive = any_trials(random);
  return facts;
}

FlowFacts any_flow(std::uint32_t seed) {
  Random random(seed);
  FlowFacts facts;
  facts.method = static_cast<FlowMethod>(random.below(2));
  facts.gateway = endpoint("192.0.2.1:51820");
  facts.ours = IpAddress::parse("10.9.0.2").value();
  facts.caller = endpoint("10.9.0.3:22");
  facts.keepalive = any_keepalive(random);
  facts.longest_silence = random.chance(4) ? seconds(0) : seconds(180);
  facts.interrupted = random.chance(6);
  facts.found.calls = 1 + random.below(20);
  facts.found.end = static_cast<path::FlowEnd>(random.below(7));
  if (facts.found.end == path::FlowEnd::disturbed) facts.found.broken_after = random.up_to(30);
  const bool serves = facts.found.end != path::FlowEnd::no_service;
  if (facts.method == FlowMethod::tcp && (!serves || random.chance(8)))
    facts.fault = serves ? ServiceFault::gave_up : static_cast<ServiceFault>(1 + random.below(3));
  const seconds lives = random.up_to(150);
  const bool quick = facts.longest_silence == seconds(0);
  for (std::size_t i = serves ? random.below(6) : 0; i > 0; --i) {
    const seconds tried = quick ? facts.keepalive.value_or(seconds(0)) : random.up_to(150);
    if (tried == seconds(0)) continue;
    facts.found.tried.push_back({.least = tried, .most = tried, .alive = tried < lives});
  }
  path::conclude(facts.found, path::judged_silence(facts.keepalive), 3);
  return facts;
}

// --- what is said

/// @returns how many facts there were that `promise` calls its case.
template <class Make, class Promise>
std::size_t for_any(Make make, Promise promise) {
  return testing::count_cases(
      kSeeds, make, [](const auto& facts) { return testing::report_of("nat", facts); },
      [](const auto&) { return ""; }, promise);
}

/// Some server saw another address or port than this host sends from.
bool is_nat_seen(const NatFacts& facts) {
  if (facts.behaviour && facts.behaviour->changed_meanwhile) return true;
  return facts.behaviour && std::ranges::any_of(facts.behaviour->mappings, [&](const auto& one) {
           return one.mapped != Endpoint{*facts.local, 0, 50'000};
         });
}

LifetimeBracket bracket(const std::optional<path::MappingLifetimeResult>& result) {
  return result ? LifetimeBracket{result->alive_after, result->gone_after} : LifetimeBracket{};
}

// --- what holds

TEST(AnyNat, IsSpokenOfOnlyWhereAServerSawIt) {
  const auto seen = for_any(any_nat, [](const NatFacts& facts, const Report& report) {
    if (is_nat_seen(facts)) return true;
    EXPECT_EQ(all_of(report).find("the NAT "), std::string::npos);
    const Check* keepalive = find(report, "nat.keepalive");
    if (keepalive != nullptr && keepalive->finding) {
      const auto& stream = facts.lifetime->stream;
      const auto& trials = facts.lifetime->keepalive;
      EXPECT_TRUE((stream && stream->gone_after) || (trials && trials->failed > 0) ||
                  facts.lifetime->one_way->gone_after)
          << "nothing is known to forget anything";
    }
    return false;
  });
  EXPECT_GT(seen, kSeeds / 3);
  EXPECT_LT(seen, kSeeds * 9 / 10);
}

TEST(AnyNat, HasATickOnlyForWhatWasMeasured) {
  std::size_t ticks = 0;
  for_any(any_nat, [&](const NatFacts& facts, const Report& report) {
    const auto& seen = facts.behaviour;
    const auto expect = [&](std::string_view name, bool measured) {
      if (!is_ok(find(report, name))) return;
      ++ticks;
      EXPECT_TRUE(measured) << name;
    };
    expect("nat.servers", seen && !seen->mappings.empty());
    expect("nat.mapping",
           seen && seen->mapping != NatMapping::not_known && !seen->changed_meanwhile);
    expect("nat.filtering", seen && seen->filtering != path::NatFiltering::not_known);
    expect("nat.ports", seen && seen->ports != path::PortKeeping::not_known);
    expect("nat.hairpin", seen && seen->hairpin);
    const auto tried = [&](const auto& one) {
      return one && (one->alive_after || one->gone_after);
    };
    expect("nat.lifetime", facts.lifetime && tried(facts.lifetime->stream));
    expect("nat.lifetime_one_way", facts.lifetime && tried(facts.lifetime->one_way));
    if (overall(report) == Status::ok) {
      EXPECT_TRUE(seen && !seen->mappings.empty());
      EXPECT_FALSE(facts.interrupted);
    }
    return true;
  });
  EXPECT_GT(ticks, std::size_t{kSeeds});
}

/// What is said of an interval, held against the rule and the silences.
void expect_rule(const Check& check, seconds interval, KeepaliveVerdict trials,
                 const LifetimeBracket& own, const LifetimeBracket& new_flow) {
  if (interval == seconds(0)) return;
  const KeepaliveFit fit = path::fit_keepalive(interval, own, trials);
  const bool fits = fit == KeepaliveFit::in_time || fit == KeepaliveFit::in_time_if_late;
  const bool in_new = path::fit_keepalive(interval, new_flow, {}) != KeepaliveFit::too_long;
  EXPECT_EQ(check.status == Status::ok, fits && in_new);
  EXPECT_EQ(check.status == Status::critical, fit == KeepaliveFit::too_long);
  if (check.status == Status::ok) {
    EXPECT_TRUE(trials == KeepaliveVerdict::enough || own.alive_after >= interval);
    EXPECT_FALSE(own.gone_after && *own.gone_after <= interval);
  }
  if (check.status == Status::critical) {
    EXPECT_TRUE(trials == KeepaliveVerdict::not_enough || own.gone_after <= interval);
  }
}

/// What it is advised to set is proven by a silence that was survived, in each state that is known.
/// @param trials_failed  a silence that single trials have shown not to be survived.
bool expect_advice(const Check& check, const LifetimeBracket& own, const LifetimeBracket& new_flow,
                   std::optional<seconds> trials_failed = {}) {
  if (!check.finding) return false;
  constexpr std::string_view kSet = "PersistentKeepalive = ";
  const auto shortest = std::min({own.gone_after.value_or(seconds::max()),
                                  new_flow.gone_after.value_or(seconds::max()),
                                  trials_failed.value_or(seconds::max())});
  bool advised = false;
  for (const Text& line : check.finding->fix) {
    const std::string said = line.plain();
    if (said.starts_with("no sensible interval")) {
      EXPECT_LE(shortest, path::late_keepalive(seconds(1))) << "nothing as short was tried";
    }
    const std::size_t at = said.find(kSet);
    if (at == std::string::npos) continue;
    advised = true;
    const seconds late = path::late_keepalive(seconds(std::stoi(said.substr(at + kSet.size()))));
    EXPECT_LT(late, shortest) << said;
    EXPECT_LE(late, std::max(own.alive_after.value_or(seconds(0)),
                             new_flow.alive_after.value_or(seconds(0))))
        << said;
  }
  return advised;
}

TEST(AnyNat, HasAKeepaliveThatIsJudgedByTheRule) {
  const auto advised = for_any(any_nat, [](const NatFacts& facts, const Report& report) {
    const Check* check = find(report, "nat.keepalive");
    if (check == nullptr) return false;
    const LifetimeBracket own = bracket(facts.lifetime->stream);
    const LifetimeBracket new_flow = bracket(facts.lifetime->one_way);
    const auto trials = facts.lifetime->keepalive.value_or(path::KeepaliveResult{}).verdict;
    expect_rule(*check, *facts.keepalive, trials, own, new_flow);
    std::optional<seconds> failed;
    if (trials == KeepaliveVerdict::not_enough) failed = facts.keepalive;
    return expect_advice(*check, own, new_flow, failed);
  });
  EXPECT_GT(advised, kSeeds / 20);
}

TEST(AnyNat, HasNoCauseThatAnotherCheckRefutes) {
  std::size_t listed = 0;
  for_any(any_nat, [&](const NatFacts& facts, const Report& report) {
    const std::string said = all_of(report);
    const auto expect = [&](const char* cause, bool refuted) {
      if (said.find(cause) == std::string::npos) return;
      ++listed;
      EXPECT_FALSE(refuted) << cause;
    };
    const bool answered = is_ok(find(report, "nat.servers"));
    const bool heard =
        facts.behaviour &&
        std::ranges::any_of(facts.behaviour->servers, &path::StunServerSeen::answers_others);
    expect("? a firewall drops UDP", answered || heard);
    expect("? the servers are not STUN servers", answered || heard);
    expect("? nothing listens on that port", answered || heard);
    const auto one_way = facts.lifetime ? facts.lifetime->one_way : std::nullopt;
    expect("? mappings live only for a few seconds",
           one_way && one_way->alive_after >= seconds(10));
    expect("there is another NAT beyond it", find(report, "nat.router") == nullptr);
    return true;
  });
  EXPECT_GT(listed, kSeeds / 20);
}

TEST(AnyFlow, HasAKeepaliveThatIsJudgedByTheRule) {
  const auto advised = for_any(any_flow, [](const FlowFacts& facts, const Report& report) {
    const Check* check = find(report, "nat.flow_keepalive");
    if (check == nullptr) return false;
    EXPECT_FALSE(facts.found.tried.empty()) << "nothing was tried";
    const LifetimeBracket own{facts.found.alive_after, facts.found.gone_after};
    expect_rule(*check, facts.keepalive.value_or(seconds(0)), facts.found.keepalive, own, {});
    return expect_advice(*check, own, {});
  });
  EXPECT_GT(advised, kSeeds / 20);
}

TEST(AnyFlow, HasATickOnlyForSilencesThatWereTried) {
  const auto ticks = for_any(any_flow, [](const FlowFacts& facts, const Report& report) {
    const bool tried = !facts.found.tried.empty();
    if (is_ok(find(report, "nat.flow_lifetime"))) {
      EXPECT_TRUE(tried);
    }
    if (is_ok(find(report, "nat.flow_keepalive"))) {
      EXPECT_TRUE(tried);
    }
    if (is_ok(find(report, "nat.calls"))) {
      EXPECT_NE(facts.found.end, path::FlowEnd::no_service);
      EXPECT_EQ(facts.fault, ServiceFault::none);
    }
    if (overall(report) != Status::ok) return false;
    EXPECT_TRUE(tried || facts.longest_silence == seconds(0));
    EXPECT_FALSE(facts.interrupted);
    return true;
  });
  EXPECT_GT(ticks, kSeeds / 20);
}

bool asks(const std::string& said) { return said.find("whether") != std::string::npos; }

template <class Facts>
bool expect_agreement(const Facts& /*facts*/, const Report& report) {
  for (const FailOn fail_on : {FailOn::critical, FailOn::warning, FailOn::unknown}) {
    const Status status = overall(report, fail_on);
    EXPECT_EQ(reason_of(report, fail_on).has_value(), status == Status::unknown);
    const std::string said = verdict(report, fail_on).plain();
    EXPECT_FALSE(said.empty());
    if (status == Status::critical || status == Status::warning) {
      const Check* decides = deciding_check(report, fail_on);
      EXPECT_EQ(decides->status, status);
      EXPECT_TRUE(decides->finding);
    }
    if (status != Status::ok) {
      EXPECT_TRUE(said.find("is often enough") == std::string::npos || asks(said)) << said;
    }
  }
  return true;
}

TEST(AnyNat, HasAFirstLineThatAgreesWithItsStatus) {
  for_any(any_nat, expect_agreement<NatFacts>);
  for_any(any_flow, expect_agreement<FlowFacts>);
}

}  // namespace
}  // namespace wgscope::diagnosis
