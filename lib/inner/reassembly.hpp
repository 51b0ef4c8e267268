#pragma once

#include <bitset>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <list>
#include <optional>
#include <span>
#include <vector>

#include "wgscope/base/time.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/wire/ip.hpp"

namespace wgscope::inner {

/// Reassembles fragments of datagrams (RFC 791 §3.2, RFC 8200 §4.5). It accepts any fragments, in
/// bounded memory and time. A datagram whose fragments overlap is dropped as a whole (RFC 5722),
/// because no honest sender makes such fragments. A fragment that comes twice is used once.
///
/// lwIP's reassembly would hold at most ten fragments of all datagrams, which is 14 KiB, and one
/// sender could occupy all of them.
class Reassembly {
 public:
  static constexpr std::chrono::seconds kPatience{15};  ///< as in RFC 791; RFC 8200 allows 60 s
  static constexpr std::size_t kMost = 32;              ///< datagrams at a time, each up to 64 KiB
  static constexpr std::size_t kMostOfSource = 4;  ///< another one replaces the source's oldest
  /// Fragments of one datagram. One of 64 KiB has 119 on a link with an MTU of 576 bytes.
  static constexpr std::size_t kMostPieces = 128;

  /// @param piece  a packet with `fragment` set; not retained.
  /// @returns the whole packet, a plain header and the payload, if this fragment completes it; else
  /// empty. Valid until the next call.
  std::span<const std::byte> take(Instant now, const wire::IpPacket& piece);
  void expire(Instant now);
  [[nodiscard]] std::optional<Instant> next_timeout() const;
  /// How many fragments were dropped.
  [[nodiscard]] std::uint64_t dropped() const { return dropped_; }

 private:
  static constexpr std::size_t kUnit = 8;
  static constexpr std::size_t kMostUnits = 65536 / kUnit;

  struct Datagram {
    IpAddress source;
    IpAddress destination;
    std::uint32_t id = 0;
    wire::Protocol protocol = wire::Protocol::none;  ///< IPv6: known from the first fragment
    Instant deadline;
    std::uint8_t hop_limit = 0;
    bool given_up = false;           ///< further fragments are dropped until the deadline
    std::optional<std::size_t> end;  ///< bytes of payload, known from the last fragment
    std::size_t received = 0;        ///< bytes
    std::size_t pieces = 0;
    std::bitset<kMostUnits> units;  ///< units that arrived
    std::vector<std::byte> memory;  ///< room for a header, then the payload
  };

  Datagram& find(Instant now, const wire::IpPacket& piece);
  void make_room(const IpAddress& source);
  void forget(std::list<Datagram>::iterator datagram);
  static bool fits(const Datagram& datagram, const wire::IpPacket& piece);
  static bool is_repeated(const Datagram& datagram, const wire::IpPacket& piece);
  static void copy(Datagram& datagram, const wire::IpPacket& piece);
  void give_up(Datagram& datagram);

  std::list<Datagram> datagrams_;  ///< the oldest first
  std::vector<std::byte> whole_;
  std::uint64_t dropped_ = 0;
};

}  // namespace wgscope::inner
