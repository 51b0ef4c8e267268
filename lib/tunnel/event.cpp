#include "wgscope/tunnel/event.hpp"

#include <string_view>

namespace wgscope::tunnel {

std::string_view to_string(EventKind kind) {
  switch (kind) {
    case EventKind::handshake_sent: return "handshake_sent";
    case EventKind::handshake_gave_up: return "handshake_gave_up";
    case EventKind::initiation_accepted: return "initiation_accepted";
    case EventKind::response_accepted: return "response_accepted";
    case EventKind::key_confirmed: return "key_confirmed";
    case EventKind::response_not_decrypted: return "response_not_decrypted";
    case EventKind::cookie_received: return "cookie_received";
    case EventKind::cookie_sent: return "cookie_sent";
    case EventKind::keepalive_received: return "keepalive_received";
    case EventKind::roamed: return "roamed";
    case EventKind::session_expired: return "session_expired";
    case EventKind::dropped: return "dropped";
  }
  return "unknown";
}

std::string_view to_string(DropReason reason) {
  switch (reason) {
    case DropReason::malformed: return "malformed";
    case DropReason::bad_mac1: return "bad_mac1";
    case DropReason::not_for_us: return "not_for_us";
    case DropReason::unknown_peer: return "unknown_peer";
    case DropReason::not_authentic: return "not_authentic";
    case DropReason::low_order: return "low_order";
    case DropReason::stale_timestamp: return "stale_timestamp";
    case DropReason::too_soon: return "too_soon";
    case DropReason::under_load: return "under_load";
    case DropReason::rate_limited: return "rate_limited";
    case DropReason::unknown_index: return "unknown_index";
    case DropReason::response_unexpected: return "response_unexpected";
    case DropReason::response_not_decrypted: return "response_not_decrypted";
    case DropReason::cookie_unexpected: return "cookie_unexpected";
    case DropReason::replayed: return "replayed";
    case DropReason::exhausted: return "exhausted";
    case DropReason::session_expired: return "session_expired";
    case DropReason::inner_malformed: return "inner_malformed";
    case DropReason::source_not_allowed: return "source_not_allowed";
    case DropReason::no_resources: return "no_resources";
  }
  return "unknown";
}

}  // namespace wgscope::tunnel
