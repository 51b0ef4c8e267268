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

#include "flow_world.hpp"
#include "keepalive_truth.hpp"
#include "simulated_nat.hpp"

namespace wgscope::path {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::any_flow;
using testing::describe;
using testing::expect_true;
using testing::Flow;
using testing::flows_to_try;
using testing::kNever;
using testing::lifetimes_of;
using testing::Measured;
using testing::SeededRandom;

constexpr Instant kStart{seconds(1000)};

/// The host that gives up pieces.
struct Host {
  Nanoseconds alarm = seconds(30);  ///< its reassembly time
  /// Its timers fire at multiples of it.
  Nanoseconds granularity = milliseconds(2'048);
  Nanoseconds phase{};
  bool rings = true;
};

struct MeasuredByAlarms : Measured {
  bool rang = false;
};

class World : private testing::FlowWorld {
 public:
  World(const AlarmConfig& config, const FlowLifetime& known, const Flow& flow, const Host& host)
      : FlowWorld(flow), host_(host), trials_(config, known, now() - seconds(60), 0, now()) {
    open_flow();
    keepalive_at_ = next_keepalive();
  }

  MeasuredByAlarms run();

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
  [[nodiscard]] Instant fires(Instant from) const {
    const Nanoseconds expires = from.since_boot + host_.alarm - host_.phase;
    return {(expires / host_.granularity + 1) * host_.granularity + host_.phase};
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

  Host host_;
  AlarmTrials trials_;
  std::vector<Outbound> out_;
  std::vector<Inbound> in_;
  std::vector<Alarm> alarms_;
  std::vector<Session> sessions_ = std::vector<Session>(1);
  bool is_next_session_ = false;  ///< begins once we have used it
  Instant handshake_at_ = kNever;
  Instant passive_at_ = kNever;
  Instant keepalive_at_ = kNever;
};

void World::send() {
  while (const auto wanted = trials_.poll_send()) {
    if (passes_out()) out_.push_back({now() + way(), *wanted});
  }
}

void World::from_gateway(What what, std::uint32_t number) {
  keepalive_at_ = next_keepalive();
  passive_at_ = kNever;
  Inbound packet{.at = now() + way(), .what = what, .number = number};
  if (what != What::keyed) {
    packet.session = sessions_.size() - 1;
    packet.counter = ++sessions_.back().sent;
    if (what != What::other && handshake_at_ == kNever) handshake_at_ = now() + seconds(15);
  }
  if (passes_in()) in_.push_back(packet);
}

void World::at_gateway(const AlarmSend& sent) {
  handshake_at_ = kNever;
  keepalive_at_ = next_keepalive();
  if (sent.kind == Kind::handshake) {
    is_next_session_ = true;
    return from_gateway(What::keyed);
  }
  if (std::exchange(is_next_session_, false)) sessions_.emplace_back();
  if (sent.kind == Kind::keepalive) return;
  if (passive_at_ == kNever) passive_at_ = now() + seconds(10);
  if (sent.kind == Kind::ask) from_gateway(What::answer, sent.number);
  if (sent.kind == Kind::piece && host_.rings) alarms_.push_back({fires(now()), sent.number});
}

void World::at_us(const Inbound& packet) {
  if (packet.what == What::keyed) return trials_.handle_keyed(now());
  Session& session = sessions_[packet.session];
  session.highest = std::max(session.highest, packet.counter);
  ++session.received;
  if (packet.what == What::answer) trials_.handle_answer(now(), packet.number, missing());
  if (packet.what == What::alarm) trials_.handle_alarm(now(), packet.number, missing());
  if (packet.what == What::other) trials_.handle_other(now(), missing());
}

MeasuredByAlarms World::run() {
  send();
  while (!trials_.done()) {
    const Instant timeout = *trials_.next_timeout();
    go_to(std::min({time_of(out_), time_of(in_), time_of(alarms_), timeout, handshake_at_,
                    passive_at_, keepalive_at_}));
    if (time_of(in_) <= now()) {
      const Inbound packet = *first_of(in_);
      in_.erase(first_of(in_));
      at_us(packet);
    } else if (time_of(out_) <= now()) {
      const AlarmSend sent = first_of(out_)->sent;
      out_.erase(first_of(out_));
      at_gateway(sent);
    } else if (time_of(alarms_) <= now()) {
      const std::uint32_t number = first_of(alarms_)->number;
      alarms_.erase(first_of(alarms_));
      from_gateway(What::alarm, number);
    } else if (handshake_at_ <= now()) {
      handshake_at_ = now() + seconds(5);
      from_gateway(What::keyed);
    } else if (passive_at_ <= now() || keepalive_at_ <= now()) {
      from_gateway(What::other);
    } else {
      trials_.handle_timeout(now());
    }
    send();
  }
  return {{trials_.result(), elapsed()}, trials_.has_rung()};
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

AlarmConfig asked(seconds interval) {
  return {.interval = interval, .seen = {.received = 36}, .end = kStart + seconds(160)};
}

MeasuredByAlarms measure(const FlowLifetime& known, const Flow& flow, const Host& host = {},
                         seconds interval = seconds(25)) {
  return World(asked(interval), known, flow, host).run();
}

KeepaliveFit fit(const MeasuredByAlarms& found, seconds interval = seconds(25)) {
  const FlowLifetime& said = found.result;
  return fit_keepalive(interval, {said.alive_after, said.gone_after}, said.keepalive);
}

/// With every frequency of timers that Linux is built with, and wherever they stand.
template <class Check>
void with_every_timer(const Check& check) {
  Host host;
  for (const int granularity : {512, 640, 1'707, 2'048}) {
    for (int phase = 0; phase < granularity; phase += 97) {
      SCOPED_TRACE(fmt::format("granularity {} ms, phase {} ms", granularity, phase));
      // 1.707 s are 512 jiffies of 1/300 s.
      host.granularity = granularity == 1'707 ? Nanoseconds(1'706'666'666)
                                              : Nanoseconds(milliseconds(granularity));
      host.phase = milliseconds(phase);
      check(host);
    }
  }
}

TEST(AlarmTrials, SayThatAnIntervalIsASecondTooLong) {
  with_every_timer([](const Host& host) {
    const MeasuredByAlarms found = measure(left_by_tcp(), {.lifetime = seconds(24)}, host);
    EXPECT_EQ(fit(found), KeepaliveFit::too_long);
    EXPECT_EQ(found.result.gone_after, seconds(25));
    EXPECT_LE(found.took, seconds(120));
  });
}

TEST(AlarmTrials, SayThatAnIntervalIsASecondShorterThanTheLifetime) {
  with_every_timer([](const Host& host) {
    const MeasuredByAlarms found = measure(left_by_tcp(), {.lifetime = seconds(26)}, host);
    EXPECT_EQ(fit(found), KeepaliveFit::only_if_exact);
    EXPECT_GE(found.result.alive_after, seconds(25));
    EXPECT_LE(found.result.gone_after, seconds(28));
  });
}

TEST(AlarmTrials, SayThatAnIntervalIsInTimeEvenIfItIsLate) {
  with_every_timer([](const Host& host) {
    const MeasuredByAlarms found = measure(between(milliseconds(25'600), milliseconds(57'000)),
                                           {.lifetime = seconds(30)}, host);
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
  const MeasuredByAlarms found =
      measure(left_by_tcp(), {.lifetime = seconds(24)}, {.rings = false});
  EXPECT_FALSE(found.rang);
  EXPECT_EQ(found.result.alive_after, seconds(12));
  EXPECT_EQ(found.result.gone_after, seconds(32));
  EXPECT_LE(found.took, seconds(45));
}

TEST(AlarmTrials, LeaveAloneAHostThatAnswersNoPings) {
  const MeasuredByAlarms found = measure(left_by_tcp(), {.lifetime = seconds(24), .loss = 1});
  EXPECT_FALSE(found.rang);
  EXPECT_EQ(found.result.end, FlowEnd::done);
  EXPECT_LE(found.took, seconds(10));
}

TEST(AlarmTrials, LearnAReassemblyTimeThatIsNotLinuxsUsualOne) {
  const MeasuredByAlarms found =
      measure(between(seconds(3), seconds(15)), {.lifetime = milliseconds(8'500)},
              {.alarm = seconds(15), .granularity = milliseconds(256)}, seconds(9));
  EXPECT_TRUE(found.rang);
  EXPECT_EQ(fit(found, seconds(9)), KeepaliveFit::too_long);
}

TEST(AlarmTrials, SeeThatTheGatewaySpeaksByItself) {
  const MeasuredByAlarms found =
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
    Flow flow = any_flow(seed, random);
    flow.lifetime = random.between(seconds(2), seconds(60));
    if (flow.changes) flow.later = random.between(seconds(2), seconds(60));
    Host host{.rings = random.chance(0.9)};
    constexpr std::array kGranularities{512, 640, 2'048, 1'000, 1};
    host.granularity = milliseconds(kGranularities.at(random.below(kGranularities.size())));
    host.phase = random.between(Nanoseconds(0), host.granularity);
    if (random.chance(0.3)) host.alarm = seconds(10 + random.below(60));
    const FlowLifetime known = between(part_of(flow.lifetime, random),
                                       flow.lifetime + random.between(seconds(1), seconds(30)));
    const bool open = AlarmTrials::can_help(asked(interval), known);
    const MeasuredByAlarms found = measure(known, flow, host, interval);
    const Nanoseconds slop = 4 * (flow.delay + flow.jitter) + milliseconds(700);
    const auto [shortest, longest] = lifetimes_of(flow);
    SCOPED_TRACE(fmt::format("interval {} s, granularity {} ms, ", interval.count(),
                             host.granularity.count() / 1'000'000) +
                 describe(flow, found.result));
    expect_true(found.result, interval, shortest - slop, longest + slop);
    EXPECT_LE(found.took, seconds(160));
    if (flow.keepalive || !host.rings || !open || flow.changes) continue;
    ++silent;
    decided += fit(found, interval) != KeepaliveFit::untried ? 1U : 0U;
  }
  EXPECT_GE(decided, silent * 7 / 10);
}

}  // namespace
}  // namespace wgscope::path
