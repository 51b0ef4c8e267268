#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "wgscope/base/time.hpp"
#include "wgscope/diagnosis/check_kinds.hpp"
#include "wgscope/diagnosis/handshake.hpp"
#include "wgscope/diagnosis/report.hpp"
#include "wgscope/diagnosis/session.hpp"
#include "wgscope/diagnosis/text.hpp"
#include "wgscope/model/address.hpp"

// What pings through a tunnel, and beside it, have shown, and what that means. checks::ping() sees;
// diagnose() knows.
//
// Loss has a direction here. Each packet of the gateway to us carries a number that goes up by one
// (tunnel::ReceiveLoss), so numbers that are missing are answers that were sent and lost on the way
// back; a ping that is unanswered without a gap is one that was lost on the way there, or that
// nobody answered. Of some the direction is not known, and they count as such:
//
//   - pings at the end, after which no packet came: nothing tells how far the gateway has counted.
//     checks::ping() asks on for a while to learn it. The same holds for the end of each session,
//     whose numbers nothing continues;
//   - all, where another device has taken the session away (Takeover): the gateway then answers
//     under that device's numbers, and sends some of ours to it.
//
// One thing cannot be told: of other packets that the gateway sends us, keepalives for one, whether
// they are among the missing. Such a loss counts as one of an answer, as long as one is missing.

namespace wgscope::diagnosis {

/// A share from which on loss is a warning, and packets that come twice or out of order are: what
/// voice and TCP begin to suffer from.
inline constexpr double kNotableShare = 0.01;
/// A share of loss in one direction that leaves a tunnel next to useless: critical.
inline constexpr double kSevereLoss = 0.2;

/// Why nothing could be pinged.
enum class PingObstacle : std::uint8_t {
  no_target,            ///< nobody named one, and the configuration suggests none
  outside_allowed_ips,  ///< the target is none of the gateway's, so nothing would be sent
  no_such_family,       ///< we have no address of the target's family
  own_address,          ///< the target is ourselves
  too_large,            ///< the requests do not fit the tunnel's MTU
};

/// Pings on one way: through the tunnel, or outside of it.
struct PingSide {
  std::size_t sent = 0;                  ///< without those that there was no time to answer
  std::vector<Nanoseconds> round_trips;  ///< of those that were answered, in order of the answers
  std::size_t duplicates = 0;            ///< further answers to such as had one
  std::size_t reordered = 0;             ///< answers that came after one to a later ping
  std::size_t damaged = 0;               ///< answers with another payload; count as none
};

/// The gateway's packets to us by their numbers, since the first ping: see tunnel::ReceiveLoss.
struct WayBack {
  std::uint64_t received = 0;
  std::uint64_t missing = 0;
  std::uint64_t reordered = 0;
  std::uint64_t replayed = 0;
  std::size_t tail = 0;              ///< unanswered pings after which none was answered in
                                     ///< the same session
  std::size_t unanswered_extra = 0;  ///< pings sent only to learn about the tail, and lost too
};

/// The pings of one session that ended before the run did.
struct PingStretch {
  std::uint64_t sent = 0;
  std::uint64_t answered = 0;
  std::uint64_t tail =
      0;  ///< of `sent`: unanswered ones at the end, after the last that was answered
};

/// Pings of another size, sent where none of the wanted size was answered.
struct OtherSize {
  std::size_t payload_size = 0;  ///< bytes
  std::size_t sent = 0;
  std::size_t answered = 0;
};

struct PingFacts {
  Endpoint gateway;
  std::optional<IpAddress> target;  ///< inside the tunnel
  bool target_guessed = false;      ///< from the configuration; nobody promised that it answers
  std::optional<PingObstacle> obstacle;
  std::size_t payload_size = 0;  ///< bytes
  std::size_t mtu = 0;           ///< bytes, of the tunnel

  PingSide inner;
  WayBack back;
  std::vector<PingStretch> stretches;  ///< up to the session in use at the end
  std::optional<OtherSize> smaller;
  Nanoseconds waited{};            ///< for answers, after the last ping
  std::optional<IcmpReport> icmp;  ///< the first error from inside about a ping, and how many such

  SessionFacts session;     ///< the whole session, from its handshake on
  std::size_t refused = 0;  ///< of its data, since the first ping: datagrams that ICMP errors quote
  std::size_t initiations = 0;  ///< of the handshake: all but one met silence

  std::size_t unsent = 0;                   ///< datagrams of the tunnel that could not leave
  std::optional<std::string> send_failure;  ///< what the first of them ran into

  PingSide outer;  ///< to the gateway's address, outside of the tunnel
  /// Why it was not, or only in part, measured; a sentence of os::EchoSocket.
  std::optional<std::string> outer_failure;
  bool interrupted = false;  ///< by the user
};

/// Where pings that were not answered got lost.
struct PingLoss {
  std::size_t forward = 0;   ///< on the way there, refused there, or not answered
  std::size_t backward = 0;  ///< their answers, on the way back
  std::size_t untold = 0;    ///< one of both

  friend bool operator==(const PingLoss&, const PingLoss&) = default;
};
PingLoss loss_of(const PingFacts& facts);

/// Pure: the same facts give the same checks.
std::vector<Check> diagnose(const PingFacts& facts);
/// What to skip() where no tunnel stands to ping through.
inline constexpr CheckKind kPingChecks[] = {CheckKind::ping_reply, CheckKind::ping_loss_forward,
                                            CheckKind::ping_loss_backward,
                                            CheckKind::ping_duplicates, CheckKind::ping_order};

/// Adds what was measured: round trips by layer, and loss where its direction is told.
void measure(const PingFacts& facts, Report& report);

/// "10.9.0.1 answers through the tunnel after 12.3 ms …": Report::success.
Text success(const PingFacts& facts);

/// "1.2 %"; "under 0.1 %" for what is not nothing. @param of  not 0.
Text percentage(std::uint64_t count, std::uint64_t of);
/// The same for a share.
Text percentage_of(double ratio);

}  // namespace wgscope::diagnosis
