#include "wgscope/checks/run.hpp"

#include <functional>
#include <optional>
#include <utility>

#include "wgscope/base/result.hpp"
#include "wgscope/base/time.hpp"
#include "wgscope/diagnosis/text.hpp"
#include "wgscope/os/clock.hpp"
#include "wgscope/os/poll_loop.hpp"
#include "wgscope/os/turn.hpp"

namespace wgscope::checks {

Result<Run> Run::open(Progress* progress, os::Turn* turn) {
  auto loop = os::PollLoop::open(turn);
  if (!loop) return tl::unexpected(loop.error());
  return Run(std::move(*loop), progress);
}

bool Run::wait(const std::function<bool()>& happened, Instant limit) {
  while (!happened()) {
    if (interrupted_ || os::boot_now() >= limit) return false;
    // A loop that fails cannot wait, so going on would only spin.
    if (!loop_.run_until(limit)) return false;
  }
  return true;
}

void Run::wait_at_most(const std::function<bool()>& happened, Instant limit) {
  static_cast<void>(wait(happened, limit));
}

bool Run::pass(Nanoseconds span) {
  pass_until(os::boot_now() + span);
  return !interrupted_;
}

void Run::pass_until(Instant limit) {
  wait_at_most([] { return false; }, limit);
}

Result<os::PollLoop::Watch> Run::watch(int fd, std::function<void()> read) {
  const auto come = [this, read = std::move(read)] {
    read();
    wake();
  };
  return loop_.add(fd, {.readable = come, .writable = {}, .error = come});
}

void Run::interrupt() {
  interrupted_ = true;
  wake();
}

void Run::say(const diagnosis::Text& what, std::optional<Instant> until) {
  if (progress_ != nullptr) progress_->on_wait(what, until);
}

}  // namespace wgscope::checks
