#pragma once

#include <cstddef>
#include <string_view>

#include "wgscope/diagnosis/handshake.hpp"
#include "wgscope/diagnosis/report.hpp"
#include "wgscope/model/address.hpp"

// What the probe sent, for whoever reads a gateway's log or a capture beside the report.

namespace wgscope::diagnosis {

/// Handshakes with one address, and what was asked around it.
void add_sent(const AttemptFacts& attempt, Report& report);
/// Packets in the sessions with a gateway. @param what  Sent::what.
void add_sent_packets(std::string_view what, std::size_t packets, const Endpoint& gateway,
                      Report& report);
/// What a trace sent besides packets of the session.
void add_sent(const DataTrace& trace, const Endpoint& gateway, Report& report);

}  // namespace wgscope::diagnosis
