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

/// Puts the pieces of datagrams together (RFC 791 §3.2, RFC 8200 §4.5). Any pieces may be handed
/// in: memory and time are bounded, and a datagram with pieces that overlap is given up as a whole
/// (RFC 5722), for nobody honest sends those. A piece that comes twice is taken once.
///
/// lwIP's own would hold at most ten pieces of all datagrams, which is 14 KiB, and one sender could
/// keep them all.
class Reassembly {
 public:
  static constexpr std::chrono::seconds kPatience{15};  ///< RFC 791's; RFC 8200 allows 60 s
  static constexpr std::size_t kMost = 32;              ///< datagrams; each up to 64 KiB
  static constexpr std::size_t kMostOfSource = 4;       ///< or the oldest of that sender goes
  /// A datagram of 64 KiB in pieces for links of 576 bytes has 119.
  static constexpr std::size_t kMostPieces = 128;

  /// @param piece  with `fragment`; not retained.
  /// @returns the whole packet, once this piece completes it: a plain header and the payload. Valid
  /// until the next call.
  std::span<const std::byte> take(Instant now, const wire::IpPacket& piece);
  void expire(Instant now);
  [[nodiscard]] std::optional<Instant> next_timeout() const;
  /// How many pieces were given up.
  [[nodiscard]] std::uint64_t dropped() const { return dropped_; }

 private:
  static constexpr std::size_t kUnit = 8;
  static constexpr std::size_t kMostUnits = 65536 / kUnit;

  struct Datagram {
    IpAddress source;
    IpAddress destination;
    std::uint32_t id = 0;
    wire::Protocol protocol = wire::Protocol::none;  ///< IPv6: of the first piece
    Instant deadline;
    std::uint8_t hop_limit = 0;
    bool given_up = false;           ///< further pieces are dropped, until the deadline
    std::optional<std::size_t> end;  ///< bytes of payload, once the last piece came
    std::size_t received = 0;        ///< bytes
    std::size_t pieces = 0;
    std::bitset<kMostUnits> units;  ///< that came
    std::vector<std::byte> memory;  ///< room for a header, and the payload
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
