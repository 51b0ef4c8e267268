#pragma once

#include <memory>
#include <optional>

#include "wgscope/checks/handshake.hpp"
#include "wgscope/checks/run.hpp"
#include "wgscope/checks/session.hpp"
#include "wgscope/checks/stamps.hpp"
#include "wgscope/checks/target.hpp"
#include "wgscope/diagnosis/finding.hpp"
#include "wgscope/diagnosis/report.hpp"

// For checks that go on through the tunnel after a handshake.

namespace wgscope::checks {

/// A session that is the gateway's newest. Where several addresses have answered, each handshake
/// has ended the one before: the gateway would encrypt with another session's keys.
/// @returns nothing where no session stands.
std::unique_ptr<Session> newest_session(Run& run, const Target& target, Stamps& stamps,
                                        HandshakeOutcome& outcome);

/// What keeps the rest from being tried.
std::optional<diagnosis::FindingId> worst_finding_id(const diagnosis::Report& report);

}  // namespace wgscope::checks
