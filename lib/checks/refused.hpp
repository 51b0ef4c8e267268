#pragma once

#include "wgscope/diagnosis/handshake.hpp"
#include "wgscope/tunnel/event.hpp"

namespace wgscope::checks {

/// Counts a datagram that the tunnel refused (EventKind::dropped), in bounded memory: whoever sends
/// such may vary them.
void count_refused(const tunnel::Event& event, diagnosis::Refused& all);

/// Whether it is a response to an initiation that a newer one has replaced, or looks like one: its
/// size and its type are a response's.
bool is_late_response(const tunnel::Event& event);

/// Adds what one session refused to what another did.
void merge_refused(const diagnosis::Refused& more, diagnosis::Refused& all);

}  // namespace wgscope::checks
