#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <random>

#include "wgscope/base/time.hpp"
#include "wgscope/path/mtu_search.hpp"

namespace wgscope::path {

/// A path as it is, which a search is to find out. Both ways are one here: what is lost, is.
struct SimulatedPath {
  std::size_t mtu = 1500;
  std::optional<std::size_t> interface_mtu;  ///< of the sender, which refuses what is above
  bool reports = false;                      ///< sends "too big"
  std::optional<std::size_t> lie;  ///< claims this MTU about whatever is larger, passed or not
  double loss = 0;                 ///< of a probe with its answer
  std::optional<double> rate;      ///< bytes a second, of a token bucket …
  double depth = 4000;             ///< … that holds so many
  std::size_t large = 0;           ///< what is larger than this is lost more often:
  double large_loss = 0;           ///< at random
  bool rate_of_large = false;      ///< `rate` is for those alone
  Nanoseconds round_trip = std::chrono::milliseconds{20};
  Nanoseconds jitter{};  ///< added at random
  std::optional<Nanoseconds> changes_after;
  std::size_t mtu_then = 0;  ///< after the change; 0: nothing passes any more
};

struct Simulated {
  MtuResult result;
  Nanoseconds took{};
  std::optional<Nanoseconds> current_known;  ///< when it was known whether the current size fits
  std::size_t current_known_probes = 0;
};

/// Runs a search to its end over a path. The same seed gives the same run.
Simulated simulate(const MtuSearchConfig& config, const SimulatedPath& path, std::uint64_t seed);

}  // namespace wgscope::path
