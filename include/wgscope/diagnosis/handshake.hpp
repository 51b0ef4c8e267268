#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "wgscope/base/result.hpp"
#include "wgscope/base/time.hpp"
#include "wgscope/config/wg_quick.hpp"
#include "wgscope/diagnosis/report.hpp"
#include "wgscope/diagnosis/route.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/model/public_key.hpp"

// The facts about a handshake, and what they mean: the decision tree from silence to a cause.
// checks::handshake() collects the facts; diagnose() draws the conclusions.

namespace wgscope::diagnosis {

/// An ICMP error about our datagrams.
struct IcmpReport {
  IpAddress from;
  std::uint8_t type = 0;
  std::uint8_t code = 0;
  std::size_t count = 1;  ///< how often it came
  /// Our own kernel sent it, because nobody on the link answers for that address.
  bool from_this_host = false;
};

/// Which preshared key the other side uses. Keys are tried on its response; nothing is sent.
struct PresharedKeyTrials {
  bool none_fits = false;            ///< the other side has no preshared key for us
  std::optional<std::string> given;  ///< name of the given key that fits; nothing: none fits
  std::size_t tried = 0;             ///< how many keys were given
};

/// Whether anything came back for datagrams that WireGuard does not answer.
struct Knock {
  std::size_t sent = 0;
  std::optional<IcmpReport> answer;  ///< the first ICMP error
  bool datagram = false;             ///< a datagram came back, so somebody listens there
};

/// A hop of the path, found by a datagram with a low TTL or hop limit.
struct Hop {
  std::uint8_t limit = 0;         ///< TTL or hop limit, from 1
  std::optional<IpAddress> from;  ///< who answered with an ICMP error; nothing: nobody
  bool arrived = false;           ///< the endpoint itself answered
};

/// Datagrams to the probe's port that are not valid WireGuard messages, and that have the same
/// source, size and first bytes.
struct Stray {
  Endpoint from;
  std::size_t size = 0;
  std::string begins;  ///< the first bytes in hexadecimal: "02 a8 1a 15 00 11 22 33"
  /// They would be WireGuard messages if their reserved bytes were zero.
  bool reserved = false;
  std::size_t count = 1;
};

/// Datagrams that came to the probe's port and were of no use. Each counts in one place.
struct Refused {
  std::vector<Stray> strays;  ///< no WireGuard messages, or none for this key: at most eight kinds
  std::size_t more_strays = 0;    ///< such of further kinds
  std::size_t initiations = 0;    ///< handshakes that others began, and that were not accepted
  std::size_t not_authentic = 0;  ///< WireGuard messages that this probe's keys do not open
  std::size_t foreign = 0;        ///< data for sessions that were never this probe's
  std::size_t late = 0;           ///< for sessions or handshakes that were over
  std::size_t repeated = 0;       ///< data that had come before
  std::size_t inside = 0;  ///< data that is no IP packet, or whose source is not in AllowedIPs
  std::size_t failed = 0;  ///< that could not be looked at, for lack of memory
};

/// What else was sent because initiations were not answered.
struct SilenceFacts {
  Knock plain_neighbour;      ///< a few plain bytes to a closed port of the same host
  Knock wireguard_neighbour;  ///< what looks like an initiation, to the same closed port
  Knock plain_same_port;      ///< a few plain bytes to the port itself, which WireGuard ignores
  /// In order, up to the endpoint, or to one silent hop behind the last hop that answered.
  std::vector<Hop> hops;
  std::uint16_t neighbour_port = 0;  ///< the closed port above; 0: not known
  std::size_t hop_probes = 0;        ///< datagrams with a low TTL that were sent to find the hops
};

/// Data from the gateway that answers no echo request: it proves that data arrives here.
struct OtherData {
  std::size_t count = 0;  ///< packets
  IpAddress from;         ///< source of the first one inside the tunnel
  /// Type of ICMP or ICMPv6 of the first one, by the family of its source; nothing: not ICMP.
  std::optional<std::uint8_t> icmp_type;
  /// The first one was dropped here, because this configuration's AllowedIPs do not cover its source.
  bool not_allowed = false;
};

/// How far a session's data gets, by what routers report of it and of plain datagrams beside it.
struct DataTrace {
  std::vector<Hop> plain_hops;          ///< how far plain datagrams to the endpoint get
  std::vector<IpAddress> data_seen_at;  ///< which of these routers also report the session's data
  /// How often the first router beyond the last of these reported a plain datagram, and not the
  /// session's data that was sent right before it.
  std::size_t lost_before_plain = 0;
  std::size_t plain_sent = 0;  ///< plain datagrams to the endpoint, those that found the hops too
  std::size_t wireguard_shaped = 0;  ///< datagrams that look like an initiation, to a closed port
};

/// A session that fell silent though data was sent in it, longer than a gateway that decrypts data
/// stays silent, and whose successor's first initiation was answered: the path carries and the key
/// is known, so the gateway no longer has that session.
struct LostSession {
  Nanoseconds lived{};         ///< from its handshake to the gateway's last packet in it
  Nanoseconds silent{};        ///< from then to the next initiation
  std::size_t unanswered = 0;  ///< packets that were sent in it meanwhile
  /// Instead, these are packets that others were asked to send through the gateway to this host.
  bool awaited = false;
};

/// Whether data crosses an established session.
struct DataFacts {
  std::optional<IpAddress> target;  ///< an address inside the tunnel; nothing: there is none to try
  bool target_guessed = false;      ///< taken from the configuration, so it may not answer at all
  std::size_t echoes_sent = 0;
  std::vector<Nanoseconds> round_trips;  ///< round trips of the echoes that were answered
  std::optional<IcmpReport> icmp;        ///< an error from inside instead, so the tunnel works
  std::optional<OtherData> other;        ///< what else came out of the tunnel meanwhile

