#pragma once

#include <array>
#include <cstddef>
#include <span>
#include <string_view>
#include <utility>

#include "wgscope/base/bytes.hpp"
#include "wgscope/base/keys.hpp"
#include "wgscope/noise/handshake.hpp"
#include "wgscope/noise/tai64n.hpp"
#include "wgscope/wire/message.hpp"

#include "support/hex.hpp"
#include "support/random.hpp"

// The fixed keys of tests/vectors/wireguard_kat.txt, so that the corpora's genuine messages open
// and everything behind them is reached. Only those may open: whatever else does was forged.

namespace wgscope::fuzz {

inline noise::Identity identity(std::string_view private_hex) {
  return std::move(noise::Identity::create(PrivateKey{test::secret_of(private_hex)}).value());
}

inline const noise::Identity& initiator() {
  static const noise::Identity made =
      identity("101112131415161718191a1b1c1d1e1f202122232425262728292a2b2c2d2e2f");
  return made;
}

inline const noise::Identity& responder() {
  static const noise::Identity made =
      identity("707172737475767778797a7b7c7d7e7f808182838485868788898a8b8c8d8e8f");
  return made;
}

inline const PresharedKey& preshared_key() {
  static const PresharedKey made{
      test::secret_of("d0d1d2d3d4d5d6d7d8d9dadbdcdddedfe0e1e2e3e4e5e6e7e8e9eaebecedeeef")};
  return made;
}

/// The initiation that the transcript's initiator sent, and what it keeps of it.
struct Sent {
  std::array<std::byte, wire::kInitiationSize> message{};
  noise::SentInitiation state = send();

 private:
  noise::SentInitiation send() {
    const auto remote = noise::RemoteStatic::create(initiator(), responder().public_key());
    test::ScriptedRandom random(
        {test::unhex("404142434445464748494a4b4c4d4e4f505152535455565758595a5b5c5d5e5f")});
    const noise::Tai64n stamp{test::unhex_array<12>("400000006553f10a075bcd15")};
    store_le32(wire::InitiationView<std::byte>{message}.sender(), 0x11223344);
    auto sent = noise::initiate(initiator(), remote.value(), stamp, random, {message});
    return std::move(sent.value());
  }
};

inline const Sent& sent() {
  static const Sent made;
  return made;
}

}  // namespace wgscope::fuzz
