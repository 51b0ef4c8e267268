#include "wgscope/os/clock.hpp"

#include <algorithm>
#include <chrono>
#include <ctime>
#include <limits>

#include "wgscope/base/time.hpp"

namespace wgscope::os {
namespace {

Nanoseconds read_clock(clockid_t id) {
  timespec ts{};
  static_cast<void>(clock_gettime(id, &ts));  // cannot fail for these clocks
  return std::chrono::seconds(ts.tv_sec) + Nanoseconds(ts.tv_nsec);
}

}  // namespace

Instant boot_now() { return {read_clock(CLOCK_BOOTTIME)}; }

Now now() { return {boot_now(), {read_clock(CLOCK_REALTIME)}}; }

int poll_timeout_ms(Instant deadline) {
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - boot_now()).count();
  return static_cast<int>(std::clamp<decltype(left)>(left, 0, std::numeric_limits<int>::max()));
}

}  // namespace wgscope::os
