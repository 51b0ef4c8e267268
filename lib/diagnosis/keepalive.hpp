#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <vector>

#include "wgscope/diagnosis/check_kinds.hpp"
#include "wgscope/diagnosis/report.hpp"
#include "wgscope/diagnosis/text.hpp"
#include "wgscope/path/keepalive.hpp"

namespace wgscope::diagnosis {

/// How long a silent flow is remembered.
struct LifetimeBracket {
  /// The longest silence that the flow survived; nothing: none.
  std::optional<std::chrono::seconds> alive_after;
  /// The shortest silence that it did not survive; nothing: none.
  std::optional<std::chrono::seconds> gone_after;
};

/// PersistentKeepalive, and what is known of the flow that it is to keep alive.
struct KeepaliveSeen {
  std::chrono::seconds interval{};   ///< the configured PersistentKeepalive; 0: off
  std::chrono::seconds slack{};      ///< by how much a keepalive may be late
  path::KeepaliveVerdict verdict{};  ///< whether silences of interval + slack were survived
  std::size_t survived = 0;          ///< how many silences of interval + slack were survived
  LifetimeBracket own;  ///< lifetime of the flow in the state in which the tunnel keeps it
  /// Lifetime of the flow in the state in which it is forgotten soonest: the margin is counted from
  /// it.
  LifetimeBracket shortest;
  std::chrono::seconds longest{};  ///< the longest silence that was to be tried
  bool finished = true;            ///< false: the measurement was interrupted
  /// A NAT is proven to be on the path, however long it remembers flows.
  bool behind_nat = false;
  std::vector<Text> evidence;  ///< lines that say how the lifetime was measured
};

/// Whether PersistentKeepalive is often enough, and with a margin.
Check judge_keepalive(CheckKind kind, const KeepaliveSeen& seen);

}  // namespace wgscope::diagnosis
