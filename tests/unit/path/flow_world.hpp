#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "wgscope/base/time.hpp"
#include "wgscope/path/flow_lifetime.hpp"

#include "simulated_nat.hpp"

// A flow through a simulated NAT to a gateway that is silent when it was silenced, on virtual time:
// what the worlds have in common in which one silent flow is measured.

namespace wgscope::path::testing {

constexpr Instant kNever{Nanoseconds::max()};

/// The NAT, the way, and the gateway's timers.
struct Flow {
  Nanoseconds lifetime = std::chrono::seconds(30);
  Nanoseconds delay = std::chrono::milliseconds(20);  ///< each way
  Nanoseconds jitter{};                               ///< added to it at random
  double loss = 0;                                    ///< each way, for each datagram
  double drops = 0;  ///< of what we send: the NAT does not even see it
  bool inbound_refreshes = true;
  /// Until the flow is a stream it is forgotten after so long. Nothing: after `lifetime` too.
  std::optional<Nanoseconds> new_lifetime = {};
  std::optional<Nanoseconds> changes = {};  ///< from then on it is forgotten after `later`
  Nanoseconds later{};
  Nanoseconds dies = std::chrono::hours(100);  ///< nothing comes in any more from then on
  std::optional<Nanoseconds> outage = {};      ///< begins then, and lasts 3 s
  std::optional<Nanoseconds> keepalive = {};   ///< the gateway's own
  bool coarse_timers = false;  ///< which comes up to an eighth late, as the kernel's
  /// When other devices with our key handshake, and the gateway has our session no more.
  std::vector<Nanoseconds> taken = {};
  std::uint64_t seed = 1;
};

struct Measured {
  FlowLifetime result;
  Nanoseconds took{};
};

/// For who has to look into a failure.
inline std::string describe(const Flow& flow, const FlowLifetime& said) {
  const auto ms = [](Nanoseconds time) { return std::to_string(time.count() / 1'000'000) + " ms"; };
  const auto whole = [](const std::optional<std::chrono::seconds>& time) {
    return time ? std::to_string(time->count()) + " s" : "?";
  };
  std::string text = "seed " + std::to_string(flow.seed) + " lifetime " + ms(flow.lifetime) +
                     ", delay " + ms(flow.delay) + " to " + ms(flow.delay + flow.jitter) +
                     ", loss " + std::to_string(flow.loss) + ", drops " +
                     std::to_string(flow.drops) +
                     (flow.inbound_refreshes ? "" : ", inbound does not refresh");
  if (flow.new_lifetime) text += ", at first " + ms(*flow.new_lifetime);
  if (flow.changes) text += ", then " + ms(flow.later) + " after " + ms(*flow.changes);
  if (flow.keepalive) text += ", keepalive " + ms(*flow.keepalive);
  return text + ": alive " + whole(said.alive_after) + ", gone " + whole(said.gone_after);
}

/// A flow whose NAT may drop keepalives, change its timers, or let nothing in refresh them, and whose
/// gateway may send keepalives of its own.
inline Flow any_flow(std::uint64_t seed, SeededRandom& random) {
  using std::chrono::milliseconds;
  using std::chrono::seconds;
  Flow flow{.lifetime = random.between(seconds(2), seconds(200)),
            .delay = random.between(milliseconds(1), milliseconds(150)),
            .loss = random.chance(0.5) ? 0 : 0.01 * static_cast<double>(random.below(6)),
            .inbound_refreshes = random.chance(0.7),
            .seed = seed};
  if (random.chance(0.5)) flow.drops = 0.01 * static_cast<double>(random.below(11));
  if (random.chance(0.3)) {
    flow.changes = random.between(seconds(5), seconds(300));
    flow.later = random.between(seconds(2), seconds(200));
  }
  if (random.chance(0.5)) flow.jitter = milliseconds(random.below(300));
  if (random.chance(0.3)) flow.keepalive = seconds(5 + random.below(60));
  flow.coarse_timers = random.chance(0.5);
  return flow;
}

/// The shortest and the longest time that the NAT may remember a flow during a run.
struct Lifetimes {
  Nanoseconds shortest;
  Nanoseconds longest;
};
inline Lifetimes lifetimes_of(const Flow& flow) {
  const Nanoseconds later = flow.changes ? flow.later : flow.lifetime;
  return {std::min(flow.lifetime, later), std::max(flow.lifetime, later)};
}

/// What a world knows of its flow. The gateway's timers are those of Linux: data out arms a handshake
/// in 15 s, anything in stops it.
class FlowWorld {
 protected:
  explicit FlowWorld(Flow flow) : flow_(std::move(flow)), random_(flow_.seed) {}

