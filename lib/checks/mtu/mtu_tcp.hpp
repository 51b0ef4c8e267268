#pragma once

#include <optional>

#include "wgscope/base/time.hpp"
#include "wgscope/checks/run.hpp"
#include "wgscope/checks/session.hpp"
#include "wgscope/diagnosis/mtu.hpp"
#include "wgscope/model/address.hpp"

namespace wgscope::checks {

/// Opens a TCP connection inside the tunnel, for the segments that its SYN-ACK asks for: those of
/// the service's own interface, or of whoever on the way has changed the number (MSS clamping).
/// Sends no data, and breaks the connection off.
/// @returns nothing where the time was over, or the user's patience, before it could have answered.
std::optional<diagnosis::MtuTcp> ask_mss(Run& run, Session& session, const Endpoint& service,
                                         Instant deadline);

}  // namespace wgscope::checks
