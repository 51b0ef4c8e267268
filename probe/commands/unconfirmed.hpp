#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <unordered_map>
#include <vector>

#include "wgscope/base/time.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/tunnel/event.hpp"

namespace wgscope::probe {

/// Responses to a peer that it never confirmed by a packet of the new session. An initiator
/// confirms at once, with a keepalive if it has nothing to send. One that does not has not received
/// the response, or could not decrypt it, which is what a wrong preshared key looks like from here.
class UnconfirmedResponses {
 public:
  /// An initiator sends its next initiation after 5 s (REKEY_TIMEOUT): by then one lost response
  /// is mended.
  static constexpr std::chrono::seconds kPatience{10};
  /// How often it is said again while nothing changes.
  static constexpr std::chrono::seconds kSaidAgain{60};

  struct Report {
    tunnel::PeerId peer;
    std::optional<Endpoint> endpoint;  ///< that the last response went to
    std::uint64_t responses = 0;       ///< since `since`, none of them confirmed
    Instant since;
  };

  void note(const tunnel::Event& event);
  [[nodiscard]] std::optional<Instant> next() const;
  std::vector<Report> take(Instant now);

 private:
  struct Waiting {
    Instant since;
    Instant due;
    std::optional<Endpoint> endpoint;
    std::uint64_t responses = 0;
    std::uint64_t said = 0;
  };
  std::unordered_map<std::uint32_t, Waiting> peers_;  ///< by tunnel::PeerId
};

}  // namespace wgscope::probe
