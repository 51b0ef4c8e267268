#pragma once

#include <cstddef>
#include <functional>
#include <span>
#include <utility>

#include "wgscope/base/time.hpp"
#include "wgscope/checks/attendance.hpp"
#include "wgscope/checks/session.hpp"

namespace wgscope::checks {

/// A session that sends nothing unless asked: its timers stand still and its host hears nothing, so
/// that silences on its flow last as long as they are meant to.
class SilentFlow {
 public:
  /// @param session  stands, and outlives this.
  explicit SilentFlow(Session& session);
  SilentFlow(const SilentFlow&) = delete;
  SilentFlow& operator=(const SilentFlow&) = delete;
  ~SilentFlow();

  /// When the session was made.
  [[nodiscard]] Instant keyed() const;
  /// Tells attendants what has happened since the last time.
  void take_events();

  /// What to do about what the gateway sends. Each may be left out.
  struct Attendant {
    /// A packet came in from inside the tunnel. @returns whether it was waited for: then the
    /// attendants behind do not get it.
    std::function<bool(Instant, std::span<const std::byte>)> on_packet = {};
    /// The gateway sent something else, or a packet that nobody waited for.
    std::function<void(Instant)> on_other = {};
    /// A handshake was completed, whoever began it.
    std::function<void(Instant)> on_keyed = {};
  };
  using Attention = Attendance<Attendant>::Attention;
  /// Calls the attendant until the Attention ends.
  [[nodiscard]] Attention attend(Attendant attendant) {
    return attendance_.add(std::move(attendant));
  }

 private:
  void take_packet(Instant now, std::span<const std::byte> packet);
  void tell_other(Instant now) const;

  Session& session_;
  std::size_t events_seen_;  ///< how many events of the session take_events() has told
  Attendance<Attendant> attendance_;
  Session::Attention attention_;
};

}  // namespace wgscope::checks
