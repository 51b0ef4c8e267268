#include "wireguard.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <set>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gtest/gtest.h>

#include "wgscope/base/text.hpp"
#include "wgscope/os/clock.hpp"

namespace wgscope::test {
namespace {

constexpr std::string_view kNone = "(none)";
constexpr std::string_view kHidden = "(hidden)";

std::vector<std::string> split(const std::string& text, char separator) {
  std::vector<std::string> parts;
  std::istringstream in(text);
  for (std::string part; std::getline(in, part, separator);) parts.push_back(part);
  return parts;
}

std::string trimmed(const std::string& text) {
  return std::string(trim(text.substr(0, text.find('\n'))));
}

std::string as_text(const InterfaceConfig& config) {
  fmt::memory_buffer text;
  const auto out = fmt::appender(text);
  fmt::format_to(out, "[Interface]\n");
  if (!config.private_key.empty()) fmt::format_to(out, "PrivateKey = {}\n", config.private_key);
  if (config.listen_port != 0) fmt::format_to(out, "ListenPort = {}\n", config.listen_port);
  if (config.fwmark != 0) fmt::format_to(out, "FwMark = {}\n", config.fwmark);
  for (const PeerConfig& peer : config.peers) {
    fmt::format_to(out, "[Peer]\nPublicKey = {}\n", peer.public_key);
    if (!peer.preshared_key.empty()) fmt::format_to(out, "PresharedKey = {}\n", peer.preshared_key);
    if (!peer.endpoint.empty()) fmt::format_to(out, "Endpoint = {}\n", peer.endpoint);
    if (peer.keepalive != 0) fmt::format_to(out, "PersistentKeepalive = {}\n", peer.keepalive);
    if (!peer.allowed_ips.empty())
      fmt::format_to(out, "AllowedIPs = {}\n", fmt::join(peer.allowed_ips, ","));
  }
  return fmt::to_string(text);
}

std::string number_or_off(unsigned number) { return number == 0 ? "off" : fmt::to_string(number); }

std::string as_wg_peer(const Device& device, const Peer& peer) {
  std::vector<std::string> prefixes;
  for (const Prefix& prefix : device.allowed_ips_of(peer)) prefixes.push_back(prefix.to_string());
  const auto handshake = peer.last_handshake.value_or(WallTime{}).since_epoch;
  return fmt::format(
      "{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}", peer.public_key.base64(),
      peer.has_preshared_key ? kHidden : kNone, peer.endpoint ? peer.endpoint->to_string() : kNone,
      prefixes.empty() ? std::string(kNone) : fmt::format("{}", fmt::join(prefixes, ",")),
      std::chrono::floor<std::chrono::seconds>(handshake).count(), peer.receive_bytes,
      peer.transmit_bytes, number_or_off(peer.persistent_keepalive_seconds));
}

}  // namespace

void configure(const std::string& netns, const std::string& interface,
               const InterfaceConfig& config) {
  must_words(fmt::format("wg setconf {} /dev/stdin", interface),
             {.netns = netns, .input = as_text(config)});
}

std::string make_preshared_key() { return trimmed(must("wg genpsk")); }

PublicKey made_up_key(std::uint32_t number) {
  PublicKey key;
  key.bytes.fill(std::byte{0x5a});
  std::memcpy(key.bytes.data(), &number, sizeof number);
  return key;
}

std::vector<std::string> made_up_prefixes(std::uint32_t group, std::size_t count) {
  std::vector<std::string> prefixes;
  for (std::size_t i = 0; i < count; ++i) {
    if (i % 2 == 0)
      prefixes.push_back(fmt::format("10.{}.{}.{}/32", group, i / 2 / 256, i / 2 % 256));
    else
      prefixes.push_back(fmt::format("fd00:{:x}::{:x}/128", group, i / 2 + 1));
  }
  return prefixes;
}

std::vector<std::string> wg_dump(const std::string& netns, const std::string& interface) {
  const std::string text = must_words(fmt::format("wg show {} dump", interface), {.netns = netns});
  std::vector<std::string> lines = split(text, '\n');
  for (std::size_t i = 0; i < lines.size(); ++i) {
    std::vector<std::string> fields = split(lines[i], '\t');
    std::string& secret =
        fields.at(i == 0 ? 0 : 1);  // the private key, and each peer's preshared key
    if (secret != kNone) secret = kHidden;
    lines[i] = fmt::format("{}", fmt::join(fields, "\t"));
  }
  return lines;
}

std::vector<std::string> as_wg_dump(const Device& device) {
  std::vector<std::string> lines;
  lines.push_back(fmt::format("{}\t{}\t{}\t{}", device.public_key ? kHidden : kNone,
                              device.public_key ? device.public_key->base64() : kNone,
                              device.listen_port,
                              device.fwmark == 0 ? "off" : fmt::format("{:#x}", device.fwmark)));
  for (const Peer& peer : device.peers) lines.push_back(as_wg_peer(device, peer));
  return lines;
}

void expect_same_lines(const std::vector<std::string>& got, const std::vector<std::string>& want) {
  EXPECT_EQ(got.size(), want.size());
  const auto [a, b] = std::mismatch(got.begin(), got.end(), want.begin(), want.end());
  if (a != got.end() && b != want.end())
    ADD_FAILURE() << "line " << a - got.begin() << ":\n"
                  << a->substr(0, 400) << "\nwhere wg says\n"
                  << b->substr(0, 400);
}

void collect(source::SnapshotSource& source, Snapshot& into) {
  const Now now = os::now();
  source.collect(now, now.boot + std::chrono::seconds(60), into);
}

Snapshot collect(const source::CollectOptions& options) {
  source::SnapshotSource source(options);
  Snapshot snapshot;
  collect(source, snapshot);
  return snapshot;
}

const Device& device(const Snapshot& snapshot, std::string_view netns, std::string_view name) {
  for (const Device& device : snapshot.devices)
    if (device.netns == netns && device.name == name) return device;
  throw std::runtime_error(fmt::format("no device {}/{} in the snapshot; failures: {}", netns, name,
                                       fmt::join(failures(snapshot), ", ")));
}

std::size_t different_keys(const Device& device) {
  std::set<PublicKey> keys;
  for (const Peer& peer : device.peers) keys.insert(peer.public_key);
  return keys.size();
}

const Peer* find_peer(const Device& device, const std::string& public_key) {
  for (const Peer& peer : device.peers)
    if (peer.public_key.base64() == public_key) return &peer;
  return nullptr;
}

std::vector<std::string> failures(const Snapshot& snapshot) {
  std::vector<std::string> lines;
  for (const Failure& failure : snapshot.failures)
    lines.push_back(
        fmt::format("{}/{}: {}", failure.netns, failure.interface, to_string(failure.reason)));
  std::sort(lines.begin(), lines.end());
  return lines;
}

Tunnel::Tunnel(const Peers& peers) : Tunnel(peers, make_key_pair(), make_key_pair()) {}

Tunnel::Tunnel(const Peers& peers, KeyPair left_pair, KeyPair right_pair)
    : left_keys(std::move(left_pair)), right_keys(std::move(right_pair)) {
  must(
      "ip -n left link add outer address 02:00:00:00:00:01 type veth peer name outer netns right "
      "address 02:00:00:00:00:02");
  for (const auto& [netns, number] : {std::pair("left", 1), std::pair("right", 2)})
    must_words(fmt::format("ip -n {} -batch -", netns),
               {.input = fmt::format("address add 10.99.0.{0}/24 dev outer\n"
                                     "link set outer up\n"
                                     "link add wg0 type wireguard\n"
                                     "address add 192.168.77.{0}/24 dev wg0\n"
                                     "link set wg0 up\n",
                                     number)});

  InterfaceConfig of_left{
      .private_key = left_keys.private_key, .listen_port = 51001, .peers = peers.before};
  PeerConfig other{.public_key = right_keys.public_key, .allowed_ips = {"192.168.77.2/32"}};
  other.allowed_ips.insert(other.allowed_ips.end(), peers.more.begin(), peers.more.end());
  of_left.peers.push_back(std::move(other));
  of_left.peers.insert(of_left.peers.end(), peers.after.begin(), peers.after.end());
  configure("left", "wg0", of_left);
  configure("right", "wg0",
            {.private_key = right_keys.private_key,
             .listen_port = 51002,
             .peers = {{.public_key = left_keys.public_key,
                        .endpoint = "10.99.0.1:51001",
                        .allowed_ips = {"192.168.77.1/32"}}}});
}

bool Tunnel::ping(int count) const {
  const auto command = fmt::format("ping -q -c {} -i 0.1 -W 15 192.168.77.1", count);
  return run_words(command, {.netns = "right"}).exit_code == 0;
}

void Tunnel::freeze() const {
  for (const Namespace* netns : {&left, &right}) must("ip -n {} link set wg0 down", netns->name());
}

}  // namespace wgscope::test
