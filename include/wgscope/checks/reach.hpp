#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "wgscope/base/result.hpp"
#include "wgscope/base/time.hpp"
#include "wgscope/checks/question.hpp"
#include "wgscope/checks/run.hpp"
#include "wgscope/checks/session.hpp"
#include "wgscope/checks/target.hpp"
#include "wgscope/checks/tunnel.hpp"
#include "wgscope/config/expectations.hpp"
#include "wgscope/diagnosis/reach.hpp"
#include "wgscope/model/address.hpp"

namespace wgscope::checks {

/// How often each control is pinged.
inline constexpr std::uint16_t kControlTries = 3;

struct ReachOptions {
  std::uint16_t tries = 3;  ///< of each target that says nothing else; at least 1
  Nanoseconds try_timeout = std::chrono::seconds{2};  ///< above 0
  std::size_t parallel = 128;                         ///< targets at a time; at least 1
  std::vector<Prefix> allowed_ips;                    ///< what the tunnel carries
  std::vector<IpAddress> dns;       ///< name servers; those that the tunnel carries are asked in it
  std::vector<IpAddress> controls;  ///< to ping where silence may be the tunnel's
  std::optional<Instant> deadline;  ///< of the whole; nothing: none
};

/// What a target's configuration says for them: allowed IPs, name servers, and as controls the
/// likeliest address to answer of each family.
ReachOptions reach_options(const Target& target);

/// Asks all targets inside the tunnel, as many at a time as allowed, each its tries one after
/// the other. Names are looked up before: inside the tunnel where a name server lies there,
/// else by the system. A closed target is asked until something answers in any way; where all
/// that must be closed is silent, something else is asked that should answer: the controls, and
/// what answered before.
///
/// Sends, inside the tunnel only: one echo request, SYN, datagram or DNS query a try; with HTTP a
/// GET. A connection is ended with a reset at once, HTTP's when its answer is there.
/// @param session  stands.
/// @returns results in the order of `expectations`; of all where the time ended or Run::interrupt()
/// came, what is known then.
diagnosis::ReachFacts reach(Run& run, Session& session,
                            std::span<const config::Expectation> expectations,
                            const ReachOptions& options);

/// @param tunnel        outlives the question.
/// @param options       its deadline is not looked at.
/// @param expectations  at least one target.
/// @returns bad_value: a name server that is not inside the tunnel.
Result<std::unique_ptr<Question>> reach_question(Tunnel& tunnel, ReachOptions options,
                                                 std::vector<config::Expectation> expectations);

}  // namespace wgscope::checks
