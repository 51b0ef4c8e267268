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

/// UDP, inside the tunnel only.
inline constexpr std::uint16_t kMeasuringPort = 9587;

inline constexpr std::size_t kMeasuringRequestSize = 20;
inline constexpr std::size_t kMeasuringAnswerSize = 64;

struct MeasuringRequest {
  std::uint32_t serial = 0;       ///< comes back
  std::uint16_t answer_size = 0;  ///< of the answer's datagram; 0: as small as it is

  friend bool operator==(const MeasuringRequest&, const MeasuringRequest&) = default;
};

/// A router said that a datagram of the service's to the asker was too big for it.
struct MeasuringReport {
  IpAddress from;
  std::uint16_t mtu = 0;  ///< as it claims

  friend bool operator==(const MeasuringReport&, const MeasuringReport&) = default;
};

struct MeasuringAnswer {
  std::uint32_t serial = 0;        ///< the request's
  std::uint16_t answer_size = 0;   ///< as it was asked for
  Endpoint asker;                  ///< where the request's datagram came from, as seen there
  std::uint16_t request_size = 0;  ///< of its datagram
  /// It came in fragments, of which the largest had so many bytes.
  std::optional<std::uint16_t> largest_fragment;
  /// No answer of that size was sent, only this small one: the service's own interface takes no
  /// more than this.
  std::optional<std::uint16_t> refused_above;
  std::uint16_t largest_answer = 0;       ///< the service makes none that are larger
  std::optional<MeasuringReport> report;  ///< the last one, within a few seconds

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
