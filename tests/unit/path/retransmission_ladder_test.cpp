#include "wgscope/path/retransmission_ladder.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

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
using testing::takeovers;

constexpr Instant kNever{Nanoseconds::max()};

/// The NAT, the way, and the host of the TCP service.
struct Scene {
  Nanoseconds lifetime = seconds(30);
  bool inbound_refreshes = true;
  Nanoseconds delay = milliseconds(20);  ///< each way
  Nanoseconds jitter{};                  ///< added to it at random
  double loss = 0;                       ///< each way, for each datagram
  Nanoseconds first_pause = milliseconds(200);
  Nanoseconds longest_pause = seconds(120);
  double lateness = 0;  ///< of the host's timers, at most, in parts of the pause
  int sends = 15;       ///< again; then it has given up
  bool lost_in_tunnel_host = false;
  Nanoseconds dies = std::chrono::hours(100);  ///< nothing comes in any more from then on
  Nanoseconds spread = milliseconds(5);        ///< between lines
  std::optional<Nanoseconds> keepalive{};      ///< the gateway's own
  bool coarse_timers = false;               ///< which comes up to an eighth late, as the kernel's
  double drops = 0;                         ///< of what we send: the NAT does not even see it
  std::optional<Nanoseconds> changes = {};  ///< from then on it is forgotten after `later`
  Nanoseconds later{};
  /// When other devices with our key handshake, and the gateway has our session no more.
  std::vector<Nanoseconds> taken = {};
  bool resets = false;  ///< such a device resets connections that it knows nothing of
  std::uint64_t seed = 1;
};

struct Measured {
  FlowLifetime result;
  Nanoseconds took{};
};

class World {
 public:
  World(const LadderConfig& config, const Scene& scene) : scene_(scene), random_(scene.seed) {
    for (std::size_t i = 0; i < kLadderLines; ++i) {
      Line& line = lines_[i];
      line.pause = scene.first_pause + random_.between(Nanoseconds(0), scene.spread);
      stalled_[i] = now_ + random_.between(Nanoseconds(0), scene.spread);
      line.next = stalled_[i] + line.pause;
    }
    now_ = *std::ranges::max_element(stalled_);
    mapped_ = now_;
    start_ = now_;
    keyed_ = now_;
    ladder_.emplace(config, stalled_, now_, 0, now_);
  }

  Measured run();

 private:
  enum class What : std::uint8_t { keepalive, ask, handshake, data, answer, other, keyed, reset };
  struct Packet {
    Instant at;
    What what{};
    std::size_t line = 0;
    bool inbound = false;
    std::size_t session = 0;
    std::uint64_t number = 0;
  };
  struct Line {
    Instant next;
    Nanoseconds pause;
    int sent = 0;
    [[nodiscard]] bool gave_up(const Scene& scene) const { return sent > scene.sends; }
  };
  struct Session {  ///< how the gateway counts, and what of that came
    std::uint64_t sent = 0;
    std::uint64_t highest = 0;
    std::uint64_t received = 0;
  };

  void send();
  void from_gateway(What what, std::size_t line = 0);
  /// How long a datagram takes.
  [[nodiscard]] Nanoseconds way() {
    return scene_.jitter == Nanoseconds(0)
               ? scene_.delay
               : scene_.delay + random_.between(Nanoseconds(0), scene_.jitter);
  }
  /// When the gateway's keepalive comes if nothing else is sent.
  [[nodiscard]] Instant next_keepalive() {
    const Nanoseconds late = scene_.coarse_timers ? *scene_.keepalive / 8 : Nanoseconds(0);
    return now_ + *scene_.keepalive + random_.between(Nanoseconds(0), late);
  }
  void at_gateway(const Packet& packet);
  void at_us(const Packet& packet);
  void transmit(std::size_t index);
  [[nodiscard]] bool is_ours() const {
    return std::ranges::none_of(
        scene_.taken, [&](Nanoseconds at) { return start_ + at > keyed_ && start_ + at <= now_; });
  }
  [[nodiscard]] bool lost() { return now_ - start_ >= scene_.dies || random_.chance(scene_.loss); }
  [[nodiscard]] std::uint64_t missing() const {
    std::uint64_t sum = 0;
    for (const Session& session : sessions_) sum += session.highest - session.received;
    return sum;
  }

