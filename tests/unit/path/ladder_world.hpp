#pragma once

// Retransmissions through a simulated NAT, on virtual time.

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "wgscope/path/flow_lifetime.hpp"
#include "wgscope/path/keepalive.hpp"
#include "wgscope/path/retransmission_ladder.hpp"

#include "keepalive_truth.hpp"
#include "simulated_nat.hpp"

namespace wgscope::path::ladder {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::SeededRandom;

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

inline void World::send() {
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

inline void World::from_gateway(What what, std::size_t line) {
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

inline void World::at_gateway(const Packet& packet) {
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

inline void World::at_us(const Packet& packet) {
  if (packet.what == What::keyed) return ladder_->handle_keyed(now_);
  Session& session = sessions_[packet.session];
  session.highest = std::max(session.highest, packet.number);
  ++session.received;
  if (packet.what == What::data) ladder_->handle_data(now_, packet.line, missing());
  if (packet.what == What::answer) ladder_->handle_answer(now_, packet.line, missing());
  if (packet.what == What::other) ladder_->handle_other(now_, missing());
  if (packet.what == What::reset) ladder_->handle_end(now_, packet.line, missing());
}

inline void World::transmit(std::size_t index) {
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

inline Measured World::run() {
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

inline Measured measure(const LadderConfig& config, const Scene& scene) {
  return World(config, scene).run();
}

}  // namespace wgscope::path::ladder
