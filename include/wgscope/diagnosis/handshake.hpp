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

// What was seen of a handshake, and what it means: the decision tree from silence to a cause.
// checks::handshake() sees; diagnose() knows.

namespace wgscope::diagnosis {

/// An ICMP error about datagrams of ours.
struct IcmpReport {
  IpAddress from;
  std::uint8_t type = 0;
  std::uint8_t code = 0;
  std::size_t count = 1;  ///< of the same
  bool from_this_host =
      false;  ///< said by our own kernel: nobody on the link answers for that address
};

/// What the other side's preshared key can be, tried on its response without sending anything.
struct PresharedKeyTrials {
  bool none_fits = false;            ///< the other side has none for us
  std::optional<std::string> given;  ///< name of the one that fits, of those given to try
  std::size_t tried = 0;             ///< how many were given
};

/// Whether somebody answered datagrams to a place where nobody should listen.
struct Knock {
  std::size_t sent = 0;
  std::optional<IcmpReport> answer;  ///< the first
  bool datagram = false;             ///< somebody does listen there
};

/// One more hop on the way, as a datagram with a short life shows it.
struct Hop {
  std::uint8_t limit = 0;         ///< TTL or hop limit, from 1
  std::optional<IpAddress> from;  ///< who said "time exceeded"; nothing: nobody did
  bool arrived = false;           ///< the endpoint itself answered
};

/// Datagrams that came to the probe's port and are no answer of WireGuard's, alike in origin, size and
/// beginning.
struct Stray {
  Endpoint from;
  std::size_t size = 0;
  std::string begins;  ///< The first bytes as hexadecimal digits: "02 a8 1a 15 00 11 22 33".
  /// They would be WireGuard's messages but for their reserved bytes, which are not zero.
  bool reserved = false;
  std::size_t count = 1;
};

/// What was tried beside initiations because those met silence.
struct SilenceFacts {
  Knock plain_neighbour;      ///< a few plain bytes to a closed port of the same host
  Knock wireguard_neighbour;  ///< what looks like an initiation to such a port
  Knock plain_same_port;      ///< a few plain bytes to the port itself, which WireGuard ignores
  std::vector<Hop> hops;      ///< in order; ends with the last that was tried
};

/// Whether data crosses a session that stands.
struct DataFacts {
  std::optional<IpAddress> target;  ///< inside the tunnel; nothing: no address to try
  bool target_guessed = false;      ///< from the configuration; nobody promised that it answers
  std::size_t echoes_sent = 0;
  std::vector<Nanoseconds> round_trips;  ///< of echoes that were answered
  std::optional<IcmpReport> icmp;        ///< an error from inside instead: the tunnel carries
  /// What a peer that hears us does by its timers, seen from our silence on (whitepaper §6.5): an
  /// empty packet 10 s after data that it had no answer to …
  std::optional<Nanoseconds> keepalive_after;
  /// … an initiation 15 s after data that it sent and heard nothing about.
  std::optional<Nanoseconds> initiation_after;
  std::optional<Nanoseconds> witnesses_watched;  ///< how long; nothing: not at all

  /// Where nothing was heard: how far plain datagrams to the endpoint come, and which of these routers
  /// report the same of the session's data.
  std::vector<Hop> plain_hops;
  std::vector<IpAddress> data_seen_at;

