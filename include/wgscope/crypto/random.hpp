#pragma once

#include <cstddef>
#include <span>

#include "wgscope/base/random.hpp"

namespace wgscope::crypto {

/// OpenSSL's private random generator, seeded by the kernel. Ends the process if it fails: going on
/// with predictable keys would be worse. Any thread may use its own.
class SystemRandom final : public Random {
 public:
  void fill(std::span<std::byte> out) override;
};

}  // namespace wgscope::crypto
