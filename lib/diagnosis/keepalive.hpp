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

using path::LifetimeBracket;

/// PersistentKeepalive, and what is known of the flow that it is to keep alive.
struct KeepaliveSeen {
  std::chrono::seconds interval{};   ///< the configured PersistentKeepalive; 0: off
  path::KeepaliveVerdict verdict{};  ///< of trials of the interval's own silence
  std::size_t survived = 0;          ///< how many silences of the interval or more were survived
  LifetimeBracket own;  ///< lifetime of the flow in the state in which the tunnel keeps it
  /// Lifetime of a flow in which nothing has come back yet. Empty: unknown.
  LifetimeBracket new_flow = {};
  std::chrono::seconds longest_silence{};  ///< the longest silence that was to be tried
  bool finished = true;                    ///< false: the measurement was interrupted
  /// A NAT is proven to be on the path, however long it remembers flows.
  bool behind_nat = false;
  Words forgets = "a NAT or firewall";  ///< who it is that forgets flows
  Words to_narrow = "";                 ///< how a second run can look closer; empty: no need
  std::vector<Text> evidence = {};      ///< lines that say how the lifetime was measured
};

/// Whether PersistentKeepalive is often enough, and with a margin.
Check judge_keepalive(CheckKind kind, const KeepaliveSeen& seen);

}  // namespace wgscope::diagnosis