  Scene scene_;
  SeededRandom random_;
  Instant now_{seconds(1000)};
  Instant start_;
  Instant keyed_;  ///< when the gateway last took a handshake of ours
  std::array<Line, kLadderLines> lines_{};
  std::array<Instant, kLadderLines> stalled_{};
  std::optional<RetransmissionLadder> ladder_;
  std::vector<Packet> flying_;
  Instant mapped_;
  std::vector<Session> sessions_ = std::vector<Session>(1);
  std::size_t next_session_ = 0;  ///< once we have used it
  Instant handshake_at_ = kNever;
  Instant keepalive_at_ = kNever;
};

void World::send() {
  using Kind = LadderSend::Kind;
  while (const auto wanted = ladder_->poll_send()) {
    // A NAT that drops what we send does not remember it either.
    if (random_.chance(scene_.drops)) continue;
    mapped_ = now_;
    if (lost()) continue;
    const What what = wanted->kind == Kind::keepalive ? What::keepalive
                      : wanted->kind == Kind::ask     ? What::ask
                                                      : What::handshake;
    flying_.push_back({.at = now_ + way(), .what = what, .line = wanted->line});
  }
}

void World::from_gateway(What what, std::size_t line) {
  if (scene_.keepalive) keepalive_at_ = next_keepalive();
  Packet packet{.at = now_ + way(), .what = what, .line = line, .inbound = true};
  if (what != What::keyed) {
    packet.session = sessions_.size() - 1;
    packet.number = ++sessions_.back().sent;
    if (what != What::other && handshake_at_ == kNever) handshake_at_ = now_ + seconds(15);
  }
  const bool changed = scene_.changes && now_ - start_ >= *scene_.changes;
  if (now_ - mapped_ > (changed ? scene_.later : scene_.lifetime)) return;
  if (scene_.inbound_refreshes) mapped_ = now_;
  if (!lost()) flying_.push_back(packet);
}

void World::at_gateway(const Packet& packet) {
  if (packet.what == What::handshake) keyed_ = now_;
  if (!is_ours()) return;
  handshake_at_ = kNever;
  if (scene_.keepalive) keepalive_at_ = next_keepalive();
  if (packet.what == What::handshake) {
    ++next_session_;
    return from_gateway(What::keyed);
  }
  if (next_session_ != 0) {
    sessions_.emplace_back();
    next_session_ = 0;
  }
  if (packet.what == What::ask)
    from_gateway(lines_[packet.line].gave_up(scene_) ? What::reset : What::answer, packet.line);
}

void World::at_us(const Packet& packet) {
  if (packet.what == What::keyed) return ladder_->handle_keyed(now_);
  Session& session = sessions_[packet.session];
  session.highest = std::max(session.highest, packet.number);
  ++session.received;
  if (packet.what == What::data) ladder_->handle_data(now_, packet.line, missing());
  if (packet.what == What::answer) ladder_->handle_answer(now_, packet.line, missing());
  if (packet.what == What::other) ladder_->handle_other(now_, missing());
  if (packet.what == What::reset) ladder_->handle_end(now_, packet.line, missing());
}

void World::transmit(std::size_t index) {
  Line& line = lines_[index];
  if (line.sent++ >= scene_.sends) {
    line.next = kNever;
    return;
  }
  if (is_ours())
    from_gateway(What::data, index);
  else if (scene_.resets)
    line.sent = scene_.sends + 1;
  line.pause = std::min(2 * line.pause, scene_.longest_pause);
  const auto most =
      static_cast<Nanoseconds::rep>(static_cast<double>(line.pause.count()) * scene_.lateness);
  line.next = now_ + line.pause + random_.between(Nanoseconds(0), Nanoseconds(most));
}

