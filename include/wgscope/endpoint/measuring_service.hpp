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
  Endpoint from;                  ///< source of the datagram
  std::size_t datagram_size = 0;  ///< bytes of the UDP payload
  /// Bytes, including the IP header; nothing: it did not arrive in fragments.
  std::optional<std::size_t> largest_fragment;
  std::span<const std::byte> packet;
};

/// Answers peers that measure the path to them, on UDP port wire::kMeasuringPort inside the tunnel:
///
///     peer ──[ request: "answer in n bytes" ]──────────────────────────────► service
///     peer ◄─[ IP | UDP | WireGuard: answer | zeros … | tag ]── n bytes, whole ──── service
///
/// This makes the reverse path measurable to the byte, and tells the peer how its datagram arrived.
/// Like everything inside a tunnel, it can be reached by peers only. Messages that are not requests
/// are ignored and counted. Because small requests cause large answers, the answers to each peer
/// are limited: kBurst bytes at once, kBytesPerSecond on average.
///
/// It owns no socket and no clock: EmbeddedEndpoint passes it packets and sends its answers.
class MeasuringService {
 public:
  /// Bytes of an answer's datagram, including the IP header; enough for jumbo frames.
  static constexpr std::uint16_t kLargestAnswer = 9020;
  /// Bytes. A search with 300 probes of jumbo frames needs two bursts, with pauses.
  static constexpr std::uint32_t kBurst = 1U << 20U;
  static constexpr std::uint32_t kBytesPerSecond = 128U << 10U;
  /// How long a router's report is passed on.
  static constexpr std::chrono::seconds kReportLife{5};

  struct Stats {
    std::uint64_t requests = 0;   ///< all messages that arrived
    std::uint64_t answers = 0;    ///< answers that poll_answer() returned
    std::uint64_t malformed = 0;  ///< messages that were ignored
    std::uint64_t limited = 0;    ///< requests not answered because there were too many
  };

  /// An answer to be sent to its peer, in a datagram that must not be fragmented.
  struct Outgoing {
    std::array<std::byte, wire::udp_packet_size(Family::v6, wire::kMeasuringAnswerSize)> bytes{};
    std::size_t packet_size = 0;
    std::size_t datagram_size = 0;  ///< bytes of the UDP payload; 0: no padding
    Endpoint to;                    ///< destination of the datagram
    wire::IpHeader header;          ///< header of the packet, for refused()
    std::uint16_t port = 0;
    wire::MeasuringAnswer answer;

    [[nodiscard]] std::span<const std::byte> packet() const {
      return std::span(bytes).first(packet_size);
    }
  };

  /// @returns whether the packet was for the service, answered or not; if so, the host must not get
  /// it.
  bool handle_packet(Instant now, const inner::Host& host, const Arrived& arrived);
  /// A router reports that a datagram to `destination` is too big for it.
  /// @returns whether that datagram may have been an answer of this service.
  bool handle_too_big(Instant now, const Endpoint& destination, const wire::MeasuringReport& said);

  std::optional<Outgoing> poll_answer();
  /// Call it if an answer was not sent because our own interface takes at most `limit` bytes.
  /// @returns a small answer that says so.
  static Outgoing refused(const Outgoing& answer, std::uint16_t limit);

  [[nodiscard]] const Stats& stats() const { return stats_; }

 private:
  static constexpr std::size_t kMostWaiting = 64;

  /// What is known about a peer that has sent a request.
  struct Asker {
    Endpoint from;
    TokenBucket bytes{kBytesPerSecond, kBurst};
    std::optional<wire::MeasuringReport> report = {};
    Instant reported{};
  };

  void take_request(Instant now, const Arrived& arrived, const wire::IpPacket& packet);

  std::unordered_map<std::uint32_t, Asker> askers_;  ///< by PeerId::value
  std::deque<Outgoing> waiting_;
  Stats stats_;
};

}  // namespace wgscope::endpoint
