#include "silent_flow.hpp"

#include <algorithm>
#include <ranges>
#include <span>

#include "wgscope/base/time.hpp"
#include "wgscope/checks/session.hpp"
#include "wgscope/endpoint/measuring_service.hpp"
#include "wgscope/os/clock.hpp"
#include "wgscope/tunnel/event.hpp"

namespace wgscope::checks {
namespace {

/// The keys of the sender were right, so it was the gateway.
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

SilentFlow::SilentFlow(Session& session) : session_(session), events_seen_(session.events.size()) {
  session_.run_timers(false);
  session_.on_arrival = [this](const endpoint::Arrived& arrived) {
    // What came before it, first.
    take_events();
    const Instant now = os::boot_now();
    if (!on_packet || !on_packet(now, arrived.packet))
      if (on_other) on_other(now);
    return true;
  };
}

SilentFlow::~SilentFlow() {
  session_.on_arrival = nullptr;
  session_.next_tick = nullptr;
  session_.tick = nullptr;
  session_.run_timers(true);
}

Instant SilentFlow::keyed() const {
  const auto made = std::ranges::find_if(session_.events | std::views::reverse, is_handshake);
  return made == session_.events.rend() ? os::boot_now() : made->at;
}

void SilentFlow::take_events() {
  while (events_seen_ < session_.events.size()) {
    const tunnel::Event event = session_.events[events_seen_++];
    if (is_handshake(event) && on_keyed) on_keyed(event.at);
    if (is_of_gateway(event) && on_other) on_other(event.at);
  }
}

}  // namespace wgscope::checks
