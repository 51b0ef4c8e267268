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
  std::optional<std::chrono::seconds> alive_after;  ///< the longest silence that it survived
  std::optional<std::chrono::seconds> gone_after;   ///< the shortest that it did not survive
};

/// PersistentKeepalive, and what is known of the flow that it is to keep alive.
struct KeepaliveSeen {
  std::chrono::seconds interval{};   ///< 0: off
  std::chrono::seconds slack{};      ///< by which a keepalive may be late
  path::KeepaliveVerdict verdict{};  ///< of silences of the interval and the slack
  std::size_t survived = 0;          ///< how many of those were survived
  LifetimeBracket own;               ///< of the flow in the state in which the tunnel keeps it
  /// Of the flow in the state in which it is forgotten soonest: what the margin is counted from.
  LifetimeBracket shortest;
  std::chrono::seconds longest{};  ///< how far was looked
  bool finished = true;            ///< false: it was cut short
  bool behind_nat = false;         ///< a NAT is proven, however long it remembers
  std::vector<Text> evidence;      ///< of the lifetime
};

/// Whether PersistentKeepalive is often enough, and with a margin.
Check judge_keepalive(CheckKind kind, const KeepaliveSeen& seen);

}  // namespace wgscope::diagnosis