Measured World::run() {
  send();
  while (!ladder_->done()) {
    const auto packet = std::ranges::min_element(flying_, {}, &Packet::at);
    const Instant packet_at = packet == flying_.end() ? kNever : packet->at;
    const auto line = std::ranges::min_element(lines_, {}, &Line::next);
    const Instant timeout = *ladder_->next_timeout();
    now_ = std::max(now_, std::min({packet_at, line->next, timeout, handshake_at_, keepalive_at_}));
    if (packet_at <= now_) {
      const Packet taken = *packet;
      flying_.erase(packet);
      taken.inbound ? at_us(taken) : at_gateway(taken);
    } else if (line->next <= now_) {
      transmit(static_cast<std::size_t>(line - lines_.begin()));
    } else if (handshake_at_ <= now_) {
      handshake_at_ = now_ + seconds(5);
      from_gateway(What::keyed);
    } else if (keepalive_at_ <= now_) {
      from_gateway(What::other);
    } else {
      ladder_->handle_timeout(now_);
    }
    send();
  }
  return {ladder_->result(), now_ - start_};
}

Measured measure(const LadderConfig& config, const Scene& scene) {
  return World(config, scene).run();
}

TEST(RetransmissionLadder, BracketsTheLifetimeBetweenTwoPauses) {
  const Measured found = measure({}, {.lifetime = seconds(40)});
  EXPECT_EQ(found.result.end, FlowEnd::done);
  EXPECT_EQ(found.result.alive_after, seconds(25));
  EXPECT_GE(found.result.gone_after, seconds(51));
  EXPECT_LE(found.result.gone_after, seconds(60));
  EXPECT_LE(found.took, seconds(120));
}

TEST(RetransmissionLadder, SaysThatTheKeepaliveIsOftenEnoughWithAMarginOfTwo) {
  const Measured found =
      measure({.interval = seconds(25), .longest_silence = seconds(60)}, {.lifetime = seconds(80)});
  EXPECT_EQ(found.result.keepalive, KeepaliveVerdict::enough);
  EXPECT_GE(found.result.trials, 2U);
  EXPECT_GE(found.result.alive_after, seconds(51));
  EXPECT_EQ(found.result.gone_after, std::nullopt);
}

TEST(RetransmissionLadder, SaysThatTheKeepaliveIsTooLong) {
  const Measured found = measure({.interval = seconds(25)}, {.lifetime = seconds(10)});
  EXPECT_EQ(found.result.keepalive, KeepaliveVerdict::not_enough);
  EXPECT_EQ(found.result.alive_after, seconds(6));
  EXPECT_LE(found.result.gone_after, seconds(16));
  EXPECT_LE(found.took, seconds(45));
}

TEST(RetransmissionLadder, MakesASilenceOfTheIntervalInALongerPause) {
  const Measured found = measure({.interval = seconds(25)}, {.lifetime = seconds(46)});
  EXPECT_EQ(found.result.keepalive, KeepaliveVerdict::enough);
  EXPECT_GE(found.result.trials, 2U);
  EXPECT_GE(found.result.alive_after, seconds(28)) << "a keepalive that is late";
}

TEST(RetransmissionLadder, MakesASilenceJustShortOfTheIntervalWhereTheLifetimeIsShorter) {
  const Measured found = measure({.interval = seconds(25)}, {.lifetime = seconds(17)});
  EXPECT_EQ(found.result.keepalive, KeepaliveVerdict::not_enough);
  EXPECT_EQ(found.result.alive_after, seconds(12));
  EXPECT_LE(found.result.gone_after, seconds(26));
  EXPECT_LE(found.took, seconds(120));
}

TEST(RetransmissionLadder, TriesNothingLongerThanToldButTheInterval) {
  const Measured found = measure({.interval = seconds(25), .longest_silence = seconds(20)},
                                 {.lifetime = seconds(300)});
  EXPECT_EQ(found.result.end, FlowEnd::done);
  EXPECT_EQ(found.result.keepalive, KeepaliveVerdict::enough);
  EXPECT_LE(found.result.alive_after, seconds(26));
  EXPECT_LE(found.took, seconds(60));
}

