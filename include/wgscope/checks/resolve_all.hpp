#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "wgscope/base/time.hpp"
#include "wgscope/checks/run.hpp"
#include "wgscope/model/address.hpp"

namespace wgscope::checks {

/// So many names are looked up at the same time.
inline constexpr std::size_t kLookupThreads = 16;

/// What became of the look-up of one name.
struct LookedUp {
  std::string name;
  std::vector<IpAddress> addresses;  ///< sorted, each once
  bool failed = true;  ///< nothing is known: no server answered, or not before the deadline
};

/// Looks many names up, as os::resolve() does, on threads of their own, which are left to
/// themselves where they are no longer waited for. A name that does not exist has no addresses, and
/// that is not a failure.
/// @param names  each once.
std::vector<LookedUp> resolve_all(Run& run, std::vector<std::string> names, Instant deadline);

}  // namespace wgscope::checks
