#include "workload.hpp"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <netinet/in.h>
#include <random>
#include <span>
#include <string>
#include <string_view>
#include <sys/socket.h>
#include <vector>

#include <fmt/format.h>
#include <linux/genetlink.h>
#include <linux/netlink.h>
#include <linux/wireguard.h>

#include "wgscope/base/time.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/model/device.hpp"

#include "source/attribute_builder.hpp"

namespace wgscope::bench {
namespace {

using netlink::testing::Attributes;
using netlink::testing::Bytes;
using netlink::testing::bytes_of;
using netlink::testing::join;
using netlink::testing::message;
using netlink::testing::repeat;
using std::chrono::seconds;

constexpr seconds kSessionLife{180};
constexpr std::uint64_t kFirstPort = 10'000;  // so that every port has five digits
constexpr std::uint64_t kPorts = 50'000;

std::uint64_t below(std::mt19937_64& random, std::uint64_t limit) { return random() % limit; }

void fill(std::mt19937_64& random, std::span<std::byte> bytes) {
  for (std::byte& b : bytes) b = static_cast<std::byte>(random());
}

/// A counter of 7 to 13 digits, the first at most 4, so that it can grow without another digit.
std::uint64_t counter(std::mt19937_64& random) {
  std::uint64_t value = 1 + below(random, 4);
  for (std::uint64_t digits = 6 + below(random, 7); digits > 0; --digits)
    value = 10 * value + below(random, 10);
  return value;
}

Endpoint endpoint(std::mt19937_64& random, bool v6) {
  Endpoint endpoint;
  endpoint.address.family = v6 ? Family::v6 : Family::v4;
  fill(random, std::span(endpoint.address.bytes).first(v6 ? 16 : 4));
  if (v6) {
    endpoint.address.bytes[0] = std::byte{0x20};
    endpoint.address.bytes[1] = std::byte{0x01};
  }
  endpoint.port = static_cast<std::uint16_t>(kFirstPort + below(random, kPorts));
  return endpoint;
}

/// 10.x.y.z/32 and fd77:6773::x:y:z/128 of the peer's number.
void add_allowed_ips(Device& device, std::size_t index) {
  Prefix v4;
  v4.bits = 32;
  v4.address.bytes[0] = std::byte{10};
  Prefix v6;
  v6.bits = 128;
  v6.address.family = Family::v6;
  constexpr std::uint8_t kSite[] = {0xfd, 0x77, 0x67, 0x73};
  for (std::size_t i = 0; i < std::size(kSite); ++i) v6.address.bytes[i] = std::byte{kSite[i]};
  for (std::size_t i = 0; i < 3; ++i) {
    const auto part = static_cast<std::byte>((index + 2) >> (8 * i));
    v4.address.bytes[3 - i] = part;
    v6.address.bytes[15 - 2 * i] = part;
  }
  device.add_allowed_ip(index, v4);
  device.add_allowed_ip(index, v6);
}

std::string hex(std::span<const std::byte> bytes) {
  std::string text;
  for (const std::byte b : bytes) text += fmt::format("{:02x}", std::to_integer<unsigned>(b));
  return text;
}

}  // namespace

Device make_device(std::string_view name, std::size_t peers, WallTime now) {
  std::mt19937_64 random(peers);
  Device device;
  device.name = name;
  device.implementation = Implementation::userspace;
  device.listen_port = 51820;
  device.public_key.emplace();
  fill(random, device.public_key->bytes);
  for (std::size_t i = 0; i < peers; ++i) {
    Peer& peer = device.peers.emplace_back();
    fill(random, peer.public_key.bytes);
    peer.protocol_version = 1;
    peer.has_preshared_key = i % 2 == 0;
    peer.persistent_keepalive_seconds = i % 4 == 0 ? 25 : 0;
    peer.endpoint = endpoint(random, i % 8 == 3);
    peer.transmit_bytes = counter(random);
    add_allowed_ips(device, i);
    if (i % 20 == 7) continue;  // never answered
    peer.receive_bytes = counter(random);
    const bool live = i % 4 != 1;
    const seconds age =
        live ? seconds(below(random, 120)) : kSessionLife + seconds(below(random, 30 * 86'400));
    peer.last_handshake =
        WallTime{now.since_epoch - age + Nanoseconds(below(random, 1'000'000'000))};
  }
  return device;
}

UapiAnswer::UapiAnswer(const Device& device) {
  text_ = fmt::format("private_key={:0>64}\n", 77);
  append("listen_port", device.listen_port);
  for (std::size_t i = 0; i < device.peers.size(); ++i)
    peers_.push_back(append_peer(device, device.peers[i], i % 4 != 1));
  text_ += "errno=0\n\n";
}

UapiAnswer::Digits UapiAnswer::append(std::string_view key, std::uint64_t value) {
  const std::string digits = fmt::to_string(value);
  text_.append(key).append("=").append(digits).append("\n");
  return {text_.size() - digits.size() - 1, digits.size()};
}

UapiAnswer::Places UapiAnswer::append_peer(const Device& device, const Peer& peer, bool live) {
  const auto handshake = peer.last_handshake.value_or(WallTime{}).since_epoch;
  const auto whole = std::chrono::duration_cast<seconds>(handshake);
  Places places;
  const std::string preshared(64, peer.has_preshared_key ? 'b' : '0');
  text_ += fmt::format("public_key={}\npreshared_key={}\nprotocol_version=1\nendpoint={}\n",
                       hex(peer.public_key.bytes), preshared, peer.endpoint->to_string());
  places.port = {text_.size() - 6, 5};
  places.handshake = append("last_handshake_time_sec", static_cast<std::uint64_t>(whole.count()));
  append("last_handshake_time_nsec", static_cast<std::uint64_t>((handshake - whole).count()));
  places.sent = append("tx_bytes", peer.transmit_bytes);
  places.received = append("rx_bytes", peer.receive_bytes);
  append("persistent_keepalive_interval", peer.persistent_keepalive_seconds);
  for (const Prefix& prefix : device.allowed_ips_of(peer))
    text_ += fmt::format("allowed_ip={}\n", prefix.to_string());
  places.live = live && peer.last_handshake;
  return places;
}

void UapiAnswer::add(Digits digits, std::uint64_t delta) {
  std::uint64_t value = 0;
  std::from_chars(text_.data() + digits.at, text_.data() + digits.at + digits.width, value);
  set(digits, value + delta);
}

void UapiAnswer::set(Digits digits, std::uint64_t value) {
  for (std::size_t i = digits.width; i > 0; --i, value /= 10)
    text_[digits.at + i - 1] = static_cast<char>('0' + value % 10);
}

void UapiAnswer::change(WallTime now) {
  const auto second =
      static_cast<std::uint64_t>(std::chrono::duration_cast<seconds>(now.since_epoch).count());
  ++round_;
  for (std::size_t i = 0; i < peers_.size(); ++i) {
    const Places& peer = peers_[i];
    const std::uint64_t delta = 148 + below(random_, 100'000);
    add(peer.sent, delta);
    if (peer.received.width > 1) add(peer.received, delta / 3);
    if (peer.live && i % 4 == round_ % 4) set(peer.handshake, second);
    if (i % 100 == round_ % 100) set(peer.port, kFirstPort + below(random_, kPorts));
  }
}

namespace {

// The longest block that was seen of a real kernel (6.1, a reader with a buffer of 32 KiB).
constexpr std::size_t kBlock = 32'444;

Attributes allowed_ips(const Device& device, const Peer& peer) {
  Attributes list;
  for (const Prefix& prefix : device.allowed_ips_of(peer)) {
    Attributes one;
    one.put<std::uint16_t>(WGALLOWEDIP_A_FAMILY,
                           prefix.address.family == Family::v4 ? AF_INET : AF_INET6);
    one.put(WGALLOWEDIP_A_IPADDR, prefix.address.octets());
    one.put(WGALLOWEDIP_A_CIDR_MASK, prefix.bits);
    list.nest(0, one);
  }
  return list;
}

Bytes socket_address(const Endpoint& endpoint) {
  if (endpoint.address.family == Family::v4) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(endpoint.port);
    std::memcpy(&address.sin_addr, endpoint.address.bytes.data(), sizeof address.sin_addr);
    return bytes_of(address);
  }
  sockaddr_in6 address{};
  address.sin6_family = AF_INET6;
  address.sin6_port = htons(endpoint.port);
  std::memcpy(&address.sin6_addr, endpoint.address.bytes.data(), sizeof address.sin6_addr);
  return bytes_of(address);
}

/// In the order of get_peer(), drivers/net/wireguard/netlink.c.
Attributes peer_attributes(const Device& device, const Peer& peer) {
  struct {
    std::int64_t seconds, nanoseconds;
  } handshake{};
  if (peer.last_handshake) {
    handshake.seconds = peer.last_handshake->since_epoch.count() / 1'000'000'000;
    handshake.nanoseconds = peer.last_handshake->since_epoch.count() % 1'000'000'000;
  }
  Attributes attributes;
  attributes.put(WGPEER_A_PUBLIC_KEY, peer.public_key.bytes);
  attributes.put(WGPEER_A_PRESHARED_KEY, repeat(WG_KEY_LEN, peer.has_preshared_key ? 0xbb : 0));
  attributes.put(WGPEER_A_LAST_HANDSHAKE_TIME, bytes_of(handshake));
  attributes.put(WGPEER_A_PERSISTENT_KEEPALIVE_INTERVAL, peer.persistent_keepalive_seconds);
  attributes.put(WGPEER_A_TX_BYTES, peer.transmit_bytes);
  attributes.put(WGPEER_A_RX_BYTES, peer.receive_bytes);
  attributes.put<std::uint32_t>(WGPEER_A_PROTOCOL_VERSION, peer.protocol_version);
  if (peer.endpoint) attributes.put(WGPEER_A_ENDPOINT, socket_address(*peer.endpoint));
  attributes.nest(WGPEER_A_ALLOWEDIPS, allowed_ips(device, peer));
  return attributes;
}

Attributes device_attributes(const Device& device) {
  Attributes attributes;
  attributes.put(WGDEVICE_A_PRIVATE_KEY, repeat(WG_KEY_LEN, 0x77));
  attributes.put(WGDEVICE_A_PUBLIC_KEY, device.public_key->bytes);
  attributes.put(WGDEVICE_A_LISTEN_PORT, device.listen_port);
  attributes.put<std::uint32_t>(WGDEVICE_A_FWMARK, 0);
  attributes.put<std::uint32_t>(WGDEVICE_A_IFINDEX, 7);
  attributes.put_string(WGDEVICE_A_IFNAME, device.name);
  return attributes;
}

}  // namespace

std::vector<std::vector<std::byte>> netlink_dump(const Device& device, std::uint16_t family,
                                                 std::uint32_t sequence) {
  std::vector<Bytes> datagrams;
  Attributes attributes = device_attributes(device);
  Attributes peers;
  const auto send = [&] {
    attributes.nest(WGDEVICE_A_PEERS, peers);
    const genlmsghdr generic{WG_CMD_GET_DEVICE, WG_GENL_VERSION, 0};
    datagrams.push_back(
        message(family, NLM_F_MULTI, sequence, join({bytes_of(generic), attributes.bytes()})));
    attributes = {};
    peers = {};
  };
  for (const Peer& peer : device.peers) {
    const Attributes one = peer_attributes(device, peer);
    constexpr std::size_t kHeaders = sizeof(nlmsghdr) + sizeof(genlmsghdr) + 2 * sizeof(nlattr);
    if (kHeaders + attributes.bytes().size() + peers.bytes().size() + one.bytes().size() > kBlock)
      send();
    peers.nest(0, one);
  }
  send();
  datagrams.push_back(message(NLMSG_DONE, NLM_F_MULTI, sequence, bytes_of(0)));
  return datagrams;
}

}  // namespace wgscope::bench
