#pragma once

#include <cstdint>

#include "wgscope/diagnosis/handshake.hpp"
#include "wgscope/diagnosis/text.hpp"

namespace wgscope::diagnosis {

/// What an ICMP error says about the datagram that it quotes.
enum class IcmpMeaning : std::uint8_t {
  port_unreachable,  ///< nobody has the port; also what firewalls that reject say by default
  prohibited,        ///< a firewall rule forbids the datagram
  unreachable,       ///< the sender of the error cannot reach the network or the host
  loop,      ///< the hop limit ran out on the way, so routers pass the datagram round in a circle
  too_long,  ///< the datagram is larger than the next link takes
  other,     ///< the error does not tell why the datagram was lost
};

/// By type and code; the family of `from` decides whether they are ICMP's or ICMPv6's.
/// Source: RFC 792, RFC 1122 §3.2.2.1, RFC 1812 §5.2.7.1; RFC 4443 §3, RFC 6554 §4.2.
IcmpMeaning meaning_of(const IcmpReport& report);

/// The name of the error, such as "port unreachable"; "ICMP error" for one that is not known.
Words icmp_name(const IcmpReport& report);

/// The error for people: "port unreachable (ICMP type 3, code 3) from 192.0.2.1, 4 times".
Text describe(const IcmpReport& report);

}  // namespace wgscope::diagnosis
