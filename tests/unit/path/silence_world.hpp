#pragma once

// A search for silences through a simulated NAT, on virtual time.

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "wgscope/path/flow_lifetime.hpp"
#include "wgscope/path/keepalive.hpp"
#include "wgscope/path/silence_search.hpp"

#include "keepalive_truth.hpp"
#include "simulated_nat.hpp"

namespace wgscope::path::silence {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::SeededRandom;

/// A flow through a NAT to a gateway that is silent when it was silenced, and the twin's way.
struct Flow {
  Nanoseconds lifetime = seconds(30);
  Nanoseconds delay = milliseconds(20);  ///< each way
  Nanoseconds jitter{};                  ///< added to it at random
  double loss = 0;                       ///< each way, for each datagram
  bool inbound_refreshes = true;
  bool forwards = true;
  Nanoseconds dies = std::chrono::hours(100);  ///< nothing comes in any more from then on
  std::optional<Nanoseconds> keepalive{};      ///< the gateway's own
  bool coarse_timers = false;           ///< which comes up to an eighth late, as the kernel's
  std::optional<Nanoseconds> outage{};  ///< begins then, and lasts 3 s
  double drops = 0;                     ///< of what we send: the NAT does not even see it
  /// Until the flow is a stream it is forgotten after so long. Nothing: after `lifetime` too.
  std::optional<Nanoseconds> new_lifetime = {};
  std::optional<Nanoseconds> changes = {};  ///< from then on it is forgotten after `later`
  Nanoseconds later{};
  /// When other devices with our key handshake, and the gateway has our session no more.
  std::vector<Nanoseconds> taken = {};
  // The gateway loses the twin's session then, and gets a new one later.
  std::optional<Nanoseconds> twin_taken = {};
  Nanoseconds twin_anew{};
  std::uint64_t seed = 1;
};

struct Measured {
  FlowLifetime result;
  Nanoseconds took{};
};

/// The gateway's timers are those of Linux: data out arms a handshake in 15 s, anything
/// in stops it.
class World {
 public:
  World(const SilenceSearchConfig& config, const Flow& flow)
      : flow_(flow), random_(flow.seed), search_(config, now_, now_), keyed_(now_) {}

  Measured run();

 private:
  enum class What : std::uint8_t { call, other, keyed };
  struct Packet {
    Instant at;
    bool to_gateway = false;
    What what{};
    std::uint32_t serial = 0;
    std::uint64_t number = 0;  ///< of the gateway's packets; 0: a handshake, which has none
  };

  void send();
  void fly(Packet packet) { flying_.push_back(packet); }
  void from_gateway(What what, std::uint32_t serial = 0);
  /// How long a datagram takes.
  [[nodiscard]] Nanoseconds way() {
    return flow_.jitter == Nanoseconds(0)
               ? flow_.delay
               : flow_.delay + random_.between(Nanoseconds(0), flow_.jitter);
  }
  /// When the gateway's keepalive comes if nothing else is sent.
  [[nodiscard]] Instant next_keepalive() {
    const Nanoseconds late = flow_.coarse_timers ? *flow_.keepalive / 8 : Nanoseconds(0);
    return now_ + *flow_.keepalive + random_.between(Nanoseconds(0), late);
  }
  void arrive(const Packet& packet);
  [[nodiscard]] bool lost() {
    const Nanoseconds time = now_ - start_;
    if (time >= flow_.dies) return true;
    if (flow_.outage && time >= *flow_.outage && time < *flow_.outage + seconds(3)) return true;
    return random_.chance(flow_.loss);
  }
  [[nodiscard]] Instant next_of_gateway() const;
  [[nodiscard]] bool is_ours() const {
    return std::ranges::none_of(
        flow_.taken, [&](Nanoseconds at) { return start_ + at > keyed_ && start_ + at <= now_; });
  }
  [[nodiscard]] bool has_twin() {
    if (!flow_.twin_taken || now_ - start_ < *flow_.twin_taken) return true;
    if (now_ - start_ < flow_.twin_anew) return false;
    flow_.twin_taken.reset();
    search_.handle_caller_keyed();
    return true;
  }
  /// How long the NAT remembers the flow now.
  [[nodiscard]] Nanoseconds lifetime() const {
    if (flow_.changes && now_ - start_ >= *flow_.changes) return flow_.later;
    const bool is_new = flow_.new_lifetime && stream_since_ != first_;
    return is_new ? *flow_.new_lifetime : flow_.lifetime;
  }

