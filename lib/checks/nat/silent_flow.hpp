#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <span>

#include "wgscope/base/time.hpp"
#include "wgscope/checks/session.hpp"

namespace wgscope::checks {

/// A session whose every packet is asked for: its timers stand still and its host hears nothing, so
/// that silences on its flow last as long as they are meant to.
class SilentFlow {
 public:
  /// @param session  stands, and outlives this; its on_arrival, next_tick and tick are used, and
  /// empty afterwards.
  explicit SilentFlow(Session& session);
  SilentFlow(const SilentFlow&) = delete;
  SilentFlow& operator=(const SilentFlow&) = delete;
  ~SilentFlow();

  /// When the session was made.
  [[nodiscard]] Instant keyed() const;
  /// Hands on what has happened since the last time.
  void take_events();

  /// A packet came in from inside the tunnel. @returns whether it was one that was waited for.
  std::function<bool(Instant, std::span<const std::byte>)> on_packet;
  std::function<void(Instant)> on_other;  ///< something else came in that is the gateway's
  std::function<void(Instant)> on_keyed;  ///< a handshake was completed

 private:
  Session& session_;
  std::size_t events_seen_;
};

}  // namespace wgscope::checks
