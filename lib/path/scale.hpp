#pragma once

#include "wgscope/base/time.hpp"

namespace wgscope::path {

/// A time multiplied by a factor that need not be a whole number.
inline Nanoseconds times(Nanoseconds time, double factor) {
  return Nanoseconds(static_cast<Nanoseconds::rep>(static_cast<double>(time.count()) * factor));
}

}  // namespace wgscope::path
