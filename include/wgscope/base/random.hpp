#pragma once

#include <cstddef>
#include <span>

namespace wgscope {

/// Where random bytes come from: an argument, as clocks are, so that tests repeat.
/// crypto::SystemRandom is the real one.
class Random {
 public:
  Random() = default;
  Random(const Random&) = delete;
  Random& operator=(const Random&) = delete;
  virtual ~Random() = default;

  virtual void fill(std::span<std::byte> out) = 0;
};

}  // namespace wgscope
