#include "wgscope/source/netlink/wireguard.hpp"

#include <algorithm>
#include <bit>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <netinet/in.h>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <sys/socket.h>
#include <utility>

#include <fmt/core.h>
#include <linux/genetlink.h>
#include <linux/netlink.h>
#include <linux/wireguard.h>

#include "wgscope/base/result.hpp"
#include "wgscope/base/time.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/model/device.hpp"
#include "wgscope/model/public_key.hpp"
#include "wgscope/source/netlink/attributes.hpp"
#include "wgscope/source/netlink/dump.hpp"

namespace wgscope::netlink {
namespace {

constexpr std::size_t kKeySize = WG_KEY_LEN;

/// struct __kernel_timespec (uapi/linux/time_types.h), spelled out so that libc's time_t
/// does not matter.
struct KernelTimespec {
  std::int64_t seconds;
  std::int64_t nanoseconds;
};

std::uint16_t big_endian(std::uint16_t value) {
  return std::endian::native == std::endian::little ? __builtin_bswap16(value) : value;
}

tl::unexpected<Error> bad_length(std::string_view attribute, std::size_t size) {
  return fail(Errc::bad_length, fmt::format("{}: {} bytes", attribute, size));
}

tl::unexpected<Error> malformed_nest(std::string_view attribute) {
  return fail(Errc::bad_length, fmt::format("{}: malformed attributes inside", attribute));
}

/// Whether a key is set: the kernel sends zeros for none. Reads it where it lies.
bool any_bit_set(std::span<const std::byte, kKeySize> key) {
  std::byte bits{0};
  for (const std::byte b : key) bits |= b;
  return bits != std::byte{0};
}

// What a peer has many of is decoded to where it stays: a copy of what was just written in pieces
// waits for them, and four such waits were a third of a peer's time.

Result<> decode_endpoint(std::span<const std::byte> payload, Endpoint& into) {
  sa_family_t family = 0;
  if (payload.size() < sizeof family) return bad_length("WGPEER_A_ENDPOINT", payload.size());
  std::memcpy(&family, payload.data(), sizeof family);
  if (family == AF_INET && payload.size() == sizeof(sockaddr_in)) {
    sockaddr_in address{};
    std::memcpy(&address, payload.data(), sizeof address);
    std::memcpy(into.address.bytes.data(), &address.sin_addr, sizeof address.sin_addr);
    into.port = big_endian(address.sin_port);
    return {};
  }
  if (family == AF_INET6 && payload.size() == sizeof(sockaddr_in6)) {
    sockaddr_in6 address{};
    std::memcpy(&address, payload.data(), sizeof address);
    std::memcpy(into.address.bytes.data(), &address.sin6_addr, sizeof address.sin6_addr);
    into.address.family = Family::v6;
    into.port = big_endian(address.sin6_port);
    into.scope_id = address.sin6_scope_id;
    return {};
  }
  return fail(Errc::bad_value, fmt::format("WGPEER_A_ENDPOINT: address family {} in {} bytes",
                                           family, payload.size()));
}

Result<> decode_handshake(const Attribute& attribute, std::optional<WallTime>& into) {
  KernelTimespec time{};
  if (auto read = read_attribute(attribute, "WGPEER_A_LAST_HANDSHAKE_TIME", time); !read)
    return read;
  if (time.seconds == 0 && time.nanoseconds == 0) {
    into.reset();
    return {};
  }
  constexpr std::int64_t kMostSeconds = INT64_MAX / 1'000'000'000 - 1;
  if (time.seconds < 0 || time.seconds > kMostSeconds || time.nanoseconds < 0 ||
      time.nanoseconds >= 1'000'000'000)
    return fail(Errc::bad_value, "WGPEER_A_LAST_HANDSHAKE_TIME: not a valid time");
  into = WallTime{std::chrono::seconds(time.seconds) + Nanoseconds(time.nanoseconds)};
  return {};
}

Result<> decode_allowed_ip(std::span<const std::byte> attributes, Prefix& into) {
  AttributeWalk walk(attributes);
  std::uint16_t family = AF_UNSPEC;
  std::span<const std::byte> address;
  std::uint8_t bits = 0;
  for (Attribute a; walk.next(a);) {
    if (a.type == WGALLOWEDIP_A_FAMILY) {
      if (auto read = read_attribute(a, "WGALLOWEDIP_A_FAMILY", family); !read) return read;
    } else if (a.type == WGALLOWEDIP_A_CIDR_MASK) {
      if (auto read = read_attribute(a, "WGALLOWEDIP_A_CIDR_MASK", bits); !read) return read;
    } else if (a.type == WGALLOWEDIP_A_IPADDR) {
      address = a.payload;
    }
  }
  if (!walk.ok()) return malformed_nest("WGPEER_A_ALLOWEDIPS");
  if (family != AF_INET && family != AF_INET6)
    return fail(Errc::bad_value, fmt::format("WGALLOWEDIP_A_FAMILY: {}", family));
  const std::size_t size = family == AF_INET ? 4 : 16;
  if (address.size() != size) return bad_length("WGALLOWEDIP_A_IPADDR", address.size());
  if (bits > size * 8)
    return fail(Errc::bad_value, fmt::format("WGALLOWEDIP_A_CIDR_MASK: {}", bits));
  if (size == 4)
    std::memcpy(into.address.bytes.data(), address.data(), 4);
  else
    std::memcpy(into.address.bytes.data(), address.data(), 16);
  into.address.family = family == AF_INET ? Family::v4 : Family::v6;
  into.bits = bits;
  return {};
}

/// A peer's public key, wherever in the peer it stands. @returns missing_key, bad_length.
Result<PublicKey> find_key(std::span<const std::byte> attributes) {
  AttributeWalk walk(attributes);
  PublicKey key;
  for (Attribute a; walk.next(a);) {
    if (a.type != WGPEER_A_PUBLIC_KEY) continue;
    if (auto read = read_attribute(a, "WGPEER_A_PUBLIC_KEY", key.bytes); !read)
      return tl::unexpected(read.error());
    return key;
  }
  return fail(Errc::missing_key, "a peer without WGPEER_A_PUBLIC_KEY");
}

/// Of the last peer.
Result<> decode_allowed_ips(std::span<const std::byte> attributes, Device& into) {
  const std::size_t peer = into.peers.size() - 1;
  AttributeWalk walk(attributes);
  for (Attribute a; walk.next(a);)
    if (auto decoded = decode_allowed_ip(a.payload, into.add_allowed_ip(peer)); !decoded)
      return decoded;
  if (!walk.ok()) return malformed_nest("WGPEER_A_ALLOWEDIPS");
  return {};
}

/// @param peer  the last one of `into`.
Result<> decode_peer_attribute(const Attribute& a, Device& into, Peer& peer) {
  switch (a.type) {
    case WGPEER_A_PRESHARED_KEY:
      if (a.payload.size() != kKeySize)
        return bad_length("WGPEER_A_PRESHARED_KEY", a.payload.size());
      peer.has_preshared_key = any_bit_set(a.payload.first<kKeySize>());
      return {};
    case WGPEER_A_ENDPOINT: return decode_endpoint(a.payload, peer.endpoint.emplace());
    case WGPEER_A_PERSISTENT_KEEPALIVE_INTERVAL:
      return read_attribute(a, "WGPEER_A_PERSISTENT_KEEPALIVE_INTERVAL",
                            peer.persistent_keepalive_seconds);
    case WGPEER_A_LAST_HANDSHAKE_TIME: return decode_handshake(a, peer.last_handshake);
    case WGPEER_A_RX_BYTES: return read_attribute(a, "WGPEER_A_RX_BYTES", peer.receive_bytes);
    case WGPEER_A_TX_BYTES: return read_attribute(a, "WGPEER_A_TX_BYTES", peer.transmit_bytes);
    case WGPEER_A_PROTOCOL_VERSION: {
      std::uint32_t version = 0;
      if (auto read = read_attribute(a, "WGPEER_A_PROTOCOL_VERSION", version); !read) return read;
      peer.protocol_version = static_cast<std::uint8_t>(std::min<std::uint32_t>(version, 255));
      return {};
    }
    case WGPEER_A_ALLOWEDIPS: return decode_allowed_ips(a.payload, into);
    default: return {};  // newer kernels may say more
  }
}

/// The last peer of `into` has a value that cannot be what it says.
[[gnu::cold]] void leave_out(Device& into, const Error& error, LeftOut& left_out) {
  left_out.last = into.peers.back().public_key;
  into.remove_last_peer();
  if (left_out.peers++ == 0) left_out.fault = error.context;
}

Result<> decode_peer(std::span<const std::byte> attributes, Device& into, LeftOut& left_out) {
  const auto key = find_key(attributes);
  if (!key) return tl::unexpected(key.error());
  if (into.peers.empty() || into.peers.back().public_key != *key) {
    if (left_out.last == *key) return {};
    into.peers.emplace_back();
    into.peers.back().public_key = *key;
  }
  Peer& peer = into.peers.back();
  AttributeWalk walk(attributes);
  for (Attribute a; walk.next(a);)
    if (auto decoded = decode_peer_attribute(a, into, peer); !decoded) {
      if (decoded.error().code != Errc::bad_value) return decoded;
      leave_out(into, decoded.error(), left_out);
      return {};
    }
  if (!walk.ok()) return malformed_nest("WGDEVICE_A_PEERS");
  return {};
}

Result<> decode_peers(std::span<const std::byte> attributes, Device& into, LeftOut& left_out) {
  AttributeWalk walk(attributes);
  for (Attribute a; walk.next(a);)
    if (auto decoded = decode_peer(a.payload, into, left_out); !decoded) return decoded;
  if (!walk.ok()) return malformed_nest("WGDEVICE_A_PEERS");
  return {};
}

/// Says what an errno of WireGuard's dump means here.
Error explain(Error error, const std::string& name) {
  switch (error.sys_errno) {
    case EPERM:
      error.context = fmt::format(
          "read {}: not permitted (needs CAP_NET_ADMIN in its network namespace)", name);
      break;
    case ENODEV:
    case EOPNOTSUPP:
      error.code = Errc::no_device;
      error.context =
          fmt::format("read {}: there is no such WireGuard interface, or no longer", name);
      break;
    default: error.context = fmt::format("read {}: {}", name, error.context);
  }
  return error;
}

}  // namespace

Result<> decode_device_message(std::span<const std::byte> attributes, Device& into,
                               LeftOut& left_out) {
  AttributeWalk walk(attributes);
  for (Attribute a; walk.next(a);) {
    Result<> decoded;
    switch (a.type) {
      case WGDEVICE_A_PRIVATE_KEY:
        if (a.payload.size() != kKeySize)
          decoded = bad_length("WGDEVICE_A_PRIVATE_KEY", a.payload.size());
        break;
      case WGDEVICE_A_PUBLIC_KEY: {
        PublicKey key;
        decoded = read_attribute(a, "WGDEVICE_A_PUBLIC_KEY", key.bytes);
        into.public_key = key;
        break;
      }
      case WGDEVICE_A_LISTEN_PORT:
        decoded = read_attribute(a, "WGDEVICE_A_LISTEN_PORT", into.listen_port);
        break;
      case WGDEVICE_A_FWMARK: decoded = read_attribute(a, "WGDEVICE_A_FWMARK", into.fwmark); break;
      case WGDEVICE_A_PEERS: decoded = decode_peers(a.payload, into, left_out); break;
      default: break;
    }
    if (!decoded) return decoded;
  }
  if (!walk.ok()) return malformed_nest("WG_CMD_GET_DEVICE");
  return {};
}

Result<std::uint16_t> resolve_wireguard_family(Instant deadline, std::span<std::byte> buffer) {
  Request request(GENL_ID_CTRL, NLM_F_REQUEST | NLM_F_ACK);
  request.put_generic_header(CTRL_CMD_GETFAMILY, 1);
  request.put_string(CTRL_ATTR_FAMILY_NAME, WG_GENL_NAME);

  std::uint16_t family = 0;
  const auto on_message = [&](std::uint16_t, std::span<const std::byte> payload) -> Result<> {
    if (payload.size() < sizeof(genlmsghdr))
      return fail(Errc::truncated, "a generic netlink message without its header");
    AttributeWalk walk(payload.subspan(sizeof(genlmsghdr)));
    for (Attribute a; walk.next(a);)
      if (a.type == CTRL_ATTR_FAMILY_ID) return read_attribute(a, "CTRL_ATTR_FAMILY_ID", family);
    return {};
  };
  auto asked = ask_kernel(NETLINK_GENERIC, request, deadline, buffer, on_message);
  if (!asked && asked.error().sys_errno == ENOENT)
    return fail(Errc::unsupported, "this kernel has no WireGuard (module not loaded)", ENOENT);
  if (!asked) return tl::unexpected(asked.error());
  if (family == 0) return fail(Errc::missing_key, "the kernel's answer has no CTRL_ATTR_FAMILY_ID");
  return family;
}

Result<> read_device(std::uint16_t family, std::uint32_t ifindex, Instant deadline,
                     std::span<std::byte> buffer, Device& into, LeftOut& left_out) {
  const auto on_message = [&](std::uint16_t type, std::span<const std::byte> payload) -> Result<> {
    if (type != family) return {};
    if (payload.size() < sizeof(genlmsghdr))
      return fail(Errc::truncated, "a generic netlink message without its header");
    return decode_device_message(payload.subspan(sizeof(genlmsghdr)), into, left_out);
  };
  for (int attempt = 1;; ++attempt) {
    into.peers.clear();
    into.allowed_ips.clear();
    into.public_key.reset();
    left_out = {};
    Request request(family, NLM_F_REQUEST | NLM_F_DUMP);
    request.put_generic_header(WG_CMD_GET_DEVICE, WG_GENL_VERSION);
    request.put_u32(WGDEVICE_A_IFINDEX, ifindex);
    auto asked = ask_kernel(NETLINK_GENERIC, request, deadline, buffer, on_message);
    if (asked) return asked;
    if (asked.error().code != Errc::interrupted || attempt == kDumpAttempts)
      return tl::unexpected(explain(std::move(asked).error(), into.name));
  }
}

}  // namespace wgscope::netlink
