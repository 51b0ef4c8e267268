#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <unordered_map>

#include "wgscope/base/time.hpp"
#include "wgscope/base/token_bucket.hpp"
#include "wgscope/inner/host.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/tunnel/event.hpp"
#include "wgscope/wire/ip.hpp"
#include "wgscope/wire/measuring.hpp"
#include "wgscope/wire/udp.hpp"

namespace wgscope::endpoint {

/// A packet that came out of a tunnel, and the datagram that carried it.
struct Arrived {
  tunnel::PeerId peer;
  Endpoint from;                                ///< of the datagram
  std::size_t datagram_size = 0;                ///< bytes of the UDP payload
  std::optional<std::size_t> largest_fragment;  ///< it came in some: bytes, IP header included
  std::span<const std::byte> packet;
};

/// Answers peers that measure the path to them, on UDP port wire::kMeasuringPort inside the tunnel:
///
///     peer ──[ request: "answer in n bytes" ]──────────────────────────────► service
///     peer ◄─[ IP | UDP | WireGuard: answer | zeros … | tag ]── n bytes, not cut ── service
///
/// which makes the reverse path measurable to the byte, and tells the peer how its datagram
/// arrived. Like everything in a tunnel, only peers reach it. Messages that are not requests are
/// ignored and counted. To bound the large answers to small requests, what each peer may cause
/// is limited: kBurst bytes at once, kBytesPerSecond for long.
///
/// Owns no socket and no clock: EmbeddedEndpoint hands it packets and sends its answers.
class MeasuringService {
 public:
  /// Of an answer's datagram, IP header included: jumbo frames'.
  static constexpr std::uint16_t kLargestAnswer = 9020;
  /// A search of 300 probes of jumbo frames needs two of these, with pauses.
  static constexpr std::uint32_t kBurst = 1U << 20U;
  static constexpr std::uint32_t kBytesPerSecond = 128U << 10U;
  /// A router's report is passed on for so long.
  static constexpr std::chrono::seconds kReportLife{5};

  struct Stats {
    std::uint64_t requests = 0;   ///< all that came
    std::uint64_t answers = 0;    ///< that were handed out
    std::uint64_t malformed = 0;  ///< ignored
    std::uint64_t limited = 0;    ///< not answered, as there were too many
  };

  /// An answer to be sent to its peer, in a datagram that must not be cut.
  struct Outgoing {
    std::array<std::byte, wire::udp_packet_size(Family::v6, wire::kMeasuringAnswerSize)> bytes{};
    std::size_t packet_size = 0;
    std::size_t datagram_size = 0;  ///< of the UDP payload; 0: as small as it is
    Endpoint to;                    ///< of the datagram
    wire::IpHeader header;          ///< of the packet, for refused()
    std::uint16_t port = 0;
    wire::MeasuringAnswer answer;

    [[nodiscard]] std::span<const std::byte> packet() const {
      return std::span(bytes).first(packet_size);
    }
  };

  /// @returns whether it was for the service, whatever came of it: the host is not to have it then.
  bool handle_packet(Instant now, const inner::Host& host, const Arrived& arrived);
  /// A router says that a datagram to this address is too big for it.
  /// @returns whether it can have been an answer of the service's.
  bool handle_too_big(Instant now, const Endpoint& destination, const wire::MeasuringReport& said);

  std::optional<Outgoing> poll_answer();
  /// The answer was not sent, as the own interface takes no more than `limit` bytes.
  /// @returns the small one that says so.
  static Outgoing refused(const Outgoing& answer, std::uint16_t limit);

  [[nodiscard]] const Stats& stats() const { return stats_; }

 private:
  static constexpr std::size_t kMostWaiting = 64;

  /// What is known of a peer that asked.
  struct Asker {
    Endpoint from;
    TokenBucket bytes{kBytesPerSecond, kBurst};
    std::optional<wire::MeasuringReport> report = {};
    Instant reported{};
  };

  void take_request(Instant now, const Arrived& arrived, const wire::IpPacket& packet);

  std::unordered_map<std::uint32_t, Asker> askers_;  ///< by peer
  std::deque<Outgoing> waiting_;
  Stats stats_;
};

}  // namespace wgscope::endpoint
