#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "wgscope/base/time.hpp"
#include "wgscope/checks/nat_flow.hpp"
#include "wgscope/checks/run.hpp"
#include "wgscope/checks/session.hpp"
#include "wgscope/diagnosis/nat_flow.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/path/silence_search.hpp"

#include "silent_flow.hpp"

namespace wgscope::checks {

/// Runs path::SilenceSearch on two real sessions: ours, which is silent, and the twin's, which
/// calls by echo requests that carry a number nobody else knows.
class TwinCalls {
 public:
  TwinCalls(Run& run, Session& ours, Session& twin, const TwinAddresses& way);
  TwinCalls(const TwinCalls&) = delete;
  TwinCalls& operator=(const TwinCalls&) = delete;
  ~TwinCalls() = default;

  /// Measures until the search is done, or the user ends it.
  void measure(const path::SilenceSearchConfig& config, diagnosis::FlowFacts& facts);

 private:
  void send(path::SilenceSearch& search);
  void heed_twins_handshakes(path::SilenceSearch& search);
  void call(std::uint32_t serial);
  void keep_twin_warm(Instant now);
  [[nodiscard]] std::optional<std::uint32_t> serial_of(std::span<const std::byte> packet) const;

  Run& run_;
  Session& ours_;
  Session& twin_;
  TwinAddresses way_;
  SilentFlow flow_;
  /// Random bytes that show that an echo request is a call of ours.
  std::array<std::byte, 8> mark_{};
  std::uint16_t id_ = 0;
  Instant warm_at_;  ///< when the twin next sends something, so that its own flow stays open
  std::size_t twins_sessions_;  ///< how many sessions the twin had made when that was last heeded
  std::optional<IpAddress> rejected_by_;  ///< who said by ICMP that calls are not let through
  Session::Attention attention_;          ///< registration for events of the twin's session
};

}  // namespace wgscope::checks
