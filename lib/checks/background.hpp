#pragma once

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <functional>
#include <future>
#include <memory>
#include <string_view>
#include <sys/eventfd.h>
#include <system_error>
#include <thread>
#include <unistd.h>
#include <utility>

#include "wgscope/base/result.hpp"
#include "wgscope/checks/run.hpp"
#include "wgscope/os/poll_loop.hpp"
#include "wgscope/os/unique_fd.hpp"

namespace wgscope::checks {

/// Signals are for the thread that waits for them: those started meanwhile get none.
class NoSignals {
 public:
  NoSignals() {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  NoSignals(const NoSignals&) = delete;
  NoSignals& operator=(const NoSignals&) = delete;
  ~NoSignals() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

 private:
  sigset_t before_{};
};

/// A call that waits for others and cannot be stopped, on a thread of its own. Nothing it touches
/// is anybody else's, so that it may be left to end whenever it comes back; or never.
template <class T>
class Background {
 public:
  /// @param work  owns all it uses. Run::wake() is called once it is done.
  /// @param what  for errors: "start a thread that …". @returns io.
  static Result<Background> start(Run& run, std::string_view what, std::function<T()> work) {
    auto done = std::make_shared<os::UniqueFd>(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (!*done) return fail_errno("open an eventfd", errno);
    auto watch =
        run.loop().add(done->get(), {.readable =
                                         [&run, fd = done->get()] {
                                           // Taken, or it would be readable for as long as nobody
                                           // looks.
                                           std::uint64_t count = 0;
                                           static_cast<void>(read(fd, &count, sizeof count));
                                           run.wake();
                                         },
                                     .writable = {},
                                     .error = {}});
    if (!watch) return tl::unexpected(watch.error());
    std::promise<T> promise;
    Background made(promise.get_future(), done, std::move(*watch));
    const NoSignals in_the_thread;
    try {
      std::thread([promise = std::move(promise), done = std::move(done),
                   work = std::move(work)]() mutable {
        promise.set_value(work());
        const std::uint64_t one = 1;
        static_cast<void>(write(done->get(), &one, sizeof one));  // an eventfd has room for it
      }).detach();
    } catch (const std::system_error& error) {
      return fail_errno(what, error.code().value());
    }
    return made;
  }

  [[nodiscard]] bool ready() const {
    return found_.wait_for(std::chrono::seconds(0)) == std::future_status::ready;
  }
  /// What the call returned; once, and only where it is ready().
  T take() { return found_.get(); }

 private:
  Background(std::future<T> found, std::shared_ptr<os::UniqueFd> done, os::PollLoop::Watch watch)
      : found_(std::move(found)), done_(std::move(done)), watch_(std::move(watch)) {}

  std::future<T> found_;
  std::shared_ptr<os::UniqueFd> done_;  ///< an eventfd, which becomes readable then
  os::PollLoop::Watch watch_;           ///< ends before its descriptor
};

}  // namespace wgscope::checks
