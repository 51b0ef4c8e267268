#include "wgscope/path/alarm_trials.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include <fmt/core.h>
#include <gtest/gtest.h>

#include "wgscope/base/time.hpp"
#include "wgscope/path/flow_lifetime.hpp"
#include "wgscope/path/keepalive.hpp"

#include "keepalive_truth.hpp"
#include "simulated_nat.hpp"

namespace wgscope::path {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::expect_true;
using testing::flows_to_try;
using testing::SeededRandom;

constexpr Instant kNever{Nanoseconds::max()};
constexpr Instant kStart{seconds(1000)};

/// The NAT, the way, the gateway, and the host that gives up pieces.
struct Scene {
  Nanoseconds lifetime = seconds(24);
  bool inbound_refreshes = true;
  Nanoseconds delay = milliseconds(10);  ///< each way
  Nanoseconds jitter{};                  ///< added to it at random
  double loss = 0;                       ///< each way, for each datagram
  double drops = 0;                      ///< of what we send: the NAT does not even see it
  Nanoseconds alarm = seconds(30);       ///< the host's reassembly time
  /// The host's timers fire at multiples of it.
  Nanoseconds granularity = milliseconds(2'048);
  Nanoseconds phase{};
  bool rings = true;
  std::optional<Nanoseconds> keepalive{};   ///< the gateway's own
  std::optional<Nanoseconds> changes = {};  ///< from then on it is forgotten after `later`
  Nanoseconds later{};
  std::uint64_t seed = 1;
};

struct Measured {
  FlowLifetime result;
  Nanoseconds took{};
  bool rang = false;
};

class World {
 public:
  World(const AlarmConfig& config, const FlowLifetime& known, const Scene& scene)
      : scene_(scene), random_(scene.seed), trials_(config, known, now_ - seconds(60), 0, now_) {
    if (scene.keepalive) keepalive_at_ = now_ + *scene.keepalive;
  }

  Measured run();

 private:
  using Kind = AlarmSend::Kind;
  enum class What : std::uint8_t { answer, alarm, other, keyed };
  struct Outbound {
    Instant at;
    AlarmSend sent;
  };
  struct Inbound {
    Instant at;
    What what{};
    std::uint32_t number = 0;
    std::size_t session = 0;
    std::uint64_t counter = 0;
  };
  struct Alarm {
    Instant at;
    std::uint32_t number = 0;
  };
  struct Session {  ///< how the gateway counts, and what of that came
    std::uint64_t sent = 0;
    std::uint64_t highest = 0;
    std::uint64_t received = 0;
  };

  void send();
  void from_gateway(What what, std::uint32_t number = 0);
  void at_gateway(const AlarmSend& sent);
  void at_us(const Inbound& packet);
  [[nodiscard]] Nanoseconds way() {
    return scene_.delay + random_.between(Nanoseconds(0), scene_.jitter);
  }
  [[nodiscard]] Instant fires(Instant from) const {
    const Nanoseconds expires = from.since_boot + scene_.alarm - scene_.phase;
    return {(expires / scene_.granularity + 1) * scene_.granularity + scene_.phase};
  }
  [[nodiscard]] std::uint64_t missing() const {
    std::uint64_t sum = 0;
    for (const Session& session : sessions_) sum += session.highest - session.received;
    return sum;
  }
  template <class List>
  static auto first_of(List& list) {
    return std::ranges::min_element(list, {}, [](const auto& one) { return one.at; });
  }
  template <class List>
  static Instant time_of(List& list) {
    return list.empty() ? kNever : first_of(list)->at;
  }

