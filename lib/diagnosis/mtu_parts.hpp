#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "wgscope/diagnosis/check_kinds.hpp"
#include "wgscope/diagnosis/finding.hpp"
#include "wgscope/diagnosis/mtu.hpp"
#include "wgscope/diagnosis/report.hpp"
#include "wgscope/diagnosis/text.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/path/mtu_search.hpp"

// Between the files of lib/diagnosis/mtu*.cpp and outer.cpp.

namespace wgscope::diagnosis {

inline constexpr std::size_t kTcpOverIpv4 = 20 + 20;  // RFC 9293 §3.7.1
inline constexpr std::size_t kTcpOverIpv6 = 40 + 20;

/// The path MTU in words: "1400 bytes", "1388 to 1403 bytes", "at least 1480 bytes".
Text size_text(const path::MtuResult& direction);
/// What arrives, in words: "every size up to 1500 bytes arrives", "sizes up to 1492 bytes arrive".
Text arrival_text(const path::MtuResult& direction);
/// Adds the sizes around the boundary, and what became of them, as evidence. @param what  whose
/// sizes they are: "echo requests of "; empty: datagrams.
void add_tried(const path::MtuResult& direction, const Text& what, Finding& finding);
/// The router that reported the MTU, if the search confirmed the report.
std::optional<IpAddress> reporter_of(const path::MtuResult& direction);
/// Whether `direction.mtu` is that of the path, or as much as was wanted, and not just how far the
/// search had come. @param full  the size that the configured MTU makes.
bool is_known(const path::MtuResult& direction, std::size_t full);

/// The MTU that fits, beside the one in use.
struct MtuSetting {
  std::size_t fitting = 0;  ///< the MTU that fits, in bytes
  std::size_t in_use = 0;   ///< the MTU in use; 0: unknown
  /// `fitting` is below the MTU in use, in a direction that was measured.
  bool is_smaller = false;
  bool ipv6_inside = false;  ///< the tunnel carries IPv6, which needs path::kSmallestIpv6
};
/// The check that says which MTU to set. @param summary  for the case that IPv6 has room.
Check setting_check(CheckKind kind, const MtuSetting& setting, Text summary);

/// Bytes that the headers of TCP and IP take of an inner packet.
constexpr std::size_t tcp_headers(Family inner) {
  return inner == Family::v4 ? kTcpOverIpv4 : kTcpOverIpv6;
}

/// The size of a datagram that carries a full packet of the tunnel.
std::size_t full_size(const MtuFacts& facts);
/// What was looked for behind the hops has shown that the limit is none any longer.
bool has_ended(const MtuFacts& facts);
/// The MTU to set: fitting_mtu(), or less where larger datagrams are lost at times. Nothing: none
/// is known to help.
std::optional<std::size_t> advised_mtu(const MtuFacts& facts);

/// Whether no datagram of an advised_mtu() is of a size that is lost at times, as far as is known.
bool spares_what_is_lost(const MtuFacts& facts);

/// Commands that lower what TCP connections through the gateway agree on, to what fits this MTU.
std::vector<Text> clamp_fix(std::size_t mtu);

/// The check of the segment size that a service inside the tunnel announces. Nothing: no service
/// was asked.
std::optional<Check> tcp_check(const MtuFacts& facts);

/// The check of the address from which the gateway receives our datagrams. Nothing: unknown.
std::optional<Check> seen_as_check(const MtuFacts& facts);

/// The check of whether the gateway's datagrams may be fragmented. Nothing: unknown.
std::optional<Check> cutting_check(const MtuFacts& facts);
/// Whether the gateway's datagrams may be fragmented, as evidence for what becomes of its large
/// ones.
Text cutting_evidence(const MtuFacts& facts);

}  // namespace wgscope::diagnosis
