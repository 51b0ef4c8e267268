#pragma once

#include <span>
#include <vector>

#include "wgscope/base/time.hpp"
#include "wgscope/checks/run.hpp"
#include "wgscope/checks/session.hpp"
#include "wgscope/diagnosis/handshake.hpp"
#include "wgscope/model/address.hpp"

namespace wgscope::checks {

/// Which of the routers that report a datagram's end do so for the session's own data: behind the
/// last of them something drops WireGuard's data. Sends two empty packets to each, with a hop limit
/// that ends there, and takes what the routers report about them out of the session's errors, as
/// nobody else caused those.
/// @param hops  what plain datagrams to the same endpoint found.
/// @returns the addresses that reported.
std::vector<IpAddress> trace_data(Run& run, Session& session, std::span<const diagnosis::Hop> hops,
                                  Instant deadline);

}  // namespace wgscope::checks
