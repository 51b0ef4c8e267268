#include "wgscope/path/mapping_lifetime.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <queue>
#include <utility>
#include <vector>

#include <fmt/core.h>
#include <gtest/gtest.h>

#include "simulated_nat.hpp"

namespace wgscope::path {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::NatTruth;
using testing::SeededRandom;
using testing::SimulatedNat;

struct Path {
  NatTruth nat;
  double loss = 0;         ///< each way, beyond the NAT
  double loss_behind = 0;  ///< of what the NAT has let in
  std::uint64_t seed = 1;
  bool service = true;
  Nanoseconds jitter = milliseconds(30);  ///< added to the 10 ms of each datagram, at random
  Nanoseconds late{};                     ///< answers of the service come later by up to so long
  std::optional<double> ration = {};      ///< of answers a second; ten times as many at once
};

struct Measured {
  MappingLifetimeResult result;
  Nanoseconds took{};
};

/// Lanes, a NAT and the service behind it, on virtual time. What arrives at the service is told
/// every half second.
class World {
 public:
  World(const MappingLifetimeConfig& config, const Path& path)
      : path_(path),
        random_(path.seed),
        nat_(path.nat, IpAddress::parse("203.0.113.5").value(), random_),
        longest_(config.longest_silence),
        engine_(config, kStart) {}

  /// @param until  stops early, as a user may.
  Measured run(Nanoseconds until = std::chrono::hours(1));

 private:
  struct Event {
    Instant at;
    std::uint64_t order;
    std::function<void(Instant)> what;
    friend bool operator>(const Event& a, const Event& b) {
      return std::pair(a.at, a.order) > std::pair(b.at, b.order);
    }
  };

  void later(Instant at, std::function<void(Instant)> what) {
    events_.push({at, ++order_, std::move(what)});
  }
  Nanoseconds delay() { return milliseconds(10) + random_.between(Nanoseconds(0), path_.jitter); }
  bool is_rationed(Instant now);
  void send(Instant now);
  void serve(Instant now, const LaneRequest& request, const Endpoint& from);
  void answer(Instant now, const LaneRequest& request, const Endpoint& to);

