#pragma once

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <random>
#include <span>
#include <utility>
#include <vector>

#include "wgscope/base/bytes.hpp"
#include "wgscope/base/keys.hpp"
#include "wgscope/base/random.hpp"
#include "wgscope/base/time.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/tunnel/interface.hpp"

#include "fuzz.hpp"

// Two interfaces that know each other, from fixed seeds, and the datagrams between them
// in our hands.

namespace wgscope::fuzz {

using Bytes = std::vector<std::byte>;

class FixedRandom final : public Random {
 public:
  explicit FixedRandom(std::uint32_t seed) : engine_(seed) {}
  void fill(std::span<std::byte> out) override {
    for (std::byte& byte : out) byte = static_cast<std::byte>(engine_());
  }

 private:
  std::mt19937 engine_;
};

struct TunnelPair {
  struct Side {
    explicit Side(std::uint32_t seed)
        : random(seed), interface(*tunnel::Interface::create(config(seed), random)) {}
    static tunnel::InterfaceConfig config(std::uint32_t seed) {
      tunnel::InterfaceConfig config;
      FixedRandom(seed).fill(config.private_key.secret.bytes());
      return config;
    }

    FixedRandom random;
    tunnel::Interface interface;
    Endpoint address;
    IpAddress inner;
    std::optional<tunnel::PeerId> peer;
  };

  TunnelPair() : sides{Side(1), Side(2)} {
    for (std::size_t i = 0; i < 2; ++i) {
      sides[i].inner.bytes = {std::byte{10}, {}, {}, static_cast<std::byte>(i + 1)};
      sides[i].address.address.bytes = {
          std::byte{198}, std::byte{18}, {}, static_cast<std::byte>(i + 1)};
      sides[i].address.port = 51820;
    }
    add_peer(0);
    add_peer(1);
  }
  TunnelPair(const TunnelPair&) = delete;
  TunnelPair& operator=(const TunnelPair&) = delete;
  ~TunnelPair() = default;

  void add_peer(std::size_t i) {
    tunnel::PeerConfig config{};
    config.public_key = sides[1 - i].interface.public_key();
    config.allowed_ips = {{sides[1 - i].inner, 32}};
    config.endpoint = sides[1 - i].address;
    sides[i].peer = *sides[i].interface.add_peer(now(), std::move(config));
  }

  [[nodiscard]] Now now() const {
    return {boot, {boot.since_boot + std::chrono::seconds(1'700'000'000)}};
  }

  /// A packet of one side for the other that carries a number.
  [[nodiscard]] Bytes packet(std::size_t from, std::uint32_t number) const {
    Bytes bytes(24);
    const std::span all(bytes);
    all[0] = std::byte{0x45};
    all[3] = std::byte{24};
    all[12] = all[16] = std::byte{10};
    all[15] = static_cast<std::byte>(from + 1);
    all[19] = static_cast<std::byte>(2 - from);
    store_le32(all.last<4>(), number);
    return bytes;
  }

  /// What one side has to send, datagram by datagram.
  std::vector<Bytes> take(std::size_t from) {
    std::vector<Bytes> datagrams;
    while (const auto batch = sides[from].interface.poll_transmit()) {
      WGSCOPE_PROMISE(batch->segment_size > 0 && !batch->bytes.empty());
      for (std::size_t at = 0; at < batch->bytes.size(); at += batch->segment_size) {
        const auto one =
            batch->bytes.subspan(at).first(std::min(batch->segment_size, batch->bytes.size() - at));
        datagrams.emplace_back(one.begin(), one.end());
      }
    }
    return datagrams;
  }

  std::array<Side, 2> sides;
  Instant boot{std::chrono::hours(1)};
};

}  // namespace wgscope::fuzz