  Scene scene_;
  SeededRandom random_;
  Instant now_ = kStart;
  AlarmTrials trials_;
  std::vector<Outbound> out_;
  std::vector<Inbound> in_;
  std::vector<Alarm> alarms_;
  Instant mapped_ = kStart;
  std::vector<Session> sessions_ = std::vector<Session>(1);
  bool is_next_session_ = false;  ///< begins once we have used it
  Instant handshake_at_ = kNever;
  Instant passive_at_ = kNever;
  Instant keepalive_at_ = kNever;
};

void World::send() {
  while (const auto wanted = trials_.poll_send()) {
    if (random_.chance(scene_.drops)) continue;
    mapped_ = now_;
    if (!random_.chance(scene_.loss)) out_.push_back({now_ + way(), *wanted});
  }
}

void World::from_gateway(What what, std::uint32_t number) {
  if (scene_.keepalive) keepalive_at_ = now_ + *scene_.keepalive;
  passive_at_ = kNever;
  Inbound packet{.at = now_ + way(), .what = what, .number = number};
  if (what != What::keyed) {
    packet.session = sessions_.size() - 1;
    packet.counter = ++sessions_.back().sent;
    if (what != What::other && handshake_at_ == kNever) handshake_at_ = now_ + seconds(15);
  }
  const bool changed = scene_.changes && now_ - kStart >= *scene_.changes;
  if (now_ - mapped_ > (changed ? scene_.later : scene_.lifetime)) return;
  if (scene_.inbound_refreshes) mapped_ = now_;
  if (!random_.chance(scene_.loss)) in_.push_back(packet);
}

void World::at_gateway(const AlarmSend& sent) {
  handshake_at_ = kNever;
  if (scene_.keepalive) keepalive_at_ = now_ + *scene_.keepalive;
  if (sent.kind == Kind::handshake) {
    is_next_session_ = true;
    return from_gateway(What::keyed);
  }
  if (std::exchange(is_next_session_, false)) sessions_.emplace_back();
  if (sent.kind == Kind::keepalive) return;
  if (passive_at_ == kNever) passive_at_ = now_ + seconds(10);
  if (sent.kind == Kind::ask) from_gateway(What::answer, sent.number);
  if (sent.kind == Kind::piece && scene_.rings) alarms_.push_back({fires(now_), sent.number});
}

void World::at_us(const Inbound& packet) {
  if (packet.what == What::keyed) return trials_.handle_keyed(now_);
  Session& session = sessions_[packet.session];
  session.highest = std::max(session.highest, packet.counter);
  ++session.received;
  if (packet.what == What::answer) trials_.handle_answer(now_, packet.number, missing());
  if (packet.what == What::alarm) trials_.handle_alarm(now_, packet.number, missing());
  if (packet.what == What::other) trials_.handle_other(now_, missing());
}

Measured World::run() {
  send();
  while (!trials_.done()) {
    const Instant timeout = *trials_.next_timeout();
    now_ = std::max(now_, std::min({time_of(out_), time_of(in_), time_of(alarms_), timeout,
                                    handshake_at_, passive_at_, keepalive_at_}));
    if (time_of(in_) <= now_) {
      const Inbound packet = *first_of(in_);
      in_.erase(first_of(in_));
      at_us(packet);
    } else if (time_of(out_) <= now_) {
      const AlarmSend sent = first_of(out_)->sent;
      out_.erase(first_of(out_));
      at_gateway(sent);
    } else if (time_of(alarms_) <= now_) {
      const std::uint32_t number = first_of(alarms_)->number;
      alarms_.erase(first_of(alarms_));
      from_gateway(What::alarm, number);
    } else if (handshake_at_ <= now_) {
      handshake_at_ = now_ + seconds(5);
      from_gateway(What::keyed);
    } else if (passive_at_ <= now_ || keepalive_at_ <= now_) {
      from_gateway(What::other);
    } else {
      trials_.handle_timeout(now_);
    }
    send();
  }
  return {trials_.result(), now_ - kStart, trials_.has_rung()};
}

FlowLifetime between(Nanoseconds alive, Nanoseconds gone) {
  FlowLifetime known;
  known.end = FlowEnd::done;
  known.tried = {{.least = alive, .most = alive, .alive = true},
                 {.least = gone, .most = gone, .alive = false}};
  return known;
}

/// A part of it that was survived before.
Nanoseconds part_of(Nanoseconds time, SeededRandom& random) {
  return random.between(time / 3, time);
}

/// What the pauses of a TCP service leave to be found out.
FlowLifetime left_by_tcp() { return between(milliseconds(12'800), milliseconds(31'300)); }

Measured measure(const FlowLifetime& known, const Scene& scene, seconds interval = seconds(25)) {
  const AlarmConfig config{
      .interval = interval, .seen = {.received = 36}, .end = kStart + seconds(160)};
  return World(config, known, scene).run();
}

KeepaliveFit fit(const Measured& found, seconds interval = seconds(25)) {
  const FlowLifetime& said = found.result;
  return fit_keepalive(interval, {said.alive_after, said.gone_after}, said.keepalive);
}

/// With every frequency of timers that Linux is built with, and wherever they stand.
template <class Check>
void with_every_timer(Scene scene, const Check& check) {
  for (const int granularity : {512, 640, 1'707, 2'048}) {
    for (int phase = 0; phase < granularity; phase += 97) {
      SCOPED_TRACE(fmt::format("granularity {} ms, phase {} ms", granularity, phase));
      // 1.707 s are 512 jiffies of 1/300 s.
      scene.granularity = granularity == 1'707 ? Nanoseconds(1'706'666'666)
                                               : Nanoseconds(milliseconds(granularity));
      scene.phase = milliseconds(phase);
      check(scene);
    }
  }
}

TEST(AlarmTrials, SayThatAnIntervalIsASecondTooLong) {
  with_every_timer({.lifetime = seconds(24)}, [](const Scene& scene) {
    const Measured found = measure(left_by_tcp(), scene);
    EXPECT_EQ(fit(found), KeepaliveFit::too_long);
    EXPECT_EQ(found.result.gone_after, seconds(25));
    EXPECT_LE(found.took, seconds(120));
  });
}

TEST(AlarmTrials, SayThatAnIntervalIsASecondShorterThanTheLifetime) {
  with_every_timer({.lifetime = seconds(26)}, [](const Scene& scene) {
    const Measured found = measure(left_by_tcp(), scene);
    EXPECT_EQ(fit(found), KeepaliveFit::only_if_exact);
    EXPECT_GE(found.result.alive_after, seconds(25));
    EXPECT_LE(found.result.gone_after, seconds(28));
  });
}

TEST(AlarmTrials, SayThatAnIntervalIsInTimeEvenIfItIsLate) {
  with_every_timer({.lifetime = seconds(30)}, [](const Scene& scene) {
    const Measured found = measure(between(milliseconds(25'600), milliseconds(57'000)), scene);
    EXPECT_EQ(fit(found), KeepaliveFit::in_time_if_late);
    EXPECT_LE(found.took, seconds(110));
  });
}

TEST(AlarmTrials, LookForNothingThatIsKnownOrBeyondTheBracket) {
  const AlarmConfig config{.interval = seconds(25)};
  EXPECT_TRUE(AlarmTrials::can_help(config, left_by_tcp()));
  EXPECT_TRUE(AlarmTrials::can_help(config, between(seconds(26), seconds(50))));
  EXPECT_FALSE(AlarmTrials::can_help(config, between(seconds(12), seconds(25)))) << "too long";
  EXPECT_FALSE(AlarmTrials::can_help(config, between(seconds(28), seconds(50)))) << "in time";
  EXPECT_FALSE(AlarmTrials::can_help(config, FlowLifetime())) << "nothing failed";
  const AlarmConfig longer{.interval = seconds(40)};
  EXPECT_FALSE(AlarmTrials::can_help(longer, between(seconds(30), seconds(50))))
      << "the host gives up pieces sooner";
}

TEST(AlarmTrials, LeaveAloneAHostThatDoesNotSayWhatItGivesUp) {
  const Measured found = measure(left_by_tcp(), {.lifetime = seconds(24), .rings = false});
  EXPECT_FALSE(found.rang);
  EXPECT_EQ(found.result.alive_after, seconds(12));
  EXPECT_EQ(found.result.gone_after, seconds(32));
  EXPECT_LE(found.took, seconds(45));
}

TEST(AlarmTrials, LeaveAloneAHostThatAnswersNoPings) {
  const Measured found = measure(left_by_tcp(), {.lifetime = seconds(24), .loss = 1});
  EXPECT_FALSE(found.rang);
  EXPECT_EQ(found.result.end, FlowEnd::done);
  EXPECT_LE(found.took, seconds(10));
}

TEST(AlarmTrials, LearnAReassemblyTimeThatIsNotLinuxsUsualOne) {
  const Measured found = measure(
      between(seconds(3), seconds(15)),
      {.lifetime = milliseconds(8'500), .alarm = seconds(15), .granularity = milliseconds(256)},
      seconds(9));
  EXPECT_TRUE(found.rang);
  EXPECT_EQ(fit(found, seconds(9)), KeepaliveFit::too_long);
}

TEST(AlarmTrials, SeeThatTheGatewaySpeaksByItself) {
  const Measured found =
      measure(left_by_tcp(), {.lifetime = seconds(24), .keepalive = seconds(11)});
  EXPECT_EQ(found.result.end, FlowEnd::disturbed);
  EXPECT_EQ(found.result.gone_after, seconds(32));
}

TEST(AlarmTrials, TellTheTruthOfFlowsOrNothing) {
  const std::uint64_t flows = flows_to_try();
  std::size_t silent = 0;  // gateways without a keepalive of their own
  std::size_t decided = 0;
  for (std::uint64_t seed = 1; seed <= flows; ++seed) {
    SeededRandom random(seed);
    const seconds interval(5 + random.below(21));
    Scene scene{.lifetime = random.between(seconds(2), seconds(60)),
                .inbound_refreshes = random.chance(0.7),
                .delay = random.between(milliseconds(1), milliseconds(150)),
                .loss = random.chance(0.5) ? 0 : 0.01 * static_cast<double>(random.below(6)),
                .rings = random.chance(0.9),
                .seed = seed};
    constexpr std::array kGranularities{512, 640, 2'048, 1'000, 1};
    scene.granularity = milliseconds(kGranularities.at(random.below(kGranularities.size())));
    scene.phase = random.between(Nanoseconds(0), scene.granularity);
    if (random.chance(0.3)) scene.alarm = seconds(10 + random.below(60));
    if (random.chance(0.5)) scene.jitter = milliseconds(random.below(300));
    if (random.chance(0.5)) scene.drops = 0.01 * static_cast<double>(random.below(11));
    if (random.chance(0.2)) scene.keepalive = seconds(5 + random.below(60));
    const FlowLifetime known = between(part_of(scene.lifetime, random),
                                       scene.lifetime + random.between(seconds(1), seconds(30)));
    if (random.chance(0.2)) {
      scene.changes = random.between(seconds(5), seconds(150));
      scene.later = random.between(seconds(2), seconds(60));
    }
    const AlarmConfig config{
        .interval = interval, .seen = {.received = 36}, .end = kStart + seconds(160)};
    const bool open = AlarmTrials::can_help(config, known);
    const Measured found = World(config, known, scene).run();
    const Nanoseconds slop = 4 * (scene.delay + scene.jitter) + milliseconds(700);
    const auto [shortest, longest] =
        std::minmax(scene.lifetime, scene.changes ? scene.later : scene.lifetime);
    SCOPED_TRACE(fmt::format(
        "seed {} interval {} lifetime {} ms, delay {} jitter {} loss {} drops {} granularity {}: "
        "alive {} gone {}",
        seed, interval.count(), scene.lifetime.count() / 1'000'000, scene.delay.count() / 1'000'000,
        scene.jitter.count() / 1'000'000, scene.loss, scene.drops,
        scene.granularity.count() / 1'000'000,
        found.result.alive_after.value_or(seconds(-1)).count(),
        found.result.gone_after.value_or(seconds(-1)).count()));
    expect_true(found.result, interval, shortest - slop, longest + slop);
    EXPECT_LE(found.took, seconds(160));
    if (scene.keepalive || !scene.rings || !open || scene.changes) continue;
    ++silent;
    decided += fit(found, interval) != KeepaliveFit::untried ? 1U : 0U;
  }
  EXPECT_GE(decided, silent * 7 / 10);
}

}  // namespace
}  // namespace wgscope::path