  static constexpr Instant kStart{seconds(1000)};
  const Endpoint service_{IpAddress::parse("198.51.100.1").value(), 0, 51820};
  Path path_;
  SeededRandom random_;
  SimulatedNat nat_;
  Nanoseconds longest_;
  MappingLifetime engine_;
  std::map<std::size_t, std::uint32_t> latest_;  ///< serials at the service, by lane
  /// The address that the service sees of `control`, and answers to.
  std::optional<IpAddress> control_;
  double tokens_ = 0;
  Instant refilled_ = kStart;
  std::uint64_t order_ = 0;
  std::priority_queue<Event, std::vector<Event>, std::greater<>> events_;
};

Endpoint socket_of(std::size_t lane) {
  return {IpAddress::parse("192.168.1.2").value(), 0, static_cast<std::uint16_t>(10'000 + lane)};
}

void World::send(Instant now) {
  while (const auto request = engine_.poll_request()) {
    if (!control_)  // unless the NAT drops that packet, as it may drop any
      if (const auto control = nat_.outbound(now, socket_of(50'000), service_))
        control_ = control->address;
    const auto outer = nat_.outbound(now, socket_of(request->lane), service_);
    if (!outer || !path_.service || random_.chance(path_.loss)) continue;
    later(now + delay(), [=, this](Instant at) { serve(at, *request, *outer); });
  }
}

bool World::is_rationed(Instant now) {
  if (!path_.ration) return false;
  const double most = 10 * *path_.ration;
  const double passed = std::chrono::duration<double>(now - refilled_).count();
  tokens_ = now == kStart ? most : std::min(most, tokens_ + passed * *path_.ration);
  refilled_ = now;
  if (tokens_ < 1) return true;
  tokens_ -= 1;
  return false;
}

void World::serve(Instant now, const LaneRequest& request, const Endpoint& from) {
  // The service answers to the address of `control`, with another port (RESPONSE-PORT).
  if (from.address != control_ || is_rationed(now)) return;
  std::uint32_t& latest = latest_[request.lane];
  latest = std::max(latest, request.serial);
  const Nanoseconds tick = milliseconds(500);
  const Instant told = now + (tick - now.since_boot % tick);
  later(told + delay(),
        [=, this](Instant at) { engine_.handle_arrival(at, request.lane, request.serial); });
  if (request.answer_after == Nanoseconds(0)) return answer(now, request, from);
  for (const milliseconds copy : kAnswerCopies)
    later(now + request.answer_after + copy, [=, this](Instant at) { answer(at, request, from); });
  for (int second = 1; request.every_second && second < 400; ++second)
    later(now + request.answer_after + seconds(second),
          [=, this](Instant at) { answer(at, request, from); });
}

void World::answer(Instant now, const LaneRequest& request, const Endpoint& to) {
  if (latest_[request.lane] != request.serial || random_.chance(path_.loss)) return;
  if (is_rationed(now)) return;
  const Nanoseconds late = random_.between(Nanoseconds(0), path_.late);
  later(now + late + delay(), [=, this](Instant at) {
    const auto inner = nat_.inbound(at, service_, to);
    // What is lost behind the NAT has refreshed its mapping.
    if (inner && !random_.chance(path_.loss_behind))
      engine_.handle_answer(at, inner->port - 10'000U, request.serial);
  });
}

Measured World::run(Nanoseconds until) {
  Instant now = kStart;
  while (!engine_.done() && now < kStart + until) {
    const Instant timeout = *engine_.next_timeout();
    if (!events_.empty() && events_.top().at <= timeout) {
      const Event event = events_.top();
      events_.pop();
      now = event.at;
      event.what(now);
    } else {
      now = timeout;
      engine_.handle_timeout(now);
    }
    send(now);
  }
  // What a check promises its user before it begins, so it must not be far beyond the truth either.
  if (engine_.done()) {
    EXPECT_LE(now, engine_.latest_end());
  }
  EXPECT_LE(engine_.latest_end(), kStart + longest_ + kLongestBeyondLifetime);
  return {engine_.result(), now - kStart};
}

Measured run(const MappingLifetimeConfig& config, const Path& path) {
  return World(config, path).run();
}

/// The result's bracket has the truth in it, as far as a datagram's way there and back allows.
void expect_truth(const MappingLifetimeConfig& config, const Path& path, const Measured& run) {
  const Nanoseconds truth =
      config.state == FlowState::one_way ? path.nat.lifetime : path.nat.stream_lifetime;
  EXPECT_LE(run.result.alive_after.value_or(seconds(0)), truth);
  if (run.result.gone_after) {
    // Of a lane at the edge only the first copy may be in time, and that can be lost.
    const milliseconds late =
        milliseconds(80) + (path.loss > 0 ? kAnswerCopies[2] : milliseconds(0));
    EXPECT_GE(*run.result.gone_after, truth - late);
    EXPECT_LE(run.took, truth + kLongestBeyondLifetime);
  } else {
    EXPECT_LE(run.took, config.longest_silence + kLongestBeyondLifetime);
  }
  EXPECT_EQ(run.result.inbound_refreshes.value_or(path.nat.inbound_refreshes),
            path.nat.inbound_refreshes);
  EXPECT_LE(run.result.requests_sent, most_requests(config));
}

bool is_exact(const MappingLifetimeResult& result) {
  return result.gone_after &&
         *result.gone_after - result.alive_after.value_or(seconds(0)) == seconds(1);
}

NatTruth linux_nat() {
  return {.mapping = NatMapping::address_and_port_dependent,
          .keeps_ports = true,
          .lifetime = seconds(30),
          .stream_lifetime = seconds(120)};
}

TEST(MappingLifetime, TellsTheTimersOfLinuxApart) {
  const Measured stream = run({.state = FlowState::stream}, {.nat = linux_nat()});
  EXPECT_EQ(stream.result.alive_after, seconds(119));
  EXPECT_EQ(stream.result.gone_after, seconds(120));
  EXPECT_EQ(stream.result.inbound_refreshes, true);
  EXPECT_LE(stream.took, seconds(130));
  const Measured one_way = run({.state = FlowState::one_way}, {.nat = linux_nat()});
  EXPECT_EQ(one_way.result.alive_after, seconds(29));
  EXPECT_EQ(one_way.result.gone_after, seconds(30));
  EXPECT_EQ(one_way.result.inbound_refreshes, std::nullopt);
}

TEST(MappingLifetime, FindsEveryLifetimeWithinItsTime) {
  for (const FlowState state : {FlowState::one_way, FlowState::stream})
    for (int tenths = 25; tenths < 700; tenths += 7) {
      const milliseconds lifetime(tenths * 100);
      const Path path{.nat = {.lifetime = lifetime, .stream_lifetime = lifetime}};
      const MappingLifetimeConfig config{.state = state, .longest_silence = seconds(80)};
      SCOPED_TRACE(lifetime.count());
      const Measured found = run(config, path);
      expect_truth(config, path, found);
      EXPECT_TRUE(is_exact(found.result));
    }
}

TEST(MappingLifetime, SeesWhetherInboundTrafficRefreshes) {
  for (const bool refreshes : {false, true}) {
    NatTruth nat = linux_nat();
    nat.inbound_refreshes = refreshes;
    EXPECT_EQ(run({}, {.nat = nat}).result.inbound_refreshes, refreshes);
  }
}

TEST(MappingLifetime, SaysOnlyThatItIsLongerWhereItIs) {
  const Measured found = run({.longest_silence = seconds(20)}, {.nat = linux_nat()});
  EXPECT_EQ(found.result.alive_after, seconds(20));
  EXPECT_EQ(found.result.gone_after, std::nullopt);
  EXPECT_LE(found.took, seconds(30));
}

TEST(MappingLifetime, SaysNothingWithoutTheService) {
  const MappingLifetimeConfig config{.longest_silence = seconds(20)};
  const Measured found = run(config, {.nat = linux_nat(), .service = false});
  EXPECT_EQ(found.result.alive_after, std::nullopt);
  EXPECT_EQ(found.result.gone_after, std::nullopt);
  EXPECT_EQ(found.result.lanes_without_service, 20U);
  EXPECT_LE(found.took, seconds(10));
}

TEST(MappingLifetime, NamesNoUpperEndWhereTooMuchIsLost) {
  std::size_t unproven = 0;
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    const Path path{.nat = {.lifetime = seconds(20)}, .loss = 0.5, .seed = seed};
    const Measured found = run({.state = FlowState::one_way, .longest_silence = seconds(40)}, path);
    EXPECT_LE(found.result.alive_after, seconds(20));
    EXPECT_TRUE(!found.result.gone_after || *found.result.gone_after >= seconds(19));
    unproven += found.result.unproven > 0 ? 1U : 0U;
  }
  EXPECT_GE(unproven, 25U);
}

/// The answers come after the silences have begun, in which they refresh the mapping.
TEST(MappingLifetime, BeginsASilenceAnewThatALateAnswerBroke) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    const Path path{.nat = {.lifetime = seconds(9), .stream_lifetime = seconds(9)},
                    .seed = seed,
                    .late = milliseconds(2'000)};
    EXPECT_LE(run({.longest_silence = seconds(30)}, path).result.alive_after, seconds(9)) << seed;
  }
}

/// The NAT drops the first greetings, so the flow is younger than the lane, and no stream yet.
TEST(MappingLifetime, TakesNoFlowForAStreamThatTheNatSawLate) {
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    Path path{.nat = {.lifetime = seconds(6), .stream_lifetime = seconds(20)}, .seed = seed};
    path.nat.drops = 0.5;
    const MappingLifetimeResult found = run({.longest_silence = seconds(30)}, path).result;
    EXPECT_TRUE(!found.gone_after || *found.gone_after >= seconds(19)) << seed;
  }
}

TEST(MappingLifetime, HasABracketWhenItIsInterrupted) {
  const MappingLifetimeResult result =
      World({.longest_silence = seconds(180)}, {.nat = linux_nat()}).run(seconds(50)).result;
  EXPECT_GE(result.alive_after, seconds(45));
  EXPECT_LE(result.alive_after, seconds(50));
  EXPECT_EQ(result.gone_after, std::nullopt);
  EXPECT_EQ(result.inbound_refreshes, std::nullopt);
}

TEST(MappingLifetime, DoesNotBelieveAnswersBeforeTheirTime) {
  MappingLifetime engine({.state = FlowState::one_way, .longest_silence = seconds(1)}, Instant{});
  engine.handle_timeout(Instant{});
  const auto request = engine.poll_request();
  ASSERT_TRUE(request);
  engine.handle_answer(Instant{milliseconds(500)}, 0, request->serial);
  engine.handle_answer(Instant{milliseconds(1500)}, 0, request->serial + 1);
  engine.handle_answer(Instant{milliseconds(1500)}, 7, request->serial);
  EXPECT_EQ(engine.result().alive_after, std::nullopt);
  engine.handle_answer(Instant{milliseconds(1500)}, 0, request->serial);
  EXPECT_EQ(engine.result().alive_after, seconds(1));
  EXPECT_TRUE(engine.done());
}

/// NATs that drop what they get, that change their timers, or have several addresses; services that
/// are late or ration; ways whose delay varies.
Path odd_path(std::uint64_t seed) {
  SeededRandom random(seed ^ 0x0ddba11);
  Path path{.loss = 0.01 * static_cast<double>(random.below(6)), .seed = seed};
  path.nat.lifetime = random.between(seconds(2), seconds(45));
  path.nat.stream_lifetime = std::max<Nanoseconds>(
      path.nat.lifetime + random.between(seconds(0), seconds(10)), seconds(3));
  path.nat.mapping = random.chance(0.5) ? NatMapping::endpoint_independent
                                        : NatMapping::address_and_port_dependent;
  path.nat.keeps_ports = random.chance(0.5);
  path.nat.inbound_refreshes = random.chance(0.7);
  if (random.chance(0.4)) path.nat.drops = 0.01 * static_cast<double>(random.below(11));
  if (random.chance(0.3)) path.nat.addresses = 2 + random.below(2);
  if (random.chance(0.3)) {
    path.nat.changes = random.between(seconds(1), seconds(50));
    path.nat.lifetime_then = random.between(seconds(3), seconds(50));
  }
  if (random.chance(0.5)) path.jitter = milliseconds(random.below(400));
  if (random.chance(0.3)) path.late = milliseconds(random.below(2'500));
  if (random.chance(0.3)) path.loss_behind = 0.01 * static_cast<double>(random.below(6));
  if (random.chance(0.3)) path.ration = static_cast<double>(5 + random.below(100));
  return path;
}

/// Nothing that is said can be other than what the NAT does at some time of the run.
void expect_possible(const MappingLifetimeConfig& config, const Path& path, const Measured& run) {
  const Nanoseconds usual =
      config.state == FlowState::one_way ? path.nat.lifetime : path.nat.stream_lifetime;
  const auto [shortest, longest] =
      std::minmax(usual, path.nat.changes ? path.nat.lifetime_then : usual);
  const Nanoseconds slop = milliseconds(30) + 2 * path.jitter + path.late;
  EXPECT_LE(run.result.alive_after.value_or(seconds(0)), longest) << "a bound is no lifetime";
  if (run.result.gone_after) {
    EXPECT_GE(*run.result.gone_after + slop + kAnswerCopies[2], shortest)
        << "a bound is no lifetime";
  }
  if (!path.nat.changes) {
    EXPECT_EQ(run.result.inbound_refreshes.value_or(path.nat.inbound_refreshes),
              path.nat.inbound_refreshes);
  }
  EXPECT_LE(run.took, config.longest_silence + kLongestBeyondLifetime);
  EXPECT_LE(run.result.requests_sent, most_requests(config));
}

TEST(MappingLifetime, NeverLiesAboutOddNatsAndServices) {
  std::size_t known = 0;
  const std::uint64_t worlds = testing::worlds_to_try(1'000);
  for (std::uint64_t seed = 0; seed < worlds; ++seed) {
    const Path path = odd_path(seed);
    const MappingLifetimeConfig config{
        .state = seed % 2 == 0 ? FlowState::one_way : FlowState::stream,
        .longest_silence = seconds(60)};
    SCOPED_TRACE(fmt::format(
        "seed {} {} loss {} drops {} addresses {} lifetimes {} {}, {} after {} ms, jitter {} late "
        "{} "
        "ms, ration {}",
        seed, seed % 2 == 0 ? "one way" : "stream", path.loss, path.nat.drops, path.nat.addresses,
        path.nat.lifetime.count() / 1'000'000, path.nat.stream_lifetime.count() / 1'000'000,
        path.nat.lifetime_then.count() / 1'000'000,
        path.nat.changes.value_or(seconds(0)).count() / 1'000'000, path.jitter.count() / 1'000'000,
        path.late.count() / 1'000'000, path.ration.value_or(0)));
    const Measured found = run(config, path);
    expect_possible(config, path, found);
    known += found.result.gone_after ? 1U : 0U;
  }
  EXPECT_GE(known, worlds / 2);
}

TEST(MappingLifetime, NeverLiesAboutThousandsOfRandomNats) {
  std::size_t narrow = 0;
  constexpr std::size_t kRuns = 2'000;
  for (std::uint64_t seed = 0; seed < kRuns; ++seed) {
    SeededRandom random(seed ^ 0xdecade);
    Path path{.loss = 0.01 * static_cast<double>(random.below(11)), .seed = seed};
    path.nat.lifetime = random.between(seconds(2), seconds(45));
    path.nat.stream_lifetime = std::max<Nanoseconds>(
        path.nat.lifetime + random.between(seconds(0), seconds(10)), seconds(3));
    path.nat.keeps_ports = random.chance(0.5);
    path.nat.mapping = random.chance(0.5) ? NatMapping::endpoint_independent
                                          : NatMapping::address_and_port_dependent;
    path.nat.inbound_refreshes = random.chance(0.7);
    const MappingLifetimeConfig config{
        .state = random.chance(0.5) ? FlowState::one_way : FlowState::stream,
        .longest_silence = seconds(60)};
    SCOPED_TRACE(fmt::format("seed {} loss {} lifetimes {} {} ms", seed, path.loss,
                             path.nat.lifetime.count() / 1'000'000,
                             path.nat.stream_lifetime.count() / 1'000'000));
    const Measured found = run(config, path);
    expect_truth(config, path, found);
    // Within a second where nothing is lost, and within three elsewhere.
    narrow += found.result.gone_after &&
              *found.result.gone_after - found.result.alive_after.value_or(seconds(0)) <=
                  seconds(path.loss > 0 ? 3 : 1);
    if (HasFailure()) break;
  }
  EXPECT_GE(narrow, kRuns * 99 / 100);
}

}  // namespace
}  // namespace wgscope::path
