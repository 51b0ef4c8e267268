#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "wgscope/base/time.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/path/hop_search.hpp"

namespace wgscope::path {

/// A router, or the far end, that is to be found out.
struct SimulatedHop {
  bool silent = false;
  double burst = 1000;   ///< answers that it has in store …
  Nanoseconds refill{};  ///< … and the time in which it gets one more
};

struct SimulatedHops {
  std::vector<SimulatedHop> hops;   ///< from 1 on; the last is the far end
  std::size_t drops_behind = 0;     ///< large packets get as far as this hop; 0: they do not leave
  bool reports = false;             ///< that hop says so, if it is not silent
  std::optional<std::size_t> lies;  ///< this hop says so about all that pass it
  bool identifies = false;          ///< answers quote enough to tell what they are about
  double loss = 0;                  ///< of a packet with its answer
  double late = 0;                  ///< share of answers that take up to 3 s more
  Nanoseconds per_hop = std::chrono::milliseconds{4};
  std::optional<std::size_t> passes_after;   ///< probes: then large packets pass
  std::optional<Nanoseconds> changes_after;  ///< time: then large packets are dropped behind …
  std::size_t drops_behind_then = 0;         ///< … this hop; the far end: they pass
};

struct SimulatedHopSearch {
  HopSearchResult result;
  Nanoseconds took{};
};

/// The address of a hop.
IpAddress address_of_hop(std::size_t number);

/// Runs a search to its end. The same seed gives the same run.
SimulatedHopSearch simulate(const HopSearchConfig& config, const SimulatedHops& path,
                            std::uint64_t seed);

}  // namespace wgscope::path
