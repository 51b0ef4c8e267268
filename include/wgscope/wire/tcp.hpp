#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "wgscope/base/result.hpp"
#include "wgscope/wire/ip.hpp"

// What a TCP segment that opens a connection says. TCP itself is inner/tcp.hpp's.

namespace wgscope::wire {

inline constexpr std::size_t kTcpHeaderSize = 20;  // RFC 9293 §3.1, without options
/// What may be sent to whoever announces no maximum segment size (RFC 9293 §3.7.1).
inline constexpr std::uint16_t kDefaultMss4 = 536;
inline constexpr std::uint16_t kDefaultMss6 = 1220;

struct TcpSyn {
  std::uint16_t source_port = 0;
  std::uint16_t destination_port = 0;
  bool acknowledges = false;         ///< a SYN-ACK
  std::optional<std::uint16_t> mss;  ///< bytes of payload that its sender, or who changed it on the
                                     ///< way, wants in a segment at most
};

/// Reads a segment with SYN. Of options that are there twice the last counts, as with Linux.
/// @returns truncated, bad_length (a header or an option that contradicts itself), bad_value for a
/// wrong checksum and for segments without SYN.
Result<TcpSyn> parse_tcp_syn(const IpPacket& packet);

}  // namespace wgscope::wire
