#pragma once

#include <cstddef>
#include <cstdint>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "wgscope/base/time.hpp"
#include "wgscope/model/device.hpp"

namespace wgscope::bench {

/// A made-up interface with peers as a VPN gateway has them, the same for every run: one IPv4 and
/// one IPv6 allowed IP each; 1 in 2 with a preshared key, 1 in 8 with an IPv6 endpoint; 3 in 4 have
/// a live session, 1 in 20 never had any.
Device make_device(std::string_view name, std::size_t peers, WallTime now);

/// Its answer to get=1 as wireguard-go writes it, prepared once and then changed in place: numbers
/// keep their width.
class UapiAnswer {
 public:
  explicit UapiAnswer(const Device& device);

  /// What happens between two scrapes: all counters grow (but the received bytes of peers
  /// that never answered), a quarter of the live sessions is renewed, 1 % of the peers
  /// have another endpoint.
  void change(WallTime now);

  [[nodiscard]] std::string_view text() const { return text_; }

 private:
  struct Digits {
    std::size_t at = 0;
    std::size_t width = 0;
  };
  struct Places {
    Digits received, sent, handshake, port;
    bool live = false;
  };

  Digits append(std::string_view key, std::uint64_t value);
  Places append_peer(const Device& device, const Peer& peer, bool live);
  void add(Digits digits, std::uint64_t delta);
  void set(Digits digits, std::uint64_t value);

  std::string text_;
  std::vector<Places> peers_;
  std::mt19937_64 random_;
  std::size_t round_ = 0;
};

/// Its dump as the kernel sends it: datagrams of at most 32 KiB with one message
/// each, then NLMSG_DONE.
std::vector<std::vector<std::byte>> netlink_dump(const Device& device, std::uint16_t family,
                                                 std::uint32_t sequence);

}  // namespace wgscope::bench
