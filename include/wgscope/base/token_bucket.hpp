#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>

#include "wgscope/base/time.hpp"

namespace wgscope {

/// How often something may happen: `burst` times at once, then `per_second`, of which 0 counts as 1
/// in an hour. For one thread at a time.
class TokenBucket {
 public:
  TokenBucket(std::uint32_t per_second, std::uint32_t burst)
      : cost_(per_second == 0 ? Nanoseconds(std::chrono::hours(1))
                              : Nanoseconds(std::chrono::seconds(1)) / per_second),
        capacity_(cost_ * burst),
        tokens_(capacity_) {}

  /// @param amount  how often at once. @returns false when there is not so much left.
  bool take(Instant now, std::uint32_t amount = 1) {
    tokens_ = std::min(capacity_, tokens_ + (now - last_));
    last_ = now;
    if (tokens_ < cost_ * amount) return false;
    tokens_ -= cost_ * amount;
    return true;
  }
  [[nodiscard]] Instant last() const { return last_; }

 private:
  Nanoseconds cost_;
  Nanoseconds capacity_;
  Nanoseconds tokens_;
  Instant last_;
};

}  // namespace wgscope