  [[nodiscard]] const Flow& flow() const { return flow_; }
  [[nodiscard]] SeededRandom& random() { return random_; }
  [[nodiscard]] Instant now() const { return now_; }
  [[nodiscard]] Nanoseconds elapsed() const { return now_ - start_; }
  void begin(Instant now) { start_ = now_ = keyed_ = now; }
  /// The NAT has just seen something, so that the flow is remembered from the beginning.
  void open_flow() {
    first_ = now_;
    mapped_ = now_;
  }
  void go_to(Instant now) { now_ = std::max(now_, now); }

  /// How long a datagram takes.
  [[nodiscard]] Nanoseconds way() {
    return flow_.jitter == Nanoseconds(0)
               ? flow_.delay
               : flow_.delay + random_.between(Nanoseconds(0), flow_.jitter);
  }
  [[nodiscard]] bool is_lost() {
    if (elapsed() >= flow_.dies) return true;
    if (flow_.outage && elapsed() >= *flow_.outage &&
        elapsed() < *flow_.outage + std::chrono::seconds(3))
      return true;
    return random_.chance(flow_.loss);
  }

  /// What we send gets to the NAT. @returns whether it gets to the gateway.
  [[nodiscard]] bool passes_out() {
    // A NAT that drops what we send does not remember it either.
    if (random_.chance(flow_.drops)) return false;
    if (!mapped_ || now_ - *mapped_ > lifetime()) first_ = now_;
    mapped_ = now_;
    return !is_lost();
  }
  /// What the gateway sends gets to the NAT, at once. @returns whether it gets to us.
  [[nodiscard]] bool passes_in() {
    if (!mapped_ || now_ - *mapped_ > lifetime()) return false;
    if (now_ - first_ > std::chrono::seconds(2)) stream_since_ = first_;
    if (flow_.inbound_refreshes) mapped_ = now_;
    return !is_lost();
  }

  /// The gateway takes a handshake of ours.
  void take_handshake() { keyed_ = now_; }
  /// Whether the gateway still has our session.
  [[nodiscard]] bool is_ours() const {
    return std::ranges::none_of(
        flow_.taken, [&](Nanoseconds at) { return start_ + at > keyed_ && start_ + at <= now_; });
  }
  /// When the gateway's keepalive comes if nothing else is sent.
  [[nodiscard]] Instant next_keepalive() {
    if (!flow_.keepalive) return kNever;
    const Nanoseconds late = flow_.coarse_timers ? *flow_.keepalive / 8 : Nanoseconds(0);
    return now_ + *flow_.keepalive + random_.between(Nanoseconds(0), late);
  }

 private:
  /// How long the NAT remembers the flow now.
  [[nodiscard]] Nanoseconds lifetime() const {
    if (flow_.changes && elapsed() >= *flow_.changes) return flow_.later;
    const bool is_new = flow_.new_lifetime && stream_since_ != first_;
    return is_new ? *flow_.new_lifetime : flow_.lifetime;
  }

  Flow flow_;
  SeededRandom random_;
  Instant start_{std::chrono::seconds(1000)};
  Instant now_ = start_;
  Instant keyed_ = start_;         ///< when the gateway last took a handshake of ours
  std::optional<Instant> mapped_;  ///< last refreshed
  Instant first_;                  ///< when this mapping was made
  Instant stream_since_;           ///< the mapping that is a stream was made then
};

}  // namespace wgscope::path::testing
