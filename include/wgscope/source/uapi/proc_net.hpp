#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "wgscope/base/result.hpp"

namespace wgscope::uapi {

/// Whether a /proc/…/net/unix text lists a listening socket bound to one of `paths`.
bool lists_listener(std::string_view proc_net_unix, std::span<const std::string> paths);

/// The sum of the drops of the UDP sockets bound to `port` on every address, from a /proc/…/net/udp
/// or udp6 text; nothing when there is none. A socket that is listed twice counts once.
/// Source: net/ipv4/udp.c, udp4_format_sock.
std::optional<std::uint64_t> sum_drops(std::string_view proc_net_udp, std::uint16_t port);

/// sum_drops over IPv4 and IPv6 in the calling thread's network namespace; nothing when no socket
/// has the port.
/// @returns access_denied, io, too_large; never a part of the sum, since a counter that falls looks
/// like a restart.
Result<std::optional<std::uint64_t>> socket_receive_drops(std::uint16_t listen_port);

}  // namespace wgscope::uapi
