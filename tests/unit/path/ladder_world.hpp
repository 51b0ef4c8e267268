#pragma once

// Retransmissions through a simulated NAT, on virtual time.

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "wgscope/base/time.hpp"
#include "wgscope/path/retransmission_ladder.hpp"

#include "flow_world.hpp"

namespace wgscope::path::ladder {

using testing::Flow;
using testing::kNever;
using testing::Measured;

/// The host of the TCP service.
struct Service {
  Nanoseconds first_pause = std::chrono::milliseconds(200);
  Nanoseconds longest_pause = std::chrono::seconds(120);
  double lateness = 0;  ///< of its timers, at most, in parts of the pause
  int sends = 15;       ///< again; then it has given up
  Nanoseconds spread = std::chrono::milliseconds(5);  ///< between lines
  /// A device that takes our session resets connections that it knows nothing of.
  bool other_resets = false;
};

class World : private testing::FlowWorld {
 public:
  World(const LadderConfig& config, const Flow& flow, const Service& service)
      : FlowWorld(flow), service_(service) {
    const Instant opened = now();
    for (std::size_t i = 0; i < kLadderLines; ++i) {
      Line& line = lines_[i];
      line.pause = service.first_pause + random().between(Nanoseconds(0), service.spread);
      stalled_[i] = opened + random().between(Nanoseconds(0), service.spread);
      line.next = stalled_[i] + line.pause;
    }
    begin(*std::ranges::max_element(stalled_));
    open_flow();
    ladder_.emplace(config, stalled_, now(), 0, now());
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
    [[nodiscard]] bool gave_up(const Service& service) const { return sent > service.sends; }
  };
  struct Session {  ///< how the gateway counts, and what of that came
    std::uint64_t sent = 0;
    std::uint64_t highest = 0;
    std::uint64_t received = 0;
  };

  void send();
  void from_gateway(What what, std::size_t line = 0);
  void at_gateway(const Packet& packet);
  void at_us(const Packet& packet);
  void transmit(std::size_t index);
  [[nodiscard]] std::uint64_t missing() const {
    std::uint64_t sum = 0;
    for (const Session& session : sessions_) sum += session.highest - session.received;
    return sum;
  }

  Service service_;
  std::array<Line, kLadderLines> lines_{};
  std::array<Instant, kLadderLines> stalled_{};
  std::optional<RetransmissionLadder> ladder_;
  std::vector<Packet> flying_;
  std::vector<Session> sessions_ = std::vector<Session>(1);
  std::size_t next_session_ = 0;  ///< once we have used it
  Instant handshake_at_ = kNever;
  Instant keepalive_at_ = kNever;
};

inline void World::send() {
  using Kind = LadderSend::Kind;
  while (const auto wanted = ladder_->poll_send()) {
    if (!passes_out()) continue;
    const What what = wanted->kind == Kind::keepalive ? What::keepalive
                      : wanted->kind == Kind::ask     ? What::ask
                                                      : What::handshake;
    flying_.push_back({.at = now() + way(), .what = what, .line = wanted->line});
  }
}

inline void World::from_gateway(What what, std::size_t line) {
  keepalive_at_ = next_keepalive();
  Packet packet{.at = now() + way(), .what = what, .line = line, .inbound = true};
  if (what != What::keyed) {
    packet.session = sessions_.size() - 1;
    packet.number = ++sessions_.back().sent;
    if (what != What::other && handshake_at_ == kNever)
      handshake_at_ = now() + std::chrono::seconds(15);
  }
  if (passes_in()) flying_.push_back(packet);
}

inline void World::at_gateway(const Packet& packet) {
  if (packet.what == What::handshake) take_handshake();
  if (!is_ours()) return;
  handshake_at_ = kNever;
  keepalive_at_ = next_keepalive();
  if (packet.what == What::handshake) {
    ++next_session_;
    return from_gateway(What::keyed);
  }
  if (next_session_ != 0) {
    sessions_.emplace_back();
    next_session_ = 0;
  }
  if (packet.what == What::ask)
    from_gateway(lines_[packet.line].gave_up(service_) ? What::reset : What::answer, packet.line);
}

inline void World::at_us(const Packet& packet) {
  if (packet.what == What::keyed) return ladder_->handle_keyed(now());
  Session& session = sessions_[packet.session];
  session.highest = std::max(session.highest, packet.number);
  ++session.received;
  if (packet.what == What::data) ladder_->handle_data(now(), packet.line, missing());
  if (packet.what == What::answer) ladder_->handle_answer(now(), packet.line, missing());
  if (packet.what == What::other) ladder_->handle_other(now(), missing());
  if (packet.what == What::reset) ladder_->handle_end(now(), packet.line, missing());
}

inline void World::transmit(std::size_t index) {
  Line& line = lines_[index];
  if (line.sent++ >= service_.sends) {
    line.next = kNever;
    return;
  }
  if (is_ours())
    from_gateway(What::data, index);
  else if (service_.other_resets)
    line.sent = service_.sends + 1;
  line.pause = std::min(2 * line.pause, service_.longest_pause);
  const auto most =
      static_cast<Nanoseconds::rep>(static_cast<double>(line.pause.count()) * service_.lateness);
  line.next = now() + line.pause + random().between(Nanoseconds(0), Nanoseconds(most));
}

inline Measured World::run() {
  send();
  while (!ladder_->done()) {
    const auto packet = std::ranges::min_element(flying_, {}, &Packet::at);
    const Instant packet_at = packet == flying_.end() ? kNever : packet->at;
    const auto line = std::ranges::min_element(lines_, {}, &Line::next);
    go_to(
        std::min({packet_at, line->next, *ladder_->next_timeout(), handshake_at_, keepalive_at_}));
    if (packet_at <= now()) {
      const Packet taken = *packet;
      flying_.erase(packet);
      taken.inbound ? at_us(taken) : at_gateway(taken);
    } else if (line->next <= now()) {
      transmit(static_cast<std::size_t>(line - lines_.begin()));
    } else if (handshake_at_ <= now()) {
      handshake_at_ = now() + std::chrono::seconds(5);
      from_gateway(What::keyed);
    } else if (keepalive_at_ <= now()) {
      from_gateway(What::other);
    } else {
      ladder_->handle_timeout(now());
    }
    send();
  }
  return {ladder_->result(), elapsed()};
}

inline Measured measure(const LadderConfig& config, const Flow& flow, const Service& service = {}) {
  return World(config, flow, service).run();
}

}  // namespace wgscope::path::ladder
