#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <utility>

#include "wgscope/base/result.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/os/unique_fd.hpp"

namespace wgscope::os {

/// Whether an IPv4 packet that carries a UDP datagram to `port` says "don't fragment".
/// @param packet  its beginning is enough. @returns nothing for any other packet.
/// Source: RFC 791 §3.1, RFC 768.
std::optional<bool> dont_fragment_of(std::span<const std::byte> packet, std::uint16_t port);

/// Reads the "don't fragment" bit of datagrams that come to a UDP port of this host, which UDP
/// sockets do not tell: a raw socket gets a copy of them (raw(7)). IPv6 has no such bit.
/// Non-blocking; for one thread at a time.
///
/// Datagrams that came in fragments are put together before, and count as without the bit.
class DontFragmentTap {
 public:
  struct Seen {
    std::size_t set = 0;    ///< datagrams with the bit: they must not be fragmented
    std::size_t clear = 0;  ///< datagrams without the bit: they may be fragmented
  };

  /// @param from  an IPv4 address: only datagrams from there are seen.
  /// @param port  the UDP port of this host that they come to.
  /// @returns not_permitted (CAP_NET_RAW), io.
  static Result<DontFragmentTap> open(const IpAddress& from, std::uint16_t port);

  /// The datagrams that came since the last call; only some of them if many came.
  Seen read();

 private:
  DontFragmentTap(UniqueFd fd, std::uint16_t port) : fd_(std::move(fd)), port_(port) {}

  UniqueFd fd_;
  std::uint16_t port_;
};

}  // namespace wgscope::os
