#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "wgscope/base/result.hpp"
#include "wgscope/checks/question.hpp"
#include "wgscope/checks/tunnel.hpp"
#include "wgscope/config/expectations.hpp"
#include "wgscope/diagnosis/report.hpp"
#include "wgscope/model/address.hpp"

namespace wgscope::checks {

struct WholeOptions {
  bool quick = false;  ///< sends fewer pings, tries less often, and gives the MTU less time
  std::optional<IpAddress> target;  ///< an address inside the tunnel; nothing: one is guessed
  /// What must be reachable or not; empty: that is not asked.
  std::vector<config::Expectation> expectations;
  /// What the run leaves out: commands to name in the report of a tunnel that works.
  std::vector<diagnosis::Further> further;
};

/// Everything about one tunnel, over one handshake, in the order in which one answer explains the
/// next: the handshake, data, loss, the MTU in both directions, what is reachable. What an earlier
/// finding explains is skipped.
/// @param tunnel  outlives the question; its options apply to the handshake.
/// @returns bad_value: an address that is not inside the tunnel.
Result<std::unique_ptr<Question>> whole_question(Tunnel& tunnel, WholeOptions options);

}  // namespace wgscope::checks
