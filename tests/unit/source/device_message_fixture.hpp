#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <netinet/in.h>
#include <string>
#include <sys/socket.h>
#include <vector>

#include <gtest/gtest.h>
#include <linux/wireguard.h>

#include "wgscope/base/result.hpp"
#include "wgscope/model/device.hpp"
#include "wgscope/source/netlink/wireguard.hpp"

#include "attribute_builder.hpp"

// Messages as WireGuard's dump has them.
namespace wgscope::netlink {

using testing::Attributes;
using testing::Bytes;
using testing::repeat;

inline PublicKey key_of(unsigned char value) {
  PublicKey key;
  key.bytes.fill(std::byte{value});
  return key;
}

inline Attributes peer(unsigned char key) {
  return Attributes().put(WGPEER_A_PUBLIC_KEY, repeat(32, key));
}

inline Attributes ip(std::initializer_list<unsigned char> address, std::uint8_t bits) {
  Bytes bytes;
  for (const unsigned char b : address) bytes.push_back(std::byte{b});
  const std::uint16_t family = bytes.size() == 4 ? AF_INET : AF_INET6;
  return Attributes()
      .put(WGALLOWEDIP_A_FAMILY, family)
      .put(WGALLOWEDIP_A_IPADDR, bytes)
      .put(WGALLOWEDIP_A_CIDR_MASK, bits);
}

/// Nested attributes in a list, numbered from 0 as the kernel does.
inline Attributes list(const std::vector<Attributes>& items) {
  Attributes all;
  for (std::size_t i = 0; i < items.size(); ++i) all.nest(static_cast<std::uint16_t>(i), items[i]);
  return all;
}

inline Attributes with_peers(const std::vector<Attributes>& peers) {
  return Attributes().nest(WGDEVICE_A_PEERS, list(peers));
}

inline Result<Device> decode(const std::vector<Attributes>& messages, LeftOut& left_out) {
  Device device;
  for (const Attributes& message : messages)
    if (auto decoded = decode_device_message(message.bytes(), device, left_out); !decoded)
      return tl::unexpected(decoded.error());
  return device;
}

inline Result<Device> decode(const std::vector<Attributes>& messages) {
  LeftOut left_out;
  auto device = decode(messages, left_out);
  EXPECT_EQ(left_out.peers, 0U) << left_out.fault;
  return device;
}

inline Result<Device> decode_peer(const Attributes& attributes) {
  return decode({with_peers({attributes})});
}

inline std::vector<std::string> allowed_ips(const Device& device, std::size_t index) {
  std::vector<std::string> shown;
  for (const Prefix& prefix : device.allowed_ips_of(device.peers[index]))
    shown.push_back(prefix.to_string());
  return shown;
}

inline std::string reason(const Result<Device>& decoded) {
  return decoded ? "decoded"
                 : std::string(to_string(decoded.error().code)) + ": " + decoded.error().context;
}

}  // namespace wgscope::netlink
