#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "wgscope/base/result.hpp"
#include "wgscope/base/time.hpp"
#include "wgscope/model/device.hpp"
#include "wgscope/model/public_key.hpp"

namespace wgscope::netlink {

/// Peers of one answer that are left out because one of their values cannot be what it says, such as
/// a handshake at nanosecond 2 000 000 000: they cost nothing but themselves.
struct LeftOut {
  std::size_t peers = 0;
  std::string fault;  ///< why the first of them is: names the attribute
  std::optional<PublicKey> last =
      std::nullopt;  ///< the last one, which may go on in the next message
};

/// Decodes one WG_CMD_GET_DEVICE message into `into`, after the messages before it.
///
/// A large answer comes in many messages. What the kernel really does (6.1; its header's comment
/// differs): device attributes stand in each message until one peer has gone out whole, then in
/// none; a peer whose allowed IPs did not fit goes on in the next message with nothing but its key
/// and the rest of the list. So device attributes may repeat, and a peer with the key of the last
/// one is that peer: its list grows, its counters stay. Private and preshared keys are looked at
/// only where they lie, never copied. A peer with a value out of range is left out; an attribute of
/// another size than the kernel's speaks another protocol, so nothing of such an answer is used.
/// @param attributes  the payload after genlmsghdr; not retained.
/// @param left_out  of the messages before it, and of this one.
/// @returns bad_length (naming the attribute), missing_key. On error `into` is unspecified. Source: uapi/linux/wireguard.h, "WG_CMD_GET_DEVICE";
/// drivers/net/wireguard/netlink.c, wg_get_device_dump.
Result<> decode_device_message(std::span<const std::byte> attributes, Device& into,
                               LeftOut& left_out);

/// The generic netlink number of WireGuard, which changes when the module is loaded again. Asking
/// for it loads the module where it is not loaded: ask only when an interface is known to exist.
/// @returns unsupported without the module; what ask_kernel returns.
Result<std::uint16_t> resolve_wireguard_family(Instant deadline, std::span<std::byte> buffer);

/// Reads one kernel interface of the calling thread's network namespace.
/// Interrupted dumps are repeated up to kDumpAttempts times in all; the last one is then kept in
/// `into` all the same.
/// @param into  its name, netns and link stay as they are.
/// @param left_out  of the last attempt.
/// @returns not_permitted (CAP_NET_ADMIN), no_device, interrupted (`into` is whole but may be
/// inconsistent), timeout,
///          what decode_device_message returns.
Result<> read_device(std::uint16_t family, std::uint32_t ifindex, Instant deadline,
                     std::span<std::byte> buffer, Device& into, LeftOut& left_out);

}  // namespace wgscope::netlink
