#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include <fmt/core.h>

namespace wgscope::uapi::testing {

// RFC 7748 §6.1, Alice: a private key and its public one.
inline constexpr std::string_view kPrivateKey =
    "77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a";
inline constexpr std::string_view kPublicKey =
    "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a";
inline constexpr std::string_view kPresharedKey =
    "5e4d1c2b5e4d1c2b5e4d1c2b5e4d1c2b5e4d1c2b5e4d1c2b5e4d1c2b5e4d1c2b";

/// The public key of peer number `number`, in hexadecimal.
inline std::string peer_key(std::uint32_t number) {
  return fmt::format("{:056x}{:08x}", 0xabcU, number);
}

/// One peer's lines with two allowed IPs, as wireguard-go orders them.
inline std::string peer_lines(std::uint32_t number) {
  return fmt::format(
      "public_key={}\npreshared_key={}\nprotocol_version=1\nendpoint=192.0.2.{}:{}\n"
      "last_handshake_time_sec=1700000000\nlast_handshake_time_nsec={}\ntx_bytes={}\nrx_bytes={}\n"
      "persistent_keepalive_interval=25\nallowed_ip=10.{}.{}.{}/32\nallowed_ip=fd00::{:x}/128\n",
      peer_key(number), kPresharedKey, number % 256, 1024 + number % 60000, number, 1000 + number,
      2000 + number, number >> 16U & 255U, number >> 8U & 255U, number & 255U, number);
}

/// A whole answer to get=1 of an interface with that many peers.
inline std::string answer(std::uint32_t peers) {
  std::string text = fmt::format("private_key={}\nlisten_port=51820\nfwmark=51820\n", kPrivateKey);
  for (std::uint32_t i = 0; i < peers; ++i) text += peer_lines(i);
  return text + "errno=0\n\n";
}

}  // namespace wgscope::uapi::testing
