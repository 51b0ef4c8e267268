#pragma once

#include <cstddef>
#include <span>

namespace wgscope {

/// Where random bytes come from: the system in programs, a seed in tests.
class Random {
 public:
  virtual ~Random() = default;
  virtual void fill(std::span<std::byte> out) = 0;
};

}  // namespace wgscope
