#pragma once

#include <chrono>
#include <thread>

namespace wgscope::test {

/// Asks `happened` again and again until it says yes or `timeout` has passed. Tests wait for
/// what they need to see, never for a fixed time: that is either too short on a busy machine or too
/// long on every other.
/// @param pause  between two times of asking, where asking is dear and waiting long
/// @returns whether it happened.
template <class Predicate>
[[nodiscard]] bool wait_until(Predicate happened, std::chrono::milliseconds timeout,
                              std::chrono::milliseconds pause = std::chrono::milliseconds{5}) {
  const auto deadline = std::chrono::steady_clock::now() + timeout;
  while (!happened()) {
    if (std::chrono::steady_clock::now() >= deadline) return false;
    // Most of what tests wait for has no descriptor to wait on, so it is asked for again and again:
    // often enough for a test to be quick, seldom enough to leave the processor to what it waits
    // for. tests/unit/sleeps_test.cpp lets no other test sleep.
    std::this_thread::sleep_for(pause);
  }
  return true;
}

}  // namespace wgscope::test
