#include "wg_meaning.hpp"

#include <array>
#include <cstddef>
#include <netdb.h>
#include <optional>
#include <span>
#include <sstream>
#include <string>
#include <string_view>
#include <sys/socket.h>

#include <fmt/format.h>

#include "wgscope/base/secret.hpp"
#include "wgscope/config/wg_quick.hpp"
#include "wgscope/model/address.hpp"

namespace wgscope::test {
namespace {

bool is_zero(std::string_view hexadecimal) {
  return hexadecimal.find_first_not_of('0') == std::string_view::npos;
}

Prefix network_of(Prefix prefix) {
  for (std::size_t bit = prefix.bits; bit < prefix.address.bytes.size() * 8; ++bit)
    prefix.address.bytes[bit / 8] &= ~(std::byte{0x80} >> (bit % 8));
  return prefix;
}

std::string hexadecimal(std::span<const std::byte> bytes) {
  std::string text;
  for (const std::byte byte : bytes) text += fmt::format("{:02x}", std::to_integer<unsigned>(byte));
  return text;
}

/// As getaddrinfo(3) gives it to wg; nothing where it gives nothing.
std::optional<std::string> resolved(const config::EndpointName& name) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_DGRAM;
  hints.ai_protocol = IPPROTO_UDP;
  addrinfo* found = nullptr;
  const std::string port = std::to_string(name.port);
  if (getaddrinfo(name.host.c_str(), port.c_str(), &hints, &found) != 0) return std::nullopt;
  std::array<char, NI_MAXHOST> host{};
  getnameinfo(found->ai_addr, found->ai_addrlen, host.data(), host.size(), nullptr, 0,
              NI_NUMERICHOST);
  const bool is_v6 = found->ai_family == AF_INET6;
  freeaddrinfo(found);
  return is_v6 ? fmt::format("[{}]:{}", host.data(), port)
               : fmt::format("{}:{}", host.data(), port);
}

}  // namespace

std::string to_text(const Meaning& meaning) {
  std::string text = fmt::format("private_key={} listen_port={} fwmark={}\n", meaning.private_key,
                                 meaning.listen_port, meaning.fwmark);
  for (const auto& [key, peer] : meaning.peers) {
    text += fmt::format("  peer {} psk={} endpoint={} keepalive={}", key, peer.preshared_key,
                        peer.endpoint, peer.keepalive);
    for (const std::string& prefix : peer.allowed_ips) text += " " + prefix;
    text += "\n";
  }
  return text;
}

Meaning meaning_of_requests(const std::string& requests) {
  Meaning meaning;
  PeerMeaning* peer = nullptr;
  std::istringstream lines(requests);
  for (std::string line; std::getline(lines, line);) {
    const std::size_t at = line.find('=');
    if (at == std::string::npos) continue;
    const std::string key = line.substr(0, at);
    const std::string value = line.substr(at + 1);
    if (key == "private_key") meaning.private_key = is_zero(value) ? "" : value;
    if (key == "listen_port") meaning.listen_port = value;
    if (key == "fwmark") meaning.fwmark = value;
    if (key == "public_key") peer = &meaning.peers[value];
    if (key == "preshared_key") peer->preshared_key = is_zero(value) ? "" : value;
    if (key == "endpoint") peer->endpoint = value;
    if (key == "persistent_keepalive_interval") peer->keepalive = value;
    if (key == "replace_allowed_ips") peer->allowed_ips.clear();
    if (key != "allowed_ip") continue;
    const std::string prefix = network_of(Prefix::parse(value).value()).to_string();
    for (auto& other : meaning.peers) other.second.allowed_ips.erase(prefix);
    peer->allowed_ips.insert(prefix);
  }
  return meaning;
}

Meaning meaning_of(const config::WgQuickConfig& config) {
  Meaning ours;
  if (config.private_key) ours.private_key = hexadecimal(config.private_key->secret.bytes());
  ours.listen_port = std::to_string(config.listen_port.value_or(0));
  ours.fwmark = std::to_string(config.fwmark.value_or(0));
  for (const config::WgQuickPeer& peer : config.peers) {
    PeerMeaning& meaning = ours.peers[hexadecimal(peer.public_key.bytes)];
    if (peer.preshared_key) meaning.preshared_key = hexadecimal(peer.preshared_key->secret.bytes());
    if (peer.persistent_keepalive)
      meaning.keepalive = std::to_string(peer.persistent_keepalive->count());
    for (const Prefix& prefix : peer.allowed_ips) meaning.allowed_ips.insert(prefix.to_string());
    if (!peer.endpoint) continue;
    meaning.endpoint = resolved(*peer.endpoint).value_or("?");
  }
  return ours;
}

}  // namespace wgscope::test
