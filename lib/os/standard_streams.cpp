#include "wgscope/os/standard_streams.hpp"

#include <cerrno>
#include <csignal>
#include <cstddef>
#include <cstdio>
#include <fcntl.h>
#include <poll.h>
#include <string_view>
#include <sys/stat.h>
#include <unistd.h>

#include "wgscope/base/result.hpp"

namespace wgscope::os {
namespace {

/// open(2) takes the lowest number that is free: that of the stream, as those below it are open.
void occupy(int stream, int mode) {
  if (fcntl(stream, F_GETFD) != -1 || errno != EBADF) return;
  static_cast<void>(::open("/dev/null", mode));
}

/// @returns 0, or the errno of what could not be written.
int write_all(int fd, std::string_view text) noexcept {
  while (!text.empty()) {
    const ssize_t put = ::write(fd, text.data(), text.size());
    if (put >= 0) {
      text.remove_prefix(static_cast<std::size_t>(put));
      continue;
    }
    if (errno == EINTR) continue;
    if (errno != EAGAIN) return errno;
    // Somebody who shares the stream made it non-blocking.
    pollfd ready{.fd = fd, .events = POLLOUT, .revents = 0};
    static_cast<void>(::poll(&ready, 1, -1));
  }
  return 0;
}

}  // namespace

void secure_standard_streams() {
  static_cast<void>(std::signal(SIGPIPE, SIG_IGN));
  occupy(STDIN_FILENO, O_WRONLY);   // reading from it fails
  occupy(STDOUT_FILENO, O_RDONLY);  // writing to it fails
  occupy(STDERR_FILENO, O_WRONLY);  // nobody reads that, and nobody misses it
}

Result<> write_standard_output(std::string_view text) {
  // What others printed by stdio comes before it.
  const bool flushed = std::fflush(stdout) == 0;
  const int failure = flushed ? write_all(STDOUT_FILENO, text) : errno;
  if (failure != 0) return fail_errno("write to standard output", failure);
  return {};
}

void write_standard_error(std::string_view text) noexcept {
  static_cast<void>(write_all(STDERR_FILENO, text));
}

bool are_standard_outputs_one() {
  struct stat out{};
  struct stat err{};
  return fstat(STDOUT_FILENO, &out) == 0 && fstat(STDERR_FILENO, &err) == 0 &&
         out.st_dev == err.st_dev && out.st_ino == err.st_ino;
}

}  // namespace wgscope::os
