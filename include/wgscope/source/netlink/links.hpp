#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "wgscope/base/result.hpp"
#include "wgscope/base/time.hpp"
#include "wgscope/model/device.hpp"

namespace wgscope::netlink {

/// Decodes one RTM_NEWLINK message: `payload` starts at struct ifinfomsg.
/// @returns truncated, bad_length. Source: uapi/linux/if_link.h.
Result<Link> decode_link(std::span<const std::byte> payload);

/// The WireGuard interfaces of the calling thread's network namespace. Needs no capability. The
/// kernel is asked for the kind "wireguard" only, so a host with thousands of other interfaces
/// costs nothing. Interrupted dumps are repeated up to kDumpAttempts times in all; the last one
/// stays in `into` all the same.
/// @returns interrupted (`into` is whole but may be inconsistent), what ask_kernel returns.
Result<> list_wireguard_links(Instant deadline, std::span<std::byte> buffer,
                              std::vector<Link>& into);

/// Asks the kernel for one interface by name, of any kind.
/// @returns no_device, what ask_kernel returns.
Result<Link> find_link(const std::string& name, Instant deadline, std::span<std::byte> buffer);

/// An interface that packets leave by.
struct Outlet {
  std::string name;
  std::string kind;       ///< of rtnl_link_ops, such as "wireguard" or "veth"; empty: a device's
  bool ethernet = false;  ///< it carries frames; false: bare IP packets, as tunnels mostly do
};

/// @returns truncated, bad_length.
Result<Outlet> decode_outlet(std::span<const std::byte> payload);

/// One interface by its index. Needs no capability.
/// @returns no_device, what ask_kernel returns.
Result<Outlet> find_outlet(std::uint32_t ifindex, Instant deadline, std::span<std::byte> buffer);

}  // namespace wgscope::netlink
