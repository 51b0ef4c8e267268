#include "silent_flow.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <ranges>
#include <span>

#include "wgscope/base/time.hpp"
#include "wgscope/checks/session.hpp"
#include "wgscope/diagnosis/text.hpp"
#include "wgscope/endpoint/measuring_service.hpp"
#include "wgscope/os/clock.hpp"
#include "wgscope/path/flow_lifetime.hpp"
#include "wgscope/tunnel/event.hpp"

namespace wgscope::checks {
namespace {

/// Whether the gateway must have sent what the event is about, because its keys were right.
bool is_of_gateway(const tunnel::Event& event) {
  if (event.kind == tunnel::EventKind::keepalive_received) return true;
  return event.kind == tunnel::EventKind::dropped &&
         (event.reason == tunnel::DropReason::source_not_allowed ||
          event.reason == tunnel::DropReason::inner_malformed);
}

bool is_handshake(const tunnel::Event& event) {
  return event.kind == tunnel::EventKind::response_accepted ||
         event.kind == tunnel::EventKind::initiation_accepted;
}

}  // namespace

SilentFlow::SilentFlow(Session& session)
    : session_(session),
      events_seen_(session.events.size()),
      attention_(session.attend({.on_arrival = [this](const endpoint::Arrived& arrived) {
        take_packet(os::boot_now(), arrived.packet);
        return true;
      }})) {
  session_.run_timers(false);
}

SilentFlow::~SilentFlow() { session_.run_timers(true); }

Instant SilentFlow::keyed() const {
  const auto made = std::ranges::find_if(session_.events | std::views::reverse, is_handshake);
  return made == session_.events.rend() ? os::boot_now() : made->at;
}

void SilentFlow::take_packet(Instant now, std::span<const std::byte> packet) {
  take_events();  // they came before the packet
  const bool was_waited_for = attendance_.offer(
      [&](const Attendant& one) { return one.on_packet && one.on_packet(now, packet); });
  if (!was_waited_for) tell_other(now);
}

void SilentFlow::tell_other(Instant now) const {
  attendance_.tell([&](const Attendant& one) {
    if (one.on_other) one.on_other(now);
  });
}

void SilentFlow::take_events() {
  while (events_seen_ < session_.events.size()) {
    const tunnel::Event event = session_.events[events_seen_++];
    if (is_of_gateway(event)) tell_other(event.at);
    if (!is_handshake(event)) continue;
    attendance_.tell([&](const Attendant& one) {
      if (one.on_keyed) one.on_keyed(event.at);
    });
  }
}

diagnosis::Text silence_text(Nanoseconds silence, diagnosis::Words silent_for,
                             const path::FlowLifetime& known) {
  diagnosis::Text what =
      diagnosis::text("waiting through {} s {}",
                      std::chrono::round<std::chrono::seconds>(silence).count(), silent_for);
  if (!known.alive_after) return what;
  what.add(diagnosis::text(" (longest silence survived: {} s", known.alive_after->count()));
  if (known.gone_after)
    what.add(diagnosis::text(", not survived: {} s", known.gone_after->count()));
  return what.add(")");
}

}  // namespace wgscope::checks
