#pragma once

#include <optional>

#include "wgscope/base/time.hpp"
#include "wgscope/checks/run.hpp"
#include "wgscope/checks/session.hpp"
#include "wgscope/diagnosis/mtu.hpp"
#include "wgscope/model/address.hpp"

namespace wgscope::checks {

/// Opens a TCP connection inside the tunnel to read the MSS of its SYN-ACK: that of the service's
/// own interface, or what a router on the way has made of it (MSS clamping). Sends no data, and
/// resets the connection.
/// @returns nothing where the time was over, or the user ended it, before the service could answer.
std::optional<diagnosis::MtuTcp> ask_mss(Run& run, Session& session, const Endpoint& service,
                                         Instant deadline);

}  // namespace wgscope::checks
