#include "wgscope/checks/resolve_all.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <sys/eventfd.h>
#include <system_error>
#include <thread>
#include <unistd.h>
#include <utility>
#include <vector>

#include "wgscope/base/result.hpp"
#include "wgscope/base/time.hpp"
#include "wgscope/checks/run.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/os/no_signals.hpp"
#include "wgscope/os/poll_loop.hpp"
#include "wgscope/os/resolve.hpp"
#include "wgscope/os/unique_fd.hpp"

namespace wgscope::checks {
namespace {

LookedUp look_up(std::string name) {
  LookedUp made{.name = std::move(name), .addresses = {}};
  const auto found = os::resolve(made.name, 0);
  made.failed = !found && found.error().code != Errc::bad_value;
  if (!found) return made;
  for (const Endpoint& endpoint : *found) made.addresses.push_back(endpoint.address);
  std::ranges::sort(made.addresses);
  const auto repeated = std::ranges::unique(made.addresses);
  made.addresses.erase(repeated.begin(), repeated.end());
  return made;
}

/// What the threads share with the caller, and outlives whoever goes first.
class Work {
 public:
  Work(std::vector<std::string> names, os::UniqueFd progress)
      : progress_(std::move(progress)), names_(std::move(names)) {
    found_.reserve(names_.size());
    for (const std::string& name : names_) found_.push_back({.name = name, .addresses = {}});
  }

  /// Looks names up until none is left.
  void run() {
    for (;;) {
      std::size_t index = 0;
      {
        const std::lock_guard lock(mutex_);
        if (next_ == names_.size()) return;
        index = next_++;
      }
      LookedUp looked_up = look_up(names_[index]);
      const std::lock_guard lock(mutex_);
      found_[index] = std::move(looked_up);
      ++done_;
      const std::uint64_t one = 1;
      static_cast<void>(write(progress_.get(), &one, sizeof one));  // an eventfd has room for it
    }
  }

  [[nodiscard]] int progress() const { return progress_.get(); }
  void take_progress() const {
    std::uint64_t count = 0;
    static_cast<void>(read(progress_.get(), &count, sizeof count));
  }
  [[nodiscard]] bool is_done() {
    const std::lock_guard lock(mutex_);
    return done_ == names_.size();
  }
  /// What is known. No further look-up begins.
  [[nodiscard]] std::vector<LookedUp> end() {
    const std::lock_guard lock(mutex_);
    next_ = names_.size();
    return found_;
  }

 private:
  os::UniqueFd progress_;  ///< an eventfd, readable after each look-up
  const std::vector<std::string> names_;
  std::mutex mutex_;
  std::size_t next_ = 0;
  std::size_t done_ = 0;
  std::vector<LookedUp> found_;
};

}  // namespace

std::vector<LookedUp> resolve_all(Run& run, std::vector<std::string> names, Instant deadline) {
  const std::size_t threads = std::min(names.size(), kLookupThreads);
  auto work = std::make_shared<Work>(std::move(names),
                                     os::UniqueFd(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)));
  if (threads == 0 || work->progress() < 0) return work->end();
  const auto watch = run.loop().add(work->progress(), {.readable =
                                                           [&] {
                                                             work->take_progress();
                                                             run.wake();
                                                           },
                                                       .writable = {},
                                                       .error = {}});
  if (!watch) return work->end();
  {
    const os::NoSignals in_the_threads;
    try {
      for (std::size_t i = 0; i < threads; ++i) std::thread([work] { work->run(); }).detach();
    } catch (const std::system_error&) {  // NOLINT(bugprone-empty-catch): what follows is enough
      // Those that could be started do it; without any, nothing becomes known by the deadline.
    }
  }
  run.wait_at_most([&] { return work->is_done(); }, deadline);
  return work->end();
}

}  // namespace wgscope::checks
