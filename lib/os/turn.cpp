#include "wgscope/os/turn.hpp"

#include <cstdint>
#include <mutex>

namespace wgscope::os {

void Turn::take() {
  std::unique_lock lock(mutex_);
  const std::uint64_t mine = ++last_asked_;
  next_.wait(lock, [&] { return serving_ == mine; });
}

void Turn::give_up() {
  {
    const std::scoped_lock lock(mutex_);
    ++serving_;
  }
  next_.notify_all();
}

}  // namespace wgscope::os
