#pragma once

#include <cstddef>
#include <span>

#include "wgscope/base/random.hpp"

namespace wgscope::crypto {

/// The kernel's generator (getrandom(2), through libsodium). Ends the process if it fails: going on
/// with predictable keys would be worse. Any thread may use its own, and so may a process after
/// fork(2). There is nothing to set up, unlike with OpenSSL's own.
class SystemRandom final : public Random {
 public:
  void fill(std::span<std::byte> out) override;
};

}  // namespace wgscope::crypto
