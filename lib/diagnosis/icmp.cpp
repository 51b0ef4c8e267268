#include "wgscope/diagnosis/icmp.hpp"

#include <array>
#include <cstdint>
#include <span>

#include "wgscope/diagnosis/handshake.hpp"
#include "wgscope/diagnosis/text.hpp"
#include "wgscope/model/address.hpp"

namespace wgscope::diagnosis {
namespace {

using enum IcmpMeaning;

constexpr std::uint8_t kUnreachableV4 = 3;
constexpr std::uint8_t kTimeExceededV4 = 11;
constexpr std::uint8_t kUnreachableV6 = 1;
constexpr std::uint8_t kTooBigV6 = 2;
constexpr std::uint8_t kTimeExceededV6 = 3;

struct Code {
  Words name;
  IcmpMeaning meaning;
};

// By code. RFC 792 and RFC 1122 §3.2.2.1 have 0 to 12, RFC 1812 §5.2.7.1 the rest.
constexpr std::array<Code, 16> kCodesV4{{
    {"network unreachable", unreachable},
    {"host unreachable", unreachable},
    {"protocol unreachable", prohibited},  // every host has UDP: a firewall's way to reject
    {"port unreachable", port_unreachable},
    {"fragmentation needed", too_long},
    {"source route failed", unreachable},
    {"network unknown", unreachable},
    {"host unknown", unreachable},
    {"source host isolated", unreachable},
    {"network administratively prohibited", prohibited},
    {"host administratively prohibited", prohibited},
    {"network unreachable for this type of service", unreachable},
    {"host unreachable for this type of service", unreachable},
    {"communication administratively prohibited", prohibited},
    {"host precedence violation", prohibited},
    {"precedence cutoff", prohibited},
}};

// By code. RFC 4443 §3.1, RFC 6554 §4.2.
constexpr std::array<Code, 8> kCodesV6{{
    {"no route to destination", unreachable},
    {"communication administratively prohibited", prohibited},
    {"beyond the scope of the source address", unreachable},
    {"address unreachable", unreachable},
    {"port unreachable", port_unreachable},
    {"source address failed ingress or egress policy", prohibited},
    {"reject route to destination", prohibited},
    {"error in source routing header", unreachable},
}};

constexpr Code kUnknownUnreachable{"destination unreachable", unreachable};
constexpr Code kUnknown{"ICMP error", other};

Code code_of(const IcmpReport& report) {
  const bool v4 = report.from.family == Family::v4;
  if (report.type == (v4 ? kTimeExceededV4 : kTimeExceededV6)) {
    if (report.code == 0) return {"time exceeded", loop};
    return {"fragment reassembly time exceeded", other};
  }
  if (!v4 && report.type == kTooBigV6) return {"packet too big", too_long};
  if (report.type != (v4 ? kUnreachableV4 : kUnreachableV6)) return kUnknown;
  const std::span<const Code> codes =
      v4 ? std::span<const Code>(kCodesV4) : std::span<const Code>(kCodesV6);
  return report.code < codes.size() ? codes[report.code] : kUnknownUnreachable;
}

}  // namespace

IcmpMeaning meaning_of(const IcmpReport& report) { return code_of(report).meaning; }

Words icmp_name(const IcmpReport& report) { return code_of(report).name; }

Text describe(const IcmpReport& report) {
  Text made;
  const Words protocol = either(report.from.family == Family::v4, "ICMP", "ICMPv6");
  made.add(text("{} ({} type {}, code {}) from {}", icmp_name(report), protocol,
                static_cast<unsigned>(report.type), static_cast<unsigned>(report.code),
                report.from));
  if (report.count > 1) made.add(text(", {} times", report.count));
  return made;
}

}  // namespace wgscope::diagnosis
