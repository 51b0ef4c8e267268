#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "wgscope/base/result.hpp"
#include "wgscope/base/time.hpp"
#include "wgscope/model/address.hpp"

namespace wgscope::netlink {

/// The way that the kernel takes to one address.
struct Route {
  std::optional<IpAddress> gateway;  ///< the next router; nothing: the destination is on the link
  std::optional<IpAddress> source;   ///< that is sent from
  std::uint32_t ifindex = 0;         ///< 0: unknown

  friend bool operator==(const Route&, const Route&) = default;
};

/// Decodes one RTM_NEWROUTE message: `payload` starts at struct rtmsg. A gateway of another family
/// than the route's (RTA_VIA) is none.
/// @returns truncated, bad_length. Source: uapi/linux/rtnetlink.h, rtnetlink(7).
Result<Route> decode_route(std::span<const std::byte> payload);

/// Which way the kernel takes to an address, in the calling thread's network namespace.
/// Needs no capability.
/// @returns io (ENETUNREACH: none), what ask_kernel returns.
Result<Route> find_route(const IpAddress& to, Instant deadline, std::span<std::byte> buffer);

}  // namespace wgscope::netlink
