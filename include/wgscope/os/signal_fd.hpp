#pragma once

#include <initializer_list>
#include <optional>
#include <signal.h>  // NOLINT(modernize-deprecated-headers): POSIX, not C

#include "wgscope/base/result.hpp"
#include "wgscope/os/unique_fd.hpp"

namespace wgscope::os {

/// Signals as something to read, for a PollLoop (signalfd(2)). They are blocked in the calling
/// thread and in threads it makes later, until this ends: make it before the first thread.
class SignalFd {
 public:
  /// @param signals  such as SIGINT and SIGTERM. @returns io.
  static Result<SignalFd> open(std::initializer_list<int> signals);

  SignalFd(SignalFd&&) noexcept = default;
  SignalFd& operator=(SignalFd&&) = delete;
  SignalFd(const SignalFd&) = delete;
  SignalFd& operator=(const SignalFd&) = delete;
  /// Restores the thread's signal mask; a signal that was not taken is delivered then.
  ~SignalFd();

  [[nodiscard]] int fd() const { return fd_.get(); }
  /// Takes a signal that came, and gives its number; nothing: none is left.
  std::optional<int> next();

 private:
  SignalFd(UniqueFd fd, const sigset_t& before) : fd_(std::move(fd)), before_(before) {}

  UniqueFd fd_;
  sigset_t before_;
};

}  // namespace wgscope::os
