#pragma once

#include <algorithm>
#include <optional>

#include "wgscope/base/time.hpp"

namespace wgscope::checks {

/// The earlier of two times of which each may be missing.
inline std::optional<Instant> earlier(std::optional<Instant> a, std::optional<Instant> b) {
  if (!a || !b) return a ? a : b;
  return std::min(*a, *b);
}

}  // namespace wgscope::checks
