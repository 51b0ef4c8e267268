#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "wgscope/base/time.hpp"
#include "wgscope/diagnosis/handshake.hpp"
#include "wgscope/diagnosis/report.hpp"
#include "wgscope/model/address.hpp"

// What a session has shown from its handshake on, whatever was asked through it: errors about what
// it sent, and signs that another device took it away. checks::SessionRecord sees; amend() knows.

namespace wgscope::diagnosis {

/// ICMP errors of one kind about datagrams that were sent after the handshake.
struct LaterIcmp {
  IcmpReport report;
  Nanoseconds first{};  ///< after the handshake
  Nanoseconds last{};
};

/// Signs that another device with the same key has taken the session away.
///
/// A gateway has one peer for a key, and sends under the session of that peer's latest handshake.
/// Once it has used our session and then sends for one that we never had, somebody else has made a
/// later one. Forged packets look the same, but do not silence the gateway: so only those count
/// after which our session stayed silent until its end.
struct Takeover {
  std::size_t sessions = 0;            ///< of ours that ended so
  std::size_t foreign = 0;             ///< packets from the gateway's address for those others
  std::optional<Nanoseconds> first{};  ///< when the first of these came, after the handshake
};

/// From so many lost sessions on, chance and a gateway that was restarted once are no explanation any
/// more.
inline constexpr std::size_t kAgainAndAgain = 2;

struct SessionFacts {
  Endpoint gateway;
  Nanoseconds watched{};     ///< from the first handshake's response on
  Nanoseconds last_heard{};  ///< when the gateway's last authentic packet came, from then on
  std::size_t sessions = 0;  ///< that were made, the first included
  std::vector<LaterIcmp> icmp;
  std::size_t icmp_provoked = 0;  ///< further errors, which a search asked for
  std::size_t packets_sent = 0;   ///< in the sessions, with and without content
  // In all handshakes, the first included:
  std::size_t initiations_sent = 0;
  std::size_t responses_sent = 0;
  std::size_t unsent = 0;         ///< datagrams that could not leave this host
  std::optional<int> send_errno;  ///< of the last of these
  Takeover taken;
  std::vector<LostSession> lost;
  Refused refused;
};

/// What was refused, a line for each kind; empty: nothing was.
std::vector<Text> describe(const Refused& refused);

/// Rewrites what the report says about the path and the key by the handshake alone, where more was
/// seen since: path.icmp, path.send and key.use; and adds tunnel.strays. Give it the whole of a session again after each
/// part of a run; the last time counts.
void amend(const SessionFacts& facts, Report& report);

/// "12 ICMP errors …" about the tunnel's datagrams, a line for each kind.
std::vector<Text> describe_errors(const SessionFacts& facts);
/// "9 packets from the gateway's address were for …"
Text describe(const Takeover& taken);
/// "the session lived 20.0 s, and 15 packets …"
Text describe(const LostSession& lost);
/// The first of the causes, where that was seen.
Hypothesis another_device();
/// Causes where a gateway has lost a session for another reason.
std::vector<Hypothesis> session_lost_otherwise();

}  // namespace wgscope::diagnosis
