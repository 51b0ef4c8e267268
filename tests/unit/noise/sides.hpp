#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <utility>

#include "wgscope/base/bytes.hpp"
#include "wgscope/base/keys.hpp"
#include "wgscope/base/random.hpp"
#include "wgscope/base/time.hpp"
#include "wgscope/noise/handshake.hpp"
#include "wgscope/noise/tai64n.hpp"
#include "wgscope/wire/message.hpp"

#include "random.hpp"

namespace wgscope::noise {

using InitiationBytes = std::array<std::byte, wire::kInitiationSize>;
using ResponseBytes = std::array<std::byte, wire::kResponseSize>;

template <class T>
T must(Result<T> result) {
  if (!result) throw std::runtime_error(result.error().context);
  return std::move(*result);
}

inline Identity random_identity(Random& random) {
  PrivateKey key;
  random.fill(key.secret.bytes());
  return must(Identity::create(key));
}

inline PresharedKey random_preshared_key(Random& random) {
  PresharedKey key;
  random.fill(key.secret.bytes());
  return key;
}

/// Two peers that know each other, and the steps of a handshake between them, without macs.
struct Sides {
  test::SeededRandom random{1};
  Identity initiator = random_identity(random);
  Identity responder = random_identity(random);
  RemoteStatic to_responder = must(RemoteStatic::create(initiator, responder.public_key()));
  RemoteStatic to_initiator = must(RemoteStatic::create(responder, initiator.public_key()));
  Tai64n stamp = Tai64n::from({Nanoseconds(1'700'000'000'123'456'789)});

  static constexpr std::uint32_t kInitiatorIndex = 0x11223344;
  static constexpr std::uint32_t kResponderIndex = 0x55667788;

  SentInitiation initiate(InitiationBytes& out) {
    const wire::InitiationView<std::byte> view{out};
    store_le32(view.sender(), kInitiatorIndex);
    return must(noise::initiate(initiator, to_responder, stamp, random, view));
  }

  struct Answer {
    ResponseBytes bytes{};
    TransportKeys keys;
  };
  /// Everything a responder does. @returns nothing where it would not answer.
  std::optional<Answer> answer(const InitiationBytes& initiation, const PresharedKey& key) {
    auto opened = open_initiation(responder, {initiation});
    if (!opened || opened->initiator() != initiator.public_key()) return std::nullopt;
    if (opened->read_timestamp(to_initiator, {initiation}) != stamp) return std::nullopt;
    Answer answer;
    const wire::ResponseView<std::byte> view{answer.bytes};
    store_le32(view.sender(), kResponderIndex);
    auto keys = opened->respond(key, random, view);
    if (!keys) return std::nullopt;
    answer.keys = std::move(*keys);
    return answer;
  }
};

template <class Array>
Array with_bit_flipped(Array bytes, std::size_t bit) {
  bytes[bit / 8] ^= std::byte{1} << (bit % 8);
  return bytes;
}

}  // namespace wgscope::noise