TEST(RetransmissionLadder, LooksIntoTheGapThatAnEarlierRunLeft) {
  // A run with an interval of 25 s left 13 to 31 s.
  const LadderConfig config{
      .interval = seconds(20), .longest_silence = seconds(20), .most = seconds(220)};
  const Measured below = measure(config, {.lifetime = seconds(17)});
  EXPECT_LE(below.result.gone_after, seconds(27));
  const Measured above = measure(config, {.lifetime = seconds(24)});
  EXPECT_GE(above.result.alive_after, seconds(20));
  EXPECT_EQ(above.result.keepalive, KeepaliveVerdict::enough);
}

TEST(RetransmissionLadder, WaitsForTimersThatAreLaterThanUsual) {
  const Measured found = measure({.interval = seconds(25), .longest_silence = seconds(60)},
                                 {.lifetime = seconds(300), .lateness = 0.11});
  EXPECT_EQ(found.result.keepalive, KeepaliveVerdict::enough);
  EXPECT_EQ(found.result.gone_after, std::nullopt);
}

TEST(RetransmissionLadder, DoesNotTakeAServiceThatGaveUpForAFlowThatIsForgotten) {
  const Measured found = measure({.interval = seconds(25)}, {.lifetime = seconds(300), .sends = 8});
  EXPECT_EQ(found.result.end, FlowEnd::service_ended);
  EXPECT_EQ(found.result.alive_after, seconds(25));
  EXPECT_EQ(found.result.gone_after, std::nullopt);
  EXPECT_EQ(found.result.keepalive, KeepaliveVerdict::enough) << "its own silence was survived";
}

TEST(RetransmissionLadder, DoesNotBlameTheSilenceForAPathThatIsGone) {
  const Measured found = measure({}, {.lifetime = seconds(300), .dies = seconds(30)});
  EXPECT_EQ(found.result.end, FlowEnd::path_gone);
  EXPECT_EQ(found.result.alive_after, seconds(12));
  EXPECT_EQ(found.result.gone_after, std::nullopt);
}

TEST(RetransmissionLadder, DoesNotBlameTheNatForASessionThatWasTaken) {
  for (const bool resets : {false, true}) {
    SCOPED_TRACE(resets);
    const Measured found =
        measure({.interval = seconds(25)},
                {.lifetime = seconds(300), .taken = {seconds(30)}, .resets = resets});
    EXPECT_EQ(found.result.lost.size(), 1U);
    EXPECT_EQ(found.result.gone_after, std::nullopt);
    EXPECT_GE(found.result.alive_after, seconds(12));
    EXPECT_EQ(found.result.end, resets ? FlowEnd::service_ended : FlowEnd::done);
  }
}

TEST(RetransmissionLadder, NeverTakesATakeoverForALifetime) {
  std::size_t noticed = 0;
  std::size_t gone = 0;
  for (std::uint64_t seed = 1; seed <= flows_to_try(); ++seed) {
    SeededRandom random(seed);
    const Nanoseconds lifetime = random.between(seconds(60), seconds(200));
    const Scene scene{.lifetime = lifetime,
                      .delay = random.between(milliseconds(1), milliseconds(150)),
                      .taken = takeovers(random, seconds(120)),
                      .resets = random.chance(0.5),
                      .seed = seed};
    const Measured found = measure({.interval = seconds(25)}, scene);
    SCOPED_TRACE(seed);
    noticed += found.result.lost.empty() ? 0U : 1U;
    expect_true(found.result, seconds(25), lifetime - seconds(1), lifetime + seconds(1));
    gone += found.result.end == FlowEnd::path_gone ? 1U : 0U;
  }
  EXPECT_LE(gone, flows_to_try() / 500) << "the path is all right";
  EXPECT_GT(noticed, flows_to_try() * 6 / 10);
}

