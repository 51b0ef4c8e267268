#include "wgscope/endpoint/uapi_session.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <iterator>
#include <optional>
#include <span>
#include <string_view>

#include <fmt/format.h>

#include "wgscope/base/secret.hpp"
#include "wgscope/base/secret_string.hpp"
#include "wgscope/base/time.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/tunnel/event.hpp"
#include "wgscope/tunnel/interface.hpp"

namespace wgscope::endpoint {
namespace {

void append_hex(std::string_view key, std::span<const std::byte, 32> bytes, SecretString& out) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::array<char, 64> text{};
  const WipeGuard guard{std::span<char>(text)};
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    text[2 * i] = kDigits[std::to_integer<std::size_t>(bytes[i] >> 4U)];
    text[2 * i + 1] = kDigits[std::to_integer<std::size_t>(bytes[i] & std::byte{15})];
  }
  out.append(key);
  out.append({text.data(), text.size()});
  out.append("\n");
}

void append_peer(const tunnel::Interface& interface, tunnel::PeerId id, SecretString& out) {
  const tunnel::PeerStatus peer = interface.status(id);
  append_hex("public_key=", peer.public_key.bytes, out);
  append_hex("preshared_key=", interface.preshared_key(id).secret.bytes(), out);
  fmt::memory_buffer lines;  // no secrets from here on
  const auto to = std::back_inserter(lines);
  fmt::format_to(to, "protocol_version=1\n");
  if (peer.endpoint) fmt::format_to(to, "endpoint={}\n", peer.endpoint->to_string());
  if (peer.last_handshake) {
    const Nanoseconds at = peer.last_handshake->since_epoch;
    const auto seconds = std::chrono::floor<std::chrono::seconds>(at);
    fmt::format_to(to, "last_handshake_time_sec={}\nlast_handshake_time_nsec={}\n", seconds.count(),
                   (at - seconds).count());
  } else {
    fmt::format_to(to, "last_handshake_time_sec=0\nlast_handshake_time_nsec=0\n");
  }
  fmt::format_to(to, "tx_bytes={}\nrx_bytes={}\npersistent_keepalive_interval={}\n",
                 peer.transmit_bytes, peer.receive_bytes, peer.persistent_keepalive.count());
  for (const Prefix& prefix : peer.allowed_ips)
    fmt::format_to(to, "allowed_ip={}\n", prefix.to_string());
  out.append({lines.data(), lines.size()});
}

}  // namespace

void write_get_answer(const UapiIdentity& identity, const tunnel::Interface& interface,
                      SecretString& out) {
  append_hex("private_key=", identity.private_key->secret.bytes(), out);
  out.append(fmt::format("listen_port={}\n", identity.listen_port));
  for (const tunnel::PeerId id : interface.peers()) append_peer(interface, id, out);
  out.append("errno=0\n\n");
}

UapiRequestReader::Fed UapiRequestReader::feed(std::span<const char> bytes) {
  Fed fed;
  for (const char c : bytes) {
    ++fed.used;
    if (size_ < kFirstLine) first_[size_] = c;
    if (++size_ > kMaxSize) return {fed.used, UapiRequest::unknown};
    if (c == '\n' && (after_newline_ || size_ == 1)) {
      const std::string_view first(first_, std::min(size_, kFirstLine));
      if (first == "get=1\n") return {fed.used, UapiRequest::get};
      return {fed.used, first == "set=1\n" ? UapiRequest::set : UapiRequest::unknown};
    }
    after_newline_ = c == '\n';
  }
  return fed;
}

}  // namespace wgscope::endpoint
