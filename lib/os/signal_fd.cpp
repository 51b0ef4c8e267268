#include "wgscope/os/signal_fd.hpp"

#include <cerrno>
#include <initializer_list>
#include <optional>
#include <signal.h>  // NOLINT(modernize-deprecated-headers): POSIX, not C
#include <sys/signalfd.h>
#include <unistd.h>
#include <utility>

#include "wgscope/base/result.hpp"
#include "wgscope/os/unique_fd.hpp"

namespace wgscope::os {

Result<SignalFd> SignalFd::open(std::initializer_list<int> signals) {
  sigset_t wanted;
  sigset_t before;
  sigemptyset(&wanted);
  for (const int signal : signals) sigaddset(&wanted, signal);
  UniqueFd fd(signalfd(-1, &wanted, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!fd) return fail_errno("open a descriptor for signals", errno);
  if (const int error = pthread_sigmask(SIG_BLOCK, &wanted, &before); error != 0)
    return fail_errno("block signals", error);
  return SignalFd(std::move(fd), before);
}

SignalFd::~SignalFd() {
  if (fd_) pthread_sigmask(SIG_SETMASK, &before_, nullptr);
}

std::optional<int> SignalFd::next() {
  signalfd_siginfo info{};
  for (;;) {
    const ssize_t size = read(fd_.get(), &info, sizeof info);
    if (size == sizeof info) return static_cast<int>(info.ssi_signo);
    if (size >= 0 || errno != EINTR) return std::nullopt;
  }
}

}  // namespace wgscope::os