TEST(RetransmissionLadder, SeesThatTheGatewaySpeaksByItself) {
  const Measured found =
      measure({.interval = seconds(25)}, {.lifetime = seconds(100), .keepalive = seconds(10)});
  EXPECT_EQ(found.result.end, FlowEnd::disturbed);
  EXPECT_GT(*found.result.broken_after, seconds(9));
  EXPECT_EQ(found.result.gone_after, std::nullopt);
  EXPECT_EQ(found.result.keepalive, KeepaliveVerdict::not_known);
}

TEST(RetransmissionLadder, LearnsPausesThatStopGrowingEarly) {
  const Measured found = measure({.longest_silence = seconds(60)},
                                 {.lifetime = seconds(300), .longest_pause = seconds(64)});
  EXPECT_EQ(found.result.end, FlowEnd::done);
  EXPECT_GE(found.result.alive_after, seconds(60));
  EXPECT_EQ(found.result.gone_after, std::nullopt);
}

TEST(RetransmissionLadder, EndsInTimeWithWhatIsKnown) {
  constexpr int kRuns = 20;
  for (const int lifetime : {18, 24, 26, 30, 60, 120, 300}) {
    int known = 0;
    for (std::uint64_t seed = 1; seed <= kRuns; ++seed) {
      const Measured found =
          measure({.interval = seconds(25), .longest_silence = seconds(180), .most = seconds(220)},
                  {.lifetime = seconds(lifetime), .loss = 0.05, .seed = seed});
      EXPECT_LE(found.took, seconds(220)) << lifetime;
      known += found.result.alive_after >= seconds(std::min(lifetime / 2 - 6, 24)) ? 1 : 0;
    }
    // Silences in which something was lost tell nothing.
    EXPECT_GE(known, kRuns * 8 / 10) << lifetime;
  }
}

TEST(RetransmissionLadder, KnowsNothingWithoutLines) {
  const RetransmissionLadder ladder({}, {}, Instant{}, 0, Instant{});
  EXPECT_TRUE(ladder.done());
  EXPECT_EQ(ladder.result().end, FlowEnd::no_service);
}

std::string describe(const Scene& scene, const FlowLifetime& said) {
  const auto ms = [](Nanoseconds time) { return std::to_string(time.count() / 1'000'000) + " ms"; };
  std::string text = "seed " + std::to_string(scene.seed) + " lifetime " + ms(scene.lifetime) +
                     ", delay " + ms(scene.delay) + " to " + ms(scene.delay + scene.jitter) +
                     ", loss " + std::to_string(scene.loss) + ", drops " +
                     std::to_string(scene.drops) +
                     (scene.inbound_refreshes ? "" : ", inbound does not refresh");
  if (scene.changes) text += ", then " + ms(scene.later) + " after " + ms(*scene.changes);
  if (scene.keepalive) text += ", keepalive " + ms(*scene.keepalive);
  return text + ": alive " + std::to_string(said.alive_after.value_or(seconds(-1)).count()) +
         " gone " + std::to_string(said.gone_after.value_or(seconds(-1)).count());
}

