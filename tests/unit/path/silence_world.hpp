#pragma once

// A search for silences through a simulated NAT, on virtual time.

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "wgscope/base/time.hpp"
#include "wgscope/path/silence_search.hpp"

#include "flow_world.hpp"

namespace wgscope::path::silence {

using testing::Flow;
using testing::kNever;
using testing::Measured;

/// The second peer, and the gateway between the two.
struct Twin {
  bool forwards = true;
  // The gateway loses the twin's session then, and gets a new one later.
  std::optional<Nanoseconds> taken = {};
  Nanoseconds anew{};
};

class World : private testing::FlowWorld {
 public:
  World(const SilenceSearchConfig& config, const Flow& flow, const Twin& twin)
      : FlowWorld(flow), twin_(twin), search_(config, now(), now()) {}

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
  void from_gateway(What what, std::uint32_t serial = 0);
  void at_gateway(const Packet& packet);
  void at_us(const Packet& packet);
  [[nodiscard]] bool has_twin() {
    if (!twin_.taken || elapsed() < *twin_.taken) return true;
    if (elapsed() < twin_.anew) return false;
    twin_.taken.reset();
    search_.handle_caller_keyed();
    return true;
  }

  Twin twin_;
  SilenceSearch search_;
  std::vector<Packet> flying_;
  std::uint64_t numbered_ = 0;  ///< by the gateway
  std::uint64_t highest_ = 0;   ///< that came in
  std::uint64_t received_ = 0;
  Instant handshake_at_ = kNever;
  Instant keepalive_at_ = kNever;
};

inline void World::send() {
  while (const auto wanted = search_.poll_send()) {
    if (wanted->kind == SilenceSend::Kind::call) {
      if (twin_.forwards && !is_lost())
        flying_.push_back({.at = now() + way(),
                           .to_gateway = true,
                           .what = What::call,
                           .serial = wanted->serial});
      continue;
    }
    if (!passes_out()) continue;
    const bool handshake = wanted->kind == SilenceSend::Kind::handshake;
    flying_.push_back(
        {.at = now() + way(), .to_gateway = true, .what = handshake ? What::keyed : What::other});
  }
}

inline void World::from_gateway(What what, std::uint32_t serial) {
  keepalive_at_ = next_keepalive();
  const std::uint64_t number = what == What::keyed ? 0 : ++numbered_;
  if (passes_in())
    flying_.push_back({.at = now() + way(), .what = what, .serial = serial, .number = number});
}

inline void World::at_gateway(const Packet& packet) {
  if (packet.what == What::keyed) take_handshake();
  if (!is_ours() || (packet.what == What::call && !has_twin())) return;
  if (packet.what == What::call) {
    if (handshake_at_ == kNever) handshake_at_ = now() + std::chrono::seconds(15);
    return from_gateway(What::call, packet.serial);
  }
  handshake_at_ = kNever;
  keepalive_at_ = next_keepalive();
  if (packet.what == What::keyed) from_gateway(What::keyed);
}

inline void World::at_us(const Packet& packet) {
  highest_ = std::max(highest_, packet.number);
  received_ += packet.number != 0;
  const std::uint64_t missing = highest_ - received_;
  if (packet.what == What::call) search_.handle_call(now(), packet.serial, missing);
  if (packet.what == What::other) search_.handle_other(now(), missing);
  if (packet.what == What::keyed) search_.handle_keyed(now());
}

inline Measured World::run() {
  send();
  while (!search_.done()) {
    const auto first = std::ranges::min_element(flying_, {}, &Packet::at);
    const Instant packet_at = first == flying_.end() ? kNever : first->at;
    go_to(std::min({packet_at, *search_.next_timeout(), handshake_at_, keepalive_at_}));
    if (packet_at <= now()) {
      const Packet packet = *first;
      flying_.erase(first);
      packet.to_gateway ? at_gateway(packet) : at_us(packet);
    } else if (handshake_at_ <= now()) {
      handshake_at_ = now() + std::chrono::seconds(5);
      from_gateway(What::keyed);
    } else if (keepalive_at_ <= now()) {
      from_gateway(What::other);
    } else {
      search_.handle_timeout(now());
    }
    send();
  }
  return {search_.result(), elapsed()};
}

inline Measured measure(const SilenceSearchConfig& config, const Flow& flow,
                        const Twin& twin = {}) {
  return World(config, flow, twin).run();
}

}  // namespace wgscope::path::silence
