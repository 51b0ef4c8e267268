#pragma once

#include <cstddef>
#include <optional>
#include <string_view>
#include <vector>

#include "wgscope/base/time.hpp"
#include "wgscope/config/wg_quick.hpp"
#include "wgscope/diagnosis/check_kinds.hpp"
#include "wgscope/diagnosis/finding.hpp"
#include "wgscope/diagnosis/handshake.hpp"
#include "wgscope/diagnosis/report.hpp"
#include "wgscope/diagnosis/text.hpp"
#include "wgscope/model/address.hpp"

// The decision tree's branches, by subject. Each is a pure function of the facts and gives one
// check; handshake.cpp puts them together and weighs one address against another.

namespace wgscope::diagnosis {

/// One address's facts, and those that all have in common.
struct Scene {
  const HandshakeFacts& all;
  const AttemptFacts& one;
};

/// The endpoint as reports write it: "gw.example.net:51820".
Text endpoint_text(const config::EndpointName& endpoint);
/// The command for packets of that family: "iptables", "ip6tables".
Words iptables(const IpAddress& address);
/// This probe's addresses inside the tunnel as `wg` takes allowed IPs: "10.9.0.2/32,fd09::2/128".
/// Where none is known: "PREFIX".
Text our_allowed_ips(const HandshakeFacts& facts);
/// "1 initiation", "3 initiations"
Text counted(std::size_t count, Words one, Words many);

// handshake_local.cpp: what this host knows by itself
/// Why a packet could not leave, by its errno: "this host has no route there".
Text send_error_text(int number);
Check check_key_use(const HandshakeFacts& facts);
Check check_key_stamp(const HandshakeFacts& facts);
Check check_clock(const HandshakeFacts& facts);
std::optional<Check> check_mark(const HandshakeFacts& facts);
Check check_send(const Scene& scene);
/// Whether a response or an authentic cookie reply came, whatever it was worth.
bool gateway_answered(const AttemptFacts& attempt);
/// Whether this host lacks what it takes to reach any address of that family.
bool lacks_family(const AttemptFacts& attempt);
/// Whether a gateway took this run's stamp: it responded, if only with another preshared key.
bool stamp_was_taken(const HandshakeFacts& facts);
/// The key's last stamp is so far ahead that only a clock explains it.
bool stamp_is_ahead(const HandshakeFacts& facts);

// handshake_name.cpp: what the endpoint's name stands for
std::optional<Check> check_name(const HandshakeFacts& facts);

// handshake_route.cpp: which way packets leave
/// Nothing where there is no route, which check_send() says, and where none was asked for.
std::optional<Check> check_way(const Scene& scene);
/// Adds the way to what may be the cause of what an address failed with, where it may.
void blame_way(const Scene& scene, std::vector<Check>& checks);

// handshake_path.cpp: what others say about the way
/// An ICMP error that explains why initiations are lost.
struct IcmpVerdict {
  FindingId id{};
  IcmpReport report;
  /// The error quotes an initiation; else plain bytes to the same port.
  bool of_initiations = false;
};
std::optional<IcmpVerdict> icmp_verdict(const AttemptFacts& attempt);
Check check_icmp(const Scene& scene);

// refused.cpp: what came and was of no use
/// "2 datagrams of 92 bytes from …"
Text describe(const Stray& stray);

// handshake_silence.cpp: nobody says anything
/// Nothing where the attempt ended too early to call it silence.
std::optional<Finding> finding_of_silence(const Scene& scene);
/// Why a gateway that hears initiations does not respond, likeliest first: what WireGuard is silent
/// about by design.
std::vector<Hypothesis> reasons_of_refusal(const Scene& scene);
/// Commands on the gateway that tell these apart.
std::vector<Text> how_to_see_refusals(const Scene& scene);

// handshake_answer.cpp: what the gateway says
Check check_response(const Scene& scene);
std::optional<Check> check_cookie(const Scene& scene);
Check check_preshared_key(const Scene& scene);
std::optional<Check> check_responder(const Scene& scene);
/// What came besides answers, where a session stands all the same.
std::optional<Check> check_strays(const Scene& scene);

// handshake_data.cpp: whether the session carries
Check check_data(const Scene& scene);
/// Whether data was lost after the response had moved the session to another address.
bool data_takes_another_way(const Scene& scene);
/// What that means for handshake.responder. @param data  what check_data() says.
Check another_way(const Scene& scene, const Check& data);
Nanoseconds median_of(std::vector<Nanoseconds> samples);  ///< of at least one

// handshake_hold.cpp: whether it still does after a while
std::optional<Check> check_hold(const Scene& scene);

}  // namespace wgscope::diagnosis