  // What the timers of a peer that receives our data make it send while we are silent (whitepaper
  // §6.5):
  /// An empty packet, 10 s after data to which it had no answer. Counted from the first echo.
  std::optional<Nanoseconds> keepalive_after;
  /// An initiation, 15 s after data that it sent and after which it received nothing. Counted from
  /// the last echo.
  std::optional<Nanoseconds> initiation_after;
  std::optional<Nanoseconds> witnesses_watched;  ///< for how long; nothing: not at all

  DataTrace trace;  ///< if neither was received

  // Only if the user asked to hold the tunnel for a while:
  std::optional<Nanoseconds> held;  ///< for how long echoes were sent
  /// Whether each of these echoes was answered, in order; empty if the tunnel died.
  std::vector<bool> held_answers;
  /// When the last answer came before the tunnel died; nothing: the tunnel did not die.
  std::optional<Nanoseconds> died_after;
  std::optional<bool> new_handshake;  ///< after it died: whether another handshake was answered
  /// Sessions that died and whose successors carried data at once, from the same port.
  std::vector<LostSession> lost_sessions;
  /// After it died: whether data crosses from another source port.
  std::optional<bool> other_port_carries;
};

/// Everything that happened with one address of the endpoint.
struct AttemptFacts {
  Endpoint endpoint;
  std::optional<RouteFacts> route;  ///< nothing: not looked up, or there is no route
  std::size_t initiations = 0;      ///< initiations that were sent
  std::optional<int> send_errno;    ///< errno of the last one that could not be sent
  /// None could be sent, because this host has no address of that IP version.
  bool family_missing = false;
  std::vector<IcmpReport> icmp;                     ///< different errors, in order
  std::size_t cookies = 0;                          ///< valid cookies: the endpoint is under load
  std::size_t forged_cookies = 0;                   ///< cookies that do not decrypt
  std::optional<Nanoseconds> response_after;        ///< time since the initiation that it answers
  std::size_t answered_initiation = 0;              ///< number of that initiation, from 1
  std::optional<Endpoint> responder;                ///< where the response came from
  std::optional<PresharedKeyTrials> preshared_key;  ///< a response came and did not decrypt
  /// What came and was refused, until a response came. Without a session of this address that is
  /// used afterwards: until the end.
  Refused refused;
  /// Authentic responses to initiations that a newer one had already replaced.
  std::size_t late_responses = 0;
  std::optional<Nanoseconds> late_by;  ///< the first of these took longer than this
  std::optional<SilenceFacts> silence;
  std::optional<DataFacts> data;  ///< nothing: not tried with this address
  bool given_up = false;          ///< interrupted before the protocol's retries ended
  /// Packets that were sent in sessions which are not used afterwards.
  std::size_t packets_sent = 0;
};

/// What one name server of this host did when the probe asked it for the endpoint's name, because
/// the system had found nothing.
struct NameServerFacts {
  IpAddress server;
  bool unreachable = false;               ///< an ICMP error came, or nothing could be sent
  std::optional<std::string> rcode = {};  ///< "SERVFAIL"; nothing: it did not answer
  bool error = false;                     ///< the rcode says that it could not or would not answer
  bool has_address = false;               ///< it knows an address
};

enum class KeyUse : std::uint8_t { free, used, not_known };

struct HandshakeFacts {
  config::EndpointName wanted;
  std::optional<Error> resolve_error;
  std::vector<NameServerFacts> name_servers;  ///< servers asked because the system found nothing
  std::optional<Nanoseconds> resolving;       ///< how long resolving took; nothing for an address
  std::vector<Endpoint> unusable;      ///< other addresses of the name, which no gateway can have
  std::vector<AttemptFacts> attempts;  ///< in the order of trying
  PublicKey gateway;
  PublicKey ours;
  std::vector<IpAddress> our_addresses;  ///< this probe's addresses inside the tunnel
  bool has_preshared_key = false;
  bool sets_reserved_bytes = false;  ///< in each message: the configuration's Reserved, not zeros