  Flow flow_;
  SeededRandom random_;
  Instant start_{seconds(1000)};
  Instant now_ = start_;
  SilenceSearch search_;
  std::vector<Packet> flying_;
  std::uint64_t numbered_ = 0;  ///< by the gateway
  std::uint64_t highest_ = 0;   ///< that came in
  std::uint64_t received_ = 0;
  std::optional<Instant> mapped_;  ///< last refreshed
  Instant first_;                  ///< when this mapping was made
  Instant stream_since_;           ///< the mapping that is a stream was made then
  Instant keyed_;                  ///< when the gateway last took a handshake of ours
  std::optional<Instant> handshake_at_;
  std::optional<Instant> keepalive_at_;
};

inline void World::send() {
  while (const auto wanted = search_.poll_send()) {
    if (wanted->kind == SilenceSend::Kind::call) {
      if (flow_.forwards && !lost())
        fly({.at = now_ + way(), .to_gateway = true, .what = What::call, .serial = wanted->serial});
      continue;
    }
    // A NAT that drops what we send does not remember it either.
    if (random_.chance(flow_.drops)) continue;
    if (!mapped_ || now_ - *mapped_ > lifetime()) first_ = now_;
    mapped_ = now_;
    if (lost()) continue;
    const bool handshake = wanted->kind == SilenceSend::Kind::handshake;
    fly({.at = now_ + way(), .to_gateway = true, .what = handshake ? What::keyed : What::other});
  }
}

inline void World::from_gateway(What what, std::uint32_t serial) {
  if (flow_.keepalive) keepalive_at_ = next_keepalive();
  const std::uint64_t number = what == What::keyed ? 0 : ++numbered_;
  // Through the NAT at once, then to us.
  if (!mapped_ || now_ - *mapped_ > lifetime()) return;
  if (now_ - first_ > seconds(2)) stream_since_ = first_;
  if (flow_.inbound_refreshes) mapped_ = now_;
  if (!lost()) fly({.at = now_ + way(), .what = what, .serial = serial, .number = number});
}

inline void World::arrive(const Packet& packet) {
  if (packet.to_gateway) {
    if (packet.what == What::keyed) keyed_ = now_;
    if (!is_ours() || (packet.what == What::call && !has_twin())) return;
    if (packet.what == What::call) {
      if (!handshake_at_) handshake_at_ = now_ + seconds(15);
      return from_gateway(What::call, packet.serial);
    }
    handshake_at_.reset();
    if (flow_.keepalive) keepalive_at_ = next_keepalive();
    if (packet.what == What::keyed) from_gateway(What::keyed);
    return;
  }
  highest_ = std::max(highest_, packet.number);
  received_ += packet.number != 0;
  const std::uint64_t missing = highest_ - received_;
  if (packet.what == What::call) search_.handle_call(now_, packet.serial, missing);
  if (packet.what == What::other) search_.handle_other(now_, missing);
  if (packet.what == What::keyed) search_.handle_keyed(now_);
}

Instant World::next_of_gateway() const {
  const Instant never{Nanoseconds::max()};
  return std::min(handshake_at_.value_or(never), keepalive_at_.value_or(never));
}

inline Measured World::run() {
  send();
  while (!search_.done()) {
    const auto first = std::ranges::min_element(flying_, {}, &Packet::at);
    const Instant packet_at = first == flying_.end() ? Instant{Nanoseconds::max()} : first->at;
    const Instant timeout = *search_.next_timeout();
    now_ = std::min({packet_at, timeout, next_of_gateway()});
    if (now_ == packet_at) {
      const Packet packet = *first;
      flying_.erase(first);
      arrive(packet);
    } else if (handshake_at_ == now_) {
      handshake_at_ = now_ + seconds(5);
      from_gateway(What::keyed);
    } else if (keepalive_at_ == now_) {
      from_gateway(What::other);
    } else {
      search_.handle_timeout(now_);
    }
    send();
  }
  return {search_.result(), now_ - start_};
}

inline Measured measure(const SilenceSearchConfig& config, const Flow& flow) {
  return World(config, flow).run();
}

}  // namespace wgscope::path::silence