TEST(RetransmissionLadder, TellsTheTruthOfThousandsOfFlowsOrNothing) {
  constexpr std::uint64_t kFlows = 4'000;
  std::size_t judged = 0;
  std::size_t bracketed = 0;
  for (std::uint64_t seed = 1; seed <= kFlows; ++seed) {
    SeededRandom random(seed);
    LadderConfig config;
    if (random.chance(0.8)) config.interval = seconds(5 + random.below(40));
    config.longest_silence = seconds(random.chance(0.5) ? 120 : 20 + random.below(160));
    constexpr std::array kCaps{60, 64, 120, 120, 120, 240};
    const Scene scene{.lifetime = random.between(seconds(1), seconds(300)),
                      .inbound_refreshes = random.chance(0.7),
                      .delay = random.between(milliseconds(1), milliseconds(150)),
                      .loss = random.chance(0.3) ? 0 : 0.01 * static_cast<double>(random.below(11)),
                      .first_pause = random.between(milliseconds(200), milliseconds(1'200)),
                      .longest_pause = seconds(kCaps.at(random.below(kCaps.size()))),
                      .lateness = random.chance(0.5) ? 0 : 0.11,
                      .sends = static_cast<int>(6 + random.below(10)),
                      .spread = random.between(milliseconds(0), milliseconds(50)),
                      .seed = seed};
    const Measured found = measure(config, scene);
    const FlowLifetime& said = found.result;
    // What comes in has been on its way for `delay`, and so had what we sent before.
    const Nanoseconds slop = 4 * scene.delay;
    EXPECT_TRUE(!said.alive_after || *said.alive_after <= scene.lifetime + slop)
        << describe(scene, said);
    EXPECT_TRUE(!said.gone_after || *said.gone_after + slop >= scene.lifetime)
        << describe(scene, said);
    if (config.interval) {
      const Nanoseconds silence = *config.interval;
      EXPECT_FALSE(said.keepalive == KeepaliveVerdict::enough && scene.lifetime + slop < silence)
          << describe(scene, said);
      EXPECT_FALSE(said.keepalive == KeepaliveVerdict::not_enough &&
                   scene.lifetime > silence + slop)
          << describe(scene, said);
      judged += said.keepalive != KeepaliveVerdict::not_known;
    }
    bracketed += said.end == FlowEnd::done;
    EXPECT_LE(found.took, longest_ladder(config)) << describe(scene, said);
  }
  EXPECT_GE(judged, kFlows / 2);
  EXPECT_GE(bracketed, kFlows / 2);
}

/// A keepalive of the gateway's passes the NAT in the middle of the silence, and is lost behind it.
TEST(RetransmissionLadder, BelievesNoSilenceInWhichSomethingWasLost) {
  for (std::uint64_t seed = 1; seed <= 3'000; ++seed) {
    const Scene scene{
        .lifetime = seconds(28), .loss = 0.05, .keepalive = seconds(17), .seed = seed};
    const FlowLifetime found = measure({.interval = seconds(25)}, scene).result;
    EXPECT_LE(found.alive_after.value_or(seconds(0)), seconds(28)) << seed;
  }
}

TEST(RetransmissionLadder, TellsTheTruthOfNatsThatDropKeepalivesOrChange) {
  std::size_t silent = 0;  // gateways without a keepalive of their own
  std::size_t judged = 0;
  const std::uint64_t flows = flows_to_try();
  for (std::uint64_t seed = 1; seed <= flows; ++seed) {
    SeededRandom random(seed);
    const seconds interval(5 + random.below(40));
    Scene scene{.lifetime = random.between(seconds(2), seconds(200)),
                .inbound_refreshes = random.chance(0.7),
                .delay = random.between(milliseconds(1), milliseconds(150)),
                .loss = random.chance(0.5) ? 0 : 0.01 * static_cast<double>(random.below(6)),
                .lateness = random.chance(0.5) ? 0 : 0.11,
                .seed = seed};
    if (random.chance(0.5)) scene.drops = 0.01 * static_cast<double>(random.below(11));
    if (random.chance(0.3)) {
      scene.changes = random.between(seconds(5), seconds(200));
      scene.later = random.between(seconds(2), seconds(200));
    }
    if (random.chance(0.5)) scene.jitter = milliseconds(random.below(300));
    if (random.chance(0.3)) scene.keepalive = seconds(5 + random.below(60));
    scene.coarse_timers = random.chance(0.5);
    const Measured found = measure(
        {.interval = interval, .longest_silence = seconds(180), .most = seconds(220)}, scene);
    const Nanoseconds slop = 4 * (scene.delay + scene.jitter) + milliseconds(700);
    const auto [shortest, longest] =
        std::minmax(scene.lifetime, scene.changes ? scene.later : scene.lifetime);
    SCOPED_TRACE(describe(scene, found.result));
    expect_true(found.result, interval, shortest - slop, longest + slop);
    EXPECT_LE(found.took, seconds(220));
    if (scene.keepalive) continue;
    ++silent;
    judged += found.result.keepalive != KeepaliveVerdict::not_known;
  }
  EXPECT_GE(judged, silent * 6 / 10);
}

}  // namespace
}  // namespace wgscope::path