  // Only when asked to hold the tunnel for a while:
  std::optional<Nanoseconds> held;        ///< for how long echoes went on
  std::vector<bool> held_answers;         ///< Which of those echo requests were answered, in order.
  std::optional<Nanoseconds> died_after;  ///< when the last answer came, of those before a silence
  std::optional<bool> new_handshake;      ///< after it died: whether another handshake was answered
  std::optional<bool>
      other_port_carries;  ///< after it died: whether data crosses from another port
};

/// Everything that happened at one address of the endpoint.
struct AttemptFacts {
  Endpoint endpoint;
  std::optional<RouteFacts> route;  ///< nothing: not asked, or there is none
  std::size_t initiations = 0;      ///< that were sent
  std::optional<int> send_errno;    ///< of the last that could not be
  /// Where none could be sent: this host has no address of that IP version.
  bool family_missing = false;
  std::vector<IcmpReport> icmp;                     ///< different ones, in order
  std::size_t cookies = 0;                          ///< that were ours: the endpoint is under load
  std::size_t forged_cookies = 0;                   ///< that do not decrypt
  std::optional<Nanoseconds> response_after;        ///< from the initiation that it answers
  std::size_t answered_initiation = 0;              ///< which one that was, from 1
  std::optional<Endpoint> responder;                ///< where the response came from
  std::optional<PresharedKeyTrials> preshared_key;  ///< a response came and did not decrypt
  std::vector<Stray> strays;                        ///< At most eight kinds of them.
  /// Authentic responses to initiations that a newer one had replaced by then.
  std::size_t late_responses = 0;
  std::optional<Nanoseconds> late_by;  ///< The first took longer than this.
  std::optional<SilenceFacts> silence;
  std::optional<DataFacts> data;  ///< nothing: not tried here
  bool given_up = false;          ///< it ended before the protocol's retries did: interrupted
};

/// What one name server of this host did when the probe asked it for the endpoint's name, after the
/// system had found nothing.
struct NameServerFacts {
  IpAddress server;
  bool unreachable = false;               ///< an ICMP error came, or nothing could be sent
  std::optional<std::string> rcode = {};  ///< "SERVFAIL"; nothing: it was silent
  bool error = false;                     ///< the rcode says that it could not or would not answer
  bool has_address = false;               ///< it knows one
};

enum class KeyUse : std::uint8_t { free, used, not_known };

struct HandshakeFacts {
  config::EndpointName wanted;
  std::optional<Error> resolve_error;
  std::vector<NameServerFacts> name_servers;  ///< that were asked because the system found nothing
  std::optional<Nanoseconds> resolving;       ///< how long that took; nothing for an address
  std::vector<Endpoint> unusable;             ///< what the name resolves to besides: no gateway's
  std::vector<AttemptFacts> attempts;         ///< in the order of trying
  PublicKey gateway;
  PublicKey ours;
  std::vector<IpAddress> our_addresses;  ///< This probe's addresses inside the tunnel.
  bool has_preshared_key = false;

  KeyUse key_use = KeyUse::free;
  std::string key_user;  ///< the interface that uses it; for not_known: why that is not known
  /// Of not_known: the interface that could not be read; empty: none could be listed.
  std::string key_unread;
  bool key_look_forbidden = false;  ///< of not_known: for want of privileges
  bool key_use_accepted = false;    ///< the user insists on a key that is used

  std::optional<bool> clock_synchronised;  ///< nothing: the kernel does not say
  /// Whether this host knows a handshake of the key from an earlier run.
  bool stamp_recorded = false;
  std::optional<Nanoseconds> stamp_ahead;      ///< the key's last stamp is that far in our future
  std::optional<std::string> stamps_not_kept;  ///< why

  bool quick = false;                       ///< without the witnesses
  std::optional<std::string> mark_refused;  ///< why datagrams go without the configuration's FwMark
  bool interrupted = false;                 ///< by the user
  Nanoseconds timeout{};                    ///< of the whole
  bool data_wanted = true;                  ///< false: only whether the handshake is answered
};

/// The whole decision tree. Pure: the same facts give the same checks, whose names
/// are in check_kinds.hpp.
/// @returns checks in the order of layers; a layer that could not be reached is there as skipped.
std::vector<Check> diagnose(const HandshakeFacts& facts);

/// Whether a session stands at one of the addresses.
bool has_handshake(const HandshakeFacts& facts);

/// The way that packets to one of the addresses take; nullptr: unknown.
const RouteFacts* route_to(const HandshakeFacts& facts, const Endpoint& address);

/// Adds how long names and the handshake took, and the round trips of data.
void measure(const HandshakeFacts& facts, Report& report);

/// "handshake with gw.example.net:51820 works …": Report::success.
Text success(const HandshakeFacts& facts);

}  // namespace wgscope::diagnosis
