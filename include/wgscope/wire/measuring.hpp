#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "wgscope/base/result.hpp"
#include "wgscope/model/address.hpp"

// What a peer asks the measuring service of our own endpoint inside a tunnel, and what that says
// back: small messages in UDP datagrams, of which the service pads the encrypted one that carries
// its answer to the size that was asked for (endpoint/measuring_service.hpp). The format is our
// own; docs/methods.md has it as a table.
//
// All sizes are bytes of whole IP packets outside the tunnel.

namespace wgscope::wire {

/// The service's UDP port, which is only open inside the tunnel.
inline constexpr std::uint16_t kMeasuringPort = 9587;

inline constexpr std::size_t kMeasuringRequestSize = 20;
inline constexpr std::size_t kMeasuringAnswerSize = 64;

struct MeasuringRequest {
  std::uint32_t serial = 0;  ///< the answer repeats it, which tells which request is answered
  /// Bytes that the answer's datagram is to have; 0: as few as it can.
  std::uint16_t answer_size = 0;

  friend bool operator==(const MeasuringRequest&, const MeasuringRequest&) = default;
};

/// A router said that a datagram of the service's to the asker was too big for it.
struct MeasuringReport {
  IpAddress from;         ///< the router that said so
  std::uint16_t mtu = 0;  ///< the MTU of the next link, as the router claims

  friend bool operator==(const MeasuringReport&, const MeasuringReport&) = default;
};

struct MeasuringAnswer {
  std::uint32_t serial = 0;       ///< the serial of the request
  std::uint16_t answer_size = 0;  ///< the answer_size of the request
  Endpoint asker;                 ///< where the request's datagram came from, as the service saw it
  std::uint16_t request_size = 0;  ///< bytes of the request's datagram
  /// Bytes of the largest fragment, if the request's datagram came in fragments. Nothing: it came
  /// whole.
  std::optional<std::uint16_t> largest_fragment;
  /// The most that the service's own interface takes, if the wanted answer is larger: then only
  /// this small answer was sent. Nothing: the answer has the size that was asked for.
  std::optional<std::uint16_t> refused_above;
  std::uint16_t largest_answer = 0;  ///< the largest answer that the service makes
  /// The last report, if it came within the last few seconds.
  std::optional<MeasuringReport> report;

  friend bool operator==(const MeasuringAnswer&, const MeasuringAnswer&) = default;
};

/// @returns bad_length, bad_value: no request, or one of another version.
Result<MeasuringRequest> parse_measuring_request(std::span<const std::byte> payload);
/// @returns bad_length, bad_value: no answer, of another version, or one that contradicts itself.
Result<MeasuringAnswer> parse_measuring_answer(std::span<const std::byte> payload);

std::array<std::byte, kMeasuringRequestSize> build_measuring_request(
    const MeasuringRequest& request);
std::array<std::byte, kMeasuringAnswerSize> build_measuring_answer(const MeasuringAnswer& answer);

}  // namespace wgscope::wire
