#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <netinet/in.h>
#include <optional>
#include <ostream>
#include <span>
#include <string>
#include <string_view>
#include <sys/socket.h>
#include <utility>
#include <vector>

#include <gtest/gtest.h>
#include <linux/wireguard.h>

#include "wgscope/base/result.hpp"
#include "wgscope/model/device.hpp"
#include "wgscope/source/netlink/wireguard.hpp"

#include "attribute_builder.hpp"
#include "device_message_fixture.hpp"

namespace wgscope::netlink {
namespace {

using namespace std::chrono_literals;
using testing::attribute_header;
using testing::Attributes;
using testing::Bytes;
using testing::bytes_of;
using testing::join;
using testing::repeat;

TEST(DeviceMessage, GivesTheInterfaceItsOwnAttributes) {
  const auto device = decode({Attributes()
                                  .put(WGDEVICE_A_IFINDEX, std::uint32_t{5})
                                  .put_string(WGDEVICE_A_IFNAME, "wg0")
                                  .put(WGDEVICE_A_PRIVATE_KEY, repeat(32, 9))
                                  .put(WGDEVICE_A_PUBLIC_KEY, repeat(32, 3))
                                  .put(WGDEVICE_A_LISTEN_PORT, std::uint16_t{51820})
                                  .put(WGDEVICE_A_FWMARK, std::uint32_t{0xca6c})
                                  .nest(WGDEVICE_A_PEERS, {})});
  ASSERT_TRUE(device) << reason(device);
  EXPECT_EQ(device->public_key, key_of(3));
  EXPECT_EQ(device->listen_port, 51820);
  EXPECT_EQ(device->fwmark, 0xca6cU);
  EXPECT_TRUE(device->peers.empty());
}

TEST(DeviceMessage, HasNoPublicKeyWithoutIdentity) {
  const auto device = decode({Attributes().put(WGDEVICE_A_LISTEN_PORT, std::uint16_t{1})});
  ASSERT_TRUE(device);
  EXPECT_FALSE(device->public_key);
}

TEST(DeviceMessage, GivesAPeerAllItsAttributes) {
  const std::array<std::int64_t, 2> handshake{1'700'000'000, 123'456'789};
  const auto device = decode_peer(
      peer(1)
          .put(WGPEER_A_PRESHARED_KEY, repeat(32, 7))
          .put(WGPEER_A_PERSISTENT_KEEPALIVE_INTERVAL, std::uint16_t{25})
          .put(WGPEER_A_LAST_HANDSHAKE_TIME, bytes_of(handshake))
          .put(WGPEER_A_RX_BYTES, std::uint64_t{0x8000000000000005})
          .put(WGPEER_A_TX_BYTES, std::uint64_t{0xffffffffffffffff})
          .put(WGPEER_A_PROTOCOL_VERSION, std::uint32_t{1})
          .nest(WGPEER_A_ALLOWEDIPS, list({ip({10, 0, 0, 0}, 8), ip({10, 1, 2, 3}, 32)})));
  ASSERT_TRUE(device) << reason(device);
  ASSERT_EQ(device->peers.size(), 1U);
  const Peer& read = device->peers[0];
  EXPECT_EQ(read.public_key, key_of(1));
  EXPECT_TRUE(read.has_preshared_key);
  EXPECT_EQ(read.persistent_keepalive_seconds, 25);
  EXPECT_EQ(read.last_handshake, WallTime{1'700'000'000s + 123'456'789ns});
  EXPECT_EQ(read.receive_bytes, 0x8000000000000005U);
  EXPECT_EQ(read.transmit_bytes, UINT64_MAX);
  EXPECT_EQ(read.protocol_version, 1);
  EXPECT_FALSE(read.endpoint);
  EXPECT_EQ(allowed_ips(*device, 0), (std::vector<std::string>{"10.0.0.0/8", "10.1.2.3/32"}));
}

TEST(DeviceMessage, FindsAPeersKeyWhereverItStands) {
  const auto device = decode_peer(Attributes()
                                      .put(WGPEER_A_RX_BYTES, std::uint64_t{5})
                                      .put(WGPEER_A_PUBLIC_KEY, repeat(32, 1)));
  ASSERT_TRUE(device);
  EXPECT_EQ(device->peers[0].receive_bytes, 5U);
}

TEST(DeviceMessage, TakesAPresharedKeyOfZerosAsNone) {
  EXPECT_FALSE(
      decode_peer(peer(1).put(WGPEER_A_PRESHARED_KEY, repeat(32, 0)))->peers[0].has_preshared_key);
  Bytes last_bit = repeat(32, 0);
  last_bit[31] = std::byte{1};
  EXPECT_TRUE(
      decode_peer(peer(1).put(WGPEER_A_PRESHARED_KEY, last_bit))->peers[0].has_preshared_key);
  EXPECT_FALSE(decode_peer(peer(1))->peers[0].has_preshared_key) << "not sent at all";
}

TEST(DeviceMessage, ReadsEndpointsOfBothFamilies) {
  sockaddr_in v4{};
  v4.sin_family = AF_INET;
  v4.sin_port = htons(51820);
  v4.sin_addr.s_addr = htonl(0xc0000201);
  sockaddr_in6 v6{};
  v6.sin6_family = AF_INET6;
  v6.sin6_port = htons(443);
  v6.sin6_addr.s6_addr[0] = 0xfe;
  v6.sin6_addr.s6_addr[1] = 0x80;
  v6.sin6_addr.s6_addr[15] = 1;
  v6.sin6_scope_id = 3;
  EXPECT_EQ(
      decode_peer(peer(1).put(WGPEER_A_ENDPOINT, bytes_of(v4)))->peers[0].endpoint->to_string(),
      "192.0.2.1:51820");
  EXPECT_EQ(
      decode_peer(peer(1).put(WGPEER_A_ENDPOINT, bytes_of(v6)))->peers[0].endpoint->to_string(),
      "[fe80::1%3]:443");
}

TEST(DeviceMessage, ReadsAllowedIpsOfBothFamiliesAndEveryLength) {
  const auto device = decode_peer(peer(1).nest(
      WGPEER_A_ALLOWEDIPS, list({ip({0, 0, 0, 0}, 0), ip({192, 0, 2, 1}, 32),
                                 ip({0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, 0),
                                 ip({0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}, 128)})));
  ASSERT_TRUE(device) << reason(device);
  EXPECT_EQ(allowed_ips(*device, 0),
            (std::vector<std::string>{"0.0.0.0/0", "192.0.2.1/32", "::/0", "fd00::1/128"}));
}

TEST(DeviceMessage, HasNoHandshakeWhereBothHalvesAreZero) {
  const std::array<std::int64_t, 2> never{0, 0};
  const std::array<std::int64_t, 2> first_nanosecond{0, 1};
  EXPECT_FALSE(decode_peer(peer(1).put(WGPEER_A_LAST_HANDSHAKE_TIME, bytes_of(never)))
                   ->peers[0]
                   .last_handshake);
  EXPECT_EQ(decode_peer(peer(1).put(WGPEER_A_LAST_HANDSHAKE_TIME, bytes_of(first_nanosecond)))
                ->peers[0]
                .last_handshake,
            WallTime{1ns});
}

TEST(DeviceMessage, SkipsAttributesItDoesNotKnow) {
  const Attributes allowed = ip({10, 0, 0, 0}, 8).put(99, repeat(3, 1));
  const auto device = decode(
      {Attributes()
           .put(200, repeat(7, 1))
           .put(WGDEVICE_A_FLAGS, std::uint8_t{1})
           .nest(WGDEVICE_A_PEERS, list({peer(1)
                                             .put(201, repeat(5, 2))
                                             .put(WGPEER_A_FLAGS, std::uint8_t{1})
                                             .nest(WGPEER_A_ALLOWEDIPS, list({allowed}))}))});
  ASSERT_TRUE(device) << reason(device);
  EXPECT_EQ(allowed_ips(*device, 0), (std::vector<std::string>{"10.0.0.0/8"}));
}

TEST(DeviceMessage, ClampsAProtocolVersionFromTheFuture) {
  EXPECT_EQ(decode_peer(peer(1).put(WGPEER_A_PROTOCOL_VERSION, std::uint32_t{0x10001}))
                ->peers[0]
                .protocol_version,
            255);
}

TEST(DeviceMessage,
     TakesRepeatedDeviceAttributesAsTheSame) {  // as when the first peer overflows its message
  const Attributes device_part = Attributes()
                                     .put(WGDEVICE_A_PUBLIC_KEY, repeat(32, 3))
                                     .put(WGDEVICE_A_LISTEN_PORT, std::uint16_t{7});
  Attributes first = device_part;
  first.nest(WGDEVICE_A_PEERS,
             list({peer(1)
                       .put(WGPEER_A_RX_BYTES, std::uint64_t{5})
                       .nest(WGPEER_A_ALLOWEDIPS, list({ip({10, 0, 0, 1}, 32)}))}));
  Attributes second = device_part;
  second.nest(WGDEVICE_A_PEERS,
              list({peer(1).nest(WGPEER_A_ALLOWEDIPS, list({ip({10, 0, 0, 2}, 32)})), peer(2)}));
  const auto device = decode({first, second});
  ASSERT_TRUE(device);
  EXPECT_EQ(device->public_key, key_of(3));
  EXPECT_EQ(device->listen_port, 7);
  ASSERT_EQ(device->peers.size(), 2U);
  EXPECT_EQ(device->peers[0].receive_bytes, 5U);
  EXPECT_EQ(allowed_ips(*device, 0), (std::vector<std::string>{"10.0.0.1/32", "10.0.0.2/32"}));
}

TEST(DeviceMessage, MergesAContinuedPeerAndZeroesNothing) {
  sockaddr_in endpoint{};
  endpoint.sin_family = AF_INET;
  endpoint.sin_port = htons(9);
  const std::array<std::int64_t, 2> handshake{100, 0};
  const Attributes whole = peer(2)
                               .put(WGPEER_A_PRESHARED_KEY, repeat(32, 7))
                               .put(WGPEER_A_ENDPOINT, bytes_of(endpoint))
                               .put(WGPEER_A_PERSISTENT_KEEPALIVE_INTERVAL, std::uint16_t{25})
                               .put(WGPEER_A_LAST_HANDSHAKE_TIME, bytes_of(handshake))
                               .put(WGPEER_A_RX_BYTES, std::uint64_t{5})
                               .put(WGPEER_A_TX_BYTES, std::uint64_t{6})
                               .put(WGPEER_A_PROTOCOL_VERSION, std::uint32_t{1})
                               .nest(WGPEER_A_ALLOWEDIPS, list({ip({10, 0, 0, 1}, 32)}));
  const Attributes more =
      peer(2).nest(WGPEER_A_ALLOWEDIPS, list({ip({10, 0, 0, 2}, 32), ip({10, 0, 0, 3}, 32)}));
  const auto device =
      decode({with_peers({peer(1), whole}), with_peers({more}), with_peers({more, peer(3)})});
  ASSERT_TRUE(device);
  ASSERT_EQ(device->peers.size(), 3U);
  const Peer& merged = device->peers[1];
  EXPECT_TRUE(merged.has_preshared_key);
  EXPECT_TRUE(merged.endpoint && merged.endpoint->port == 9);
  EXPECT_EQ(merged.persistent_keepalive_seconds, 25);
  EXPECT_EQ(merged.last_handshake, WallTime{100s});
  EXPECT_EQ(merged.receive_bytes, 5U);
  EXPECT_EQ(merged.transmit_bytes, 6U);
  EXPECT_EQ(merged.protocol_version, 1);
  EXPECT_EQ(allowed_ips(*device, 1),
            (std::vector<std::string>{"10.0.0.1/32", "10.0.0.2/32", "10.0.0.3/32", "10.0.0.2/32",
                                      "10.0.0.3/32"}));
}

TEST(DeviceMessage, KeepsPeersApartWhoseKeysDifferInOneBit) {
  PublicKey other = key_of(1);
  other.bytes[31] ^= std::byte{0x80};
  const auto device =
      decode({with_peers({peer(1), Attributes().put(WGPEER_A_PUBLIC_KEY, other.bytes)})});
  ASSERT_TRUE(device);
  EXPECT_EQ(device->peers.size(), 2U);
}

TEST(DeviceMessage, RejectsAPeerWithoutKey) {
  EXPECT_EQ(reason(decode_peer(Attributes().put(WGPEER_A_RX_BYTES, std::uint64_t{5}))),
            "missing_key: a peer without WGPEER_A_PUBLIC_KEY");
  EXPECT_EQ(reason(decode_peer({})), "missing_key: a peer without WGPEER_A_PUBLIC_KEY");
}

struct Malformed {
  std::string_view name;  ///< of the attribute, as the error must name it
  Errc code;
  Attributes message;
};

Attributes in_peer(std::uint16_t type, const Bytes& payload) {
  return with_peers({peer(1).put(type, payload)});
}
Attributes in_allowed_ip(const Attributes& attributes) {
  return with_peers({peer(1).nest(WGPEER_A_ALLOWEDIPS, list({attributes}))});
}

/// Every attribute of a fixed size, in sizes around it.
std::vector<Malformed> wrong_lengths() {
  struct Fixed {
    std::string_view name;
    std::size_t size;
    Attributes (*message)(const Bytes& payload);
  };
  const Fixed fixed[] = {
      {"WGDEVICE_A_PRIVATE_KEY", 32,
       [](const Bytes& b) { return Attributes().put(WGDEVICE_A_PRIVATE_KEY, b); }},
      {"WGDEVICE_A_PUBLIC_KEY", 32,
       [](const Bytes& b) { return Attributes().put(WGDEVICE_A_PUBLIC_KEY, b); }},
      {"WGDEVICE_A_LISTEN_PORT", 2,
       [](const Bytes& b) { return Attributes().put(WGDEVICE_A_LISTEN_PORT, b); }},
      {"WGDEVICE_A_FWMARK", 4,
       [](const Bytes& b) { return Attributes().put(WGDEVICE_A_FWMARK, b); }},
      {"WGPEER_A_PUBLIC_KEY", 32,
       [](const Bytes& b) { return with_peers({Attributes().put(WGPEER_A_PUBLIC_KEY, b)}); }},
      {"WGPEER_A_PRESHARED_KEY", 32,
       [](const Bytes& b) { return in_peer(WGPEER_A_PRESHARED_KEY, b); }},
      {"WGPEER_A_PERSISTENT_KEEPALIVE_INTERVAL", 2,
       [](const Bytes& b) { return in_peer(WGPEER_A_PERSISTENT_KEEPALIVE_INTERVAL, b); }},
      {"WGPEER_A_LAST_HANDSHAKE_TIME", 16,
       [](const Bytes& b) { return in_peer(WGPEER_A_LAST_HANDSHAKE_TIME, b); }},
      {"WGPEER_A_RX_BYTES", 8, [](const Bytes& b) { return in_peer(WGPEER_A_RX_BYTES, b); }},
      {"WGPEER_A_TX_BYTES", 8, [](const Bytes& b) { return in_peer(WGPEER_A_TX_BYTES, b); }},
      {"WGPEER_A_PROTOCOL_VERSION", 4,
       [](const Bytes& b) { return in_peer(WGPEER_A_PROTOCOL_VERSION, b); }},
      {"WGALLOWEDIP_A_FAMILY", 2,
       [](const Bytes& b) { return in_allowed_ip(Attributes().put(WGALLOWEDIP_A_FAMILY, b)); }},
      {"WGALLOWEDIP_A_CIDR_MASK", 1,
       [](const Bytes& b) { return in_allowed_ip(Attributes().put(WGALLOWEDIP_A_CIDR_MASK, b)); }},
      {"WGALLOWEDIP_A_IPADDR", 4,
       [](const Bytes& b) {
         return in_allowed_ip(Attributes()
                                  .put(WGALLOWEDIP_A_FAMILY, std::uint16_t{AF_INET})
                                  .put(WGALLOWEDIP_A_IPADDR, b));
       }},
      {"WGALLOWEDIP_A_IPADDR", 16,
       [](const Bytes& b) {
         return in_allowed_ip(Attributes()
                                  .put(WGALLOWEDIP_A_FAMILY, std::uint16_t{AF_INET6})
                                  .put(WGALLOWEDIP_A_IPADDR, b));
       }},
  };
  std::vector<Malformed> cases;
  for (const Fixed& attribute : fixed)
    for (const std::size_t size : {std::size_t{0}, attribute.size - 1, attribute.size + 1,
                                   attribute.size * 2, std::size_t{300}})
      cases.push_back({attribute.name, Errc::bad_length, attribute.message(repeat(size, 1))});
  return cases;
}

std::vector<Malformed> wrong_values() {
  const auto endpoint = [](std::uint16_t family, std::size_t size) {
    Bytes bytes = repeat(size, 0);
    std::memcpy(bytes.data(), &family, sizeof family);
    return in_peer(WGPEER_A_ENDPOINT, bytes);
  };
  return {
      {"WGPEER_A_ENDPOINT", Errc::bad_length, in_peer(WGPEER_A_ENDPOINT, {})},
      {"WGPEER_A_ENDPOINT", Errc::bad_length, in_peer(WGPEER_A_ENDPOINT, repeat(1, 2))},
      {"WGPEER_A_ENDPOINT", Errc::bad_value, endpoint(AF_UNSPEC, sizeof(sockaddr_in))},
      {"WGPEER_A_ENDPOINT", Errc::bad_value, endpoint(AF_INET, sizeof(sockaddr_in) - 1)},
      {"WGPEER_A_ENDPOINT", Errc::bad_value, endpoint(AF_INET, sizeof(sockaddr_in6))},
      {"WGPEER_A_ENDPOINT", Errc::bad_value, endpoint(AF_INET6, sizeof(sockaddr_in))},
      {"WGPEER_A_ENDPOINT", Errc::bad_value, endpoint(AF_INET6, sizeof(sockaddr_in6) - 4)},
      {"WGPEER_A_ENDPOINT", Errc::bad_value, endpoint(AF_INET6, sizeof(sockaddr_storage))},
      {"WGPEER_A_ENDPOINT", Errc::bad_value, endpoint(AF_UNIX, sizeof(sockaddr_in))},
      {"WGALLOWEDIP_A_FAMILY", Errc::bad_value, in_allowed_ip({})},
      {"WGALLOWEDIP_A_FAMILY", Errc::bad_value,
       in_allowed_ip(Attributes().put(WGALLOWEDIP_A_FAMILY, std::uint16_t{AF_UNIX}))},
      {"WGALLOWEDIP_A_IPADDR", Errc::bad_length,
       in_allowed_ip(Attributes().put(WGALLOWEDIP_A_FAMILY, std::uint16_t{AF_INET}))},
      {"WGALLOWEDIP_A_CIDR_MASK", Errc::bad_value, in_allowed_ip(ip({10, 0, 0, 0}, 33))},
      {"WGALLOWEDIP_A_CIDR_MASK", Errc::bad_value, in_allowed_ip(ip({10, 0, 0, 0}, 255))},
      {"WGALLOWEDIP_A_CIDR_MASK", Errc::bad_value,
       in_allowed_ip(ip({0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}, 129))},
  };
}

std::vector<Malformed> nested_garbage() {
  const Bytes garbage = attribute_header(2, 7);
  const Bytes overlong = attribute_header(4000, 7);
  return {
      {"WG_CMD_GET_DEVICE", Errc::bad_length,
       Attributes().put(WGDEVICE_A_FWMARK, std::uint32_t{1}).raw(garbage)},
      {"WG_CMD_GET_DEVICE", Errc::bad_length, Attributes().raw(overlong)},
      {"WG_CMD_GET_DEVICE", Errc::bad_length, Attributes().raw(repeat(3, 0))},
      {"WGDEVICE_A_PEERS", Errc::bad_length,
       with_peers({peer(1)}).nest(WGDEVICE_A_PEERS, Attributes().raw(garbage))},
      {"WGDEVICE_A_PEERS", Errc::bad_length, with_peers({peer(1).raw(garbage)})},
      {"WGDEVICE_A_PEERS", Errc::bad_length, with_peers({peer(1).raw(overlong)})},
      {"WGPEER_A_ALLOWEDIPS", Errc::bad_length,
       with_peers({peer(1).nest(WGPEER_A_ALLOWEDIPS, Attributes().raw(garbage))})},
      {"WGPEER_A_ALLOWEDIPS", Errc::bad_length, in_allowed_ip(ip({10, 0, 0, 0}, 8).raw(overlong))},
  };
}

void expect_rejected(const std::vector<Malformed>& cases) {
  for (const Malformed& tested : cases) {
    LeftOut left_out;
    const auto device = decode({tested.message}, left_out);
    if (tested.code == Errc::bad_value) {
      ASSERT_TRUE(device) << reason(device);
      EXPECT_TRUE(device->peers.empty()) << tested.name;
      EXPECT_NE(left_out.fault.find(tested.name), std::string::npos) << left_out.fault;
      continue;
    }
    ASSERT_FALSE(device) << tested.name;
    EXPECT_EQ(device.error().code, tested.code) << reason(device);
    EXPECT_NE(device.error().context.find(tested.name), std::string::npos)
        << tested.name << " is not in: " << reason(device);
  }
}

TEST(DeviceMessage, RejectsEachAttributeOfAWrongLengthByName) { expect_rejected(wrong_lengths()); }
TEST(DeviceMessage, RejectsEachAttributeOfAWrongValueByName) { expect_rejected(wrong_values()); }
TEST(DeviceMessage, RejectsGarbageAtEveryDepth) { expect_rejected(nested_garbage()); }

TEST(DeviceMessage, NeverRepeatsAKeyInAnError) {
  // A preshared key one byte too short, an interface's private key one byte too long.
  for (const Attributes& message : {in_peer(WGPEER_A_PRESHARED_KEY, repeat(31, 'S')),
                                    Attributes().put(WGDEVICE_A_PRIVATE_KEY, repeat(33, 'S'))}) {
    const auto device = decode({message});
    ASSERT_FALSE(device);
    EXPECT_EQ(device.error().context.find("SSS"), std::string::npos);
    EXPECT_EQ(device.error().context.find("5353"), std::string::npos);
  }
}

TEST(DeviceMessage, DecodesFromAnyAlignment) {
  const Attributes whole =
      with_peers({peer(1)
                      .put(WGPEER_A_RX_BYTES, std::uint64_t{5})
                      .nest(WGPEER_A_ALLOWEDIPS, list({ip({10, 0, 0, 1}, 32)}))});
  for (std::size_t shift = 0; shift < 8; ++shift) {
    const Bytes shifted = join({repeat(shift, 0), whole.bytes()});
    Device device;
    LeftOut left_out;
    ASSERT_TRUE(decode_device_message(std::span(shifted).subspan(shift), device, left_out));
    EXPECT_EQ(device.peers[0].receive_bytes, 5U);
  }
}

TEST(DeviceMessage, RejectsOrReadsEveryTruncation) {
  const Attributes whole =
      with_peers({peer(1)
                      .put(WGPEER_A_RX_BYTES, std::uint64_t{5})
                      .nest(WGPEER_A_ALLOWEDIPS, list({ip({10, 0, 0, 1}, 32)}))});
  for (std::size_t size = 1; size < whole.bytes().size(); ++size) {
    const Bytes cut(whole.bytes().begin(),
                    whole.bytes().begin() + static_cast<std::ptrdiff_t>(size));
    Device device;
    LeftOut left_out;
    EXPECT_FALSE(decode_device_message(cut, device, left_out)) << size;
  }
}

}  // namespace
}  // namespace wgscope::netlink
