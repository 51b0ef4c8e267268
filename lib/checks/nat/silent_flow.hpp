#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <utility>

#include "wgscope/base/time.hpp"
#include "wgscope/checks/attendance.hpp"
#include "wgscope/checks/run.hpp"
#include "wgscope/checks/session.hpp"
#include "wgscope/diagnosis/text.hpp"
#include "wgscope/os/clock.hpp"
#include "wgscope/path/flow_lifetime.hpp"

#include "checks/drive.hpp"

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
  /// Packets of the gateway that are known not to have arrived.
  [[nodiscard]] std::uint64_t missing() {
    return session_.interface().receive_loss(session_.peer()).missing;
  }
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

/// "waiting through 30 s of silence, then the twin sends (longest silence survived: 20 s)"
[[nodiscard]] diagnosis::Text silence_text(Nanoseconds silence, diagnosis::Words silent_for,
                                           const path::FlowLifetime& known);

/// Runs a search for the flow's lifetime until it is done, or the user ends it, and shows a person
/// who waits each silence that begins.
/// @param search  path::SilenceSearch or path::RetransmissionLadder.
/// @param silent_for  what the silence is spent on: "of silence, then …".
/// @param send    sends what the search wants to be sent.
template <class Search, class Send>
void wait_through_silences(Run& run, SilentFlow& flow, Search& search, diagnosis::Words silent_for,
                           const Send& send) {
  constexpr Nanoseconds kForever = std::chrono::hours(24);
  std::optional<Instant> shown;  // when the silence ends that was shown last
  drive(run, search, os::boot_now() + kForever, [&] {
    flow.take_events();
    send();
    const auto silence = search.silence();
    if (!silence || shown == search.silent_until()) return;
    shown = search.silent_until();
    run.say(silence_text(*silence, silent_for, search.result()), shown);
  });
}

}  // namespace wgscope::checks
