#pragma once

#include "wgscope/config/wg_quick.hpp"
#include "wgscope/diagnosis/handshake.hpp"
#include "wgscope/diagnosis/nat.hpp"
#include "wgscope/diagnosis/outer.hpp"
#include "wgscope/diagnosis/report.hpp"
#include "wgscope/diagnosis/session.hpp"
#include "wgscope/model/address.hpp"

// What the probe sent, for whoever reads a gateway's log or a capture beside the report.

namespace wgscope::diagnosis {

/// Handshakes with one address, and what was asked around it.
void add_sent(const AttemptFacts& attempt, Report& report);
/// Everything in the sessions with a gateway, and the handshakes that made them.
void add_sent(const SessionFacts& facts, Report& report);
/// What measured the path without a tunnel.
void add_sent(const OuterFacts& facts, Report& report);
/// STUN, and what the next router was asked.
void add_sent(const NatFacts& facts, Report& report);
/// What looking a name up may send; nothing for an address.
void add_lookup(const config::EndpointName& name, Report& report);
/// What a trace sent besides packets of the session.
void add_sent(const DataTrace& trace, const Endpoint& gateway, Report& report);

}  // namespace wgscope::diagnosis
