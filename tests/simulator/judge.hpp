#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "truth.hpp"

namespace wgscope::simulator {

/// The longest time from the beginning of a fault to its alert, by alert.
using Promises = std::map<std::string, Time>;

struct Named {
  const Truth* truth;
  std::optional<Time> after;  ///< nothing: it was never named
  Time promise;
  [[nodiscard]] bool kept() const { return after && *after <= promise; }
};

struct Verdict {
  std::vector<Named> faults;                ///< each that was injected
  std::vector<const Firing*> false_alarms;  ///< that no truth explains
};

/// What fired at the evaluations that Prometheus made. promtool evaluates through its pauses as well,
/// and rules see a sample for 5 min: an alert that began in a pause fired if it still did at the
/// first evaluation after it.
std::vector<Firing> without_pauses(std::vector<Firing> firings, const std::vector<Pause>& pauses,
                                   Time evaluation);

/// How long after the end of what happened an alert may still begin: rules look back, the longest
/// 15 min, and wait.
constexpr Time kMemory = std::chrono::minutes(20);

/// A firing is right if something that its alert names had begun at that scope and was not over for
/// longer than kMemory when it began. A fault is named by the first right firing that began, or was
/// under way, after its beginning.
Verdict judge(const std::vector<Truth>& truths, const std::vector<Firing>& firings,
              const Promises& promises);

/// The same for rules that do not say which fault they mean: any alert at the peer of a fault
/// counts, if it began after the fault.
Verdict judge_any(const std::vector<Truth>& truths, const std::vector<Firing>& firings,
                  const Promises& promises);

}  // namespace wgscope::simulator