  KeyUse key_use = KeyUse::free;
  std::string key_user;  ///< the interface that uses the key; not_known: why it is not known
  /// not_known: the interface that could not be read; empty: interfaces could not be listed.
  std::string key_unread;
  bool key_look_forbidden = false;  ///< not_known: because of missing privileges
  bool key_use_accepted = false;    ///< the user insists on using this key all the same

  std::optional<bool> clock_synchronised;  ///< nothing: the kernel does not tell
  /// This host has a record of an earlier handshake with this key.
  bool stamp_recorded = false;
  std::optional<Nanoseconds> stamp_ahead;      ///< how far the key's last stamp is in the future
  std::optional<std::string> stamps_not_kept;  ///< why stamps cannot be stored

  bool quick = false;                       ///< do not watch the witnesses
  std::optional<std::string> mark_refused;  ///< why datagrams do not carry the configured FwMark
  bool interrupted = false;                 ///< the user interrupted the check
  Nanoseconds timeout{};                    ///< time limit of the whole check
  bool data_wanted = true;                  ///< false: only the handshake is tested
};

/// The whole decision tree. It is pure: the same facts give the same checks, whose names are in
/// check_kinds.hpp.
/// @returns checks in the order of layers; those of layers that could not be reached are skipped.
std::vector<Check> diagnose(const HandshakeFacts& facts);

/// Whether a session was established with one of the addresses.
bool has_handshake(const HandshakeFacts& facts);

/// The route of packets to one of the addresses; nullptr: unknown.
const RouteFacts* route_to(const HandshakeFacts& facts, const Endpoint& address);

/// Adds the times that names and the handshake took, and the round trips of data, to the report.
void measure(const HandshakeFacts& facts, Report& report);

/// The text of Report::success: "handshake with gw.example.net:51820 works …".
Text success(const HandshakeFacts& facts);

}  // namespace wgscope::diagnosis
