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

/// From this share on, loss is a warning, and so are packets that arrive twice or out of order:
/// voice and TCP begin to suffer.
inline constexpr double kNotableShare = 0.01;
/// From this share of loss in one direction on the tunnel is next to useless: critical.
inline constexpr double kSevereLoss = 0.2;

/// Why nothing could be pinged.
enum class PingObstacle : std::uint8_t {
  no_target,  ///< the user named no address, and the configuration suggests none
  /// The gateway's allowed IPs do not contain the target, so nothing would be sent.
  outside_allowed_ips,
  no_such_family,  ///< this host has no address of the target's family inside the tunnel
  own_address,     ///< the target is this host's own address
  too_large,       ///< the requests are larger than the tunnel's MTU
};

/// Pings on one way: through the tunnel, or outside of it.
struct PingSide {
  /// Pings, except the last ones if there was no time left for their answers.
  std::size_t sent = 0;
  /// How long each answer took, in the order of the answers.
  std::vector<Nanoseconds> round_trips;
  std::size_t duplicates = 0;  ///< answers to pings that had been answered already
  std::size_t reordered = 0;   ///< answers that came after one to a later ping
  /// Answers with a payload that was not sent; they do not count as answers.
  std::size_t damaged = 0;
};

/// The gateway's packets to us by their numbers, since the first ping: see tunnel::ReceiveLoss.
struct WayBack {
  std::uint64_t received = 0;   ///< packets that arrived
  std::uint64_t missing = 0;    ///< packets that were sent and have not arrived
  std::uint64_t reordered = 0;  ///< packets that arrived after one that was sent later
  /// Packets that were dropped, because they arrived twice or far too late.
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
  /// The address inside the tunnel that was pinged; nothing: see `obstacle`.
  std::optional<IpAddress> target;
  /// The target was derived from the configuration, and may not answer pings.
  bool target_guessed = false;
  std::optional<PingObstacle> obstacle;  ///< why nothing could be pinged; nothing: it was pinged
  std::size_t payload_size = 0;          ///< bytes behind the ICMP header
  std::size_t mtu = 0;                   ///< the tunnel's MTU in bytes

  PingSide inner;  ///< pings through the tunnel
  WayBack back;
  std::vector<PingStretch> stretches;  ///< up to the session in use at the end
  std::optional<OtherSize> smaller;
  Nanoseconds waited{};  ///< for answers, after the last ping
  /// ICMP errors from inside about pings, a kind at a time, in order of the first of each.
  std::vector<IcmpReport> icmp;

  SessionFacts session;     ///< the whole session, from its handshake on
  std::size_t refused = 0;  ///< of its data, since the first ping: datagrams that ICMP errors quote
  std::size_t initiations = 0;  ///< of the handshake: all but one met silence

  std::size_t unsent = 0;  ///< datagrams of the tunnel that this host could not send
  std::optional<std::string> send_failure;  ///< why the first of these could not be sent

  PingSide outer;                      ///< pings to the gateway's address, outside of the tunnel
  std::vector<IcmpReport> outer_icmp;  ///< ICMP errors about these, as `icmp`
  /// Pings outside that got no answer, but such an error.
  std::size_t outer_refused = 0;
  /// Why `outer` is missing, or only a part: a sentence of os::EchoSocket.
  std::optional<std::string> outer_failure;
  bool interrupted = false;  ///< the user ended the measurement early
};

/// Where pings that were not answered got lost.
struct PingLoss {
  std::size_t forward = 0;            ///< on the way there, refused there, or not answered
  std::size_t backward = 0;           ///< their answers, on the way back
  std::size_t unknown_direction = 0;  ///< one of both

  friend bool operator==(const PingLoss&, const PingLoss&) = default;
};
PingLoss loss_of(const PingFacts& facts);

/// Pure: the same facts give the same checks.
std::vector<Check> diagnose(const PingFacts& facts);
/// The checks to skip() where there is no tunnel.
inline constexpr CheckKind kPingChecks[] = {CheckKind::ping_reply, CheckKind::ping_loss_forward,
                                            CheckKind::ping_loss_backward,
                                            CheckKind::ping_duplicates, CheckKind::ping_order};

/// Adds the metrics: round trips by layer, and loss where its direction is known.
void measure(const PingFacts& facts, Report& report);

/// For Report::success: "10.9.0.1 answers through the tunnel after 12.3 ms …".
Text success(const PingFacts& facts);

/// A share for people: "1.2 %"; "under 0.1 %" for a share that is smaller, but not 0. @param of
/// the whole, not 0.
Text percentage(std::uint64_t count, std::uint64_t of);
/// The same for a share.
Text percentage_of(double ratio);

}  // namespace wgscope::diagnosis
