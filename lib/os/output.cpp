#include "wgscope/os/output.hpp"

#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <fcntl.h>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <poll.h>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>
#include <unistd.h>
#include <utility>

#include "wgscope/base/result.hpp"
#include "wgscope/base/secret_string.hpp"
#include "wgscope/base/time.hpp"
#include "wgscope/os/no_signals.hpp"
#include "wgscope/os/unique_fd.hpp"

namespace wgscope::os {
namespace {

/// @returns 0, or the error of write(2). Signals are blocked in the thread that calls this, so a
/// reader that has gone is an error and does not end the process.
int write_all(int fd, std::string_view rest) {
  while (!rest.empty()) {
    const ssize_t size = write(fd, rest.data(), rest.size());
    if (size >= 0) {
      rest.remove_prefix(static_cast<std::size_t>(size));
    } else if (errno == EAGAIN) {  // whoever opened it asked not to wait
      pollfd writable{.fd = fd, .events = POLLOUT, .revents = 0};
      poll(&writable, 1, -1);
    } else if (errno != EINTR) {
      return errno;
    }
  }
  return 0;
}

}  // namespace

struct Output::State {
  UniqueFd fd;
  std::size_t most_waiting = 0;
  std::mutex mutex;
  std::condition_variable changed;
  // All that follows is guarded by the mutex.
  std::function<std::string(std::uint64_t)> say_left_out;
  std::function<void()> failed;
  std::deque<SecretString> lines;
  std::size_t waiting = 0;  ///< bytes
  std::uint64_t left_out = 0;
  std::uint64_t writing = 0;  ///< how many lines what is being written stands for
  bool ended = false;
  std::optional<Error> error;

  [[nodiscard]] bool idle() const { return lines.empty() && left_out == 0 && writing == 0; }
  std::optional<SecretString> next(std::unique_lock<std::mutex>& lock);
  void run();
  void give_up(int sys_errno);
};

/// The next piece to write; nothing when there is nobody left to write for.
std::optional<SecretString> Output::State::next(std::unique_lock<std::mutex>& lock) {
  changed.wait(lock, [&] { return !lines.empty() || left_out > 0 || ended; });
  // Ended without a flush, or after one whose time was over: the process is about to end.
  if (ended) return std::nullopt;
  if (lines.empty()) {
    writing = std::exchange(left_out, 0);
    return SecretString(say_left_out(writing));
  }
  writing = 1;
  SecretString line = std::move(lines.front());
  lines.pop_front();
  waiting -= line.size();
  return line;
}

void Output::State::run() {
  std::unique_lock lock(mutex);
  while (const auto line = next(lock)) {
    lock.unlock();
    const int failure = write_all(fd.get(), line->view());
    lock.lock();
    writing = 0;
    changed.notify_all();
    if (failure != 0) return give_up(failure);
  }
}

void Output::State::give_up(int sys_errno) {
  error = fail_errno("write", sys_errno).value();
  lines.clear();
  waiting = 0;
  left_out = 0;
  changed.notify_all();
  if (failed) failed();
}

Output::Output(std::shared_ptr<State> state) : state_(std::move(state)) {}

Result<Output> Output::open(int fd, OutputOptions options) {
  auto state = std::make_shared<State>();
  state->fd.reset(fcntl(fd, F_DUPFD_CLOEXEC, 3));
  if (!state->fd) return fail_errno("write", errno);
  state->most_waiting = options.most_waiting;
  state->say_left_out = std::move(options.left_out);
  const NoSignals in_the_thread;
  try {
    std::thread([state] { state->run(); }).detach();
  } catch (const std::system_error& error) {
    return fail_errno("start a thread that writes", error.code().value());
  }
  return Output(std::move(state));
}

Output::~Output() {
  if (!state_) return;  // moved from
  const std::lock_guard lock(state_->mutex);
  state_->ended = true;
  state_->failed = nullptr;
  state_->changed.notify_all();
}

void Output::say(SecretString line) {
  const std::lock_guard lock(state_->mutex);
  if (state_->error) return;
  if (state_->left_out > 0 || state_->waiting + line.size() > state_->most_waiting) {
    ++state_->left_out;
  } else {
    state_->waiting += line.size();
    state_->lines.push_back(std::move(line));
  }
  state_->changed.notify_all();
}

std::uint64_t Output::flush(Nanoseconds patience) {
  std::unique_lock lock(state_->mutex);
  // A time of the steady clock, which is all that std::condition_variable waits for.
  state_->changed.wait_for(lock, std::chrono::duration_cast<std::chrono::microseconds>(patience),
                           [&] { return state_->idle() || state_->error; });
  return state_->lines.size() + state_->left_out + state_->writing;
}

void Output::on_failure(std::function<void()> function) {
  const std::lock_guard lock(state_->mutex);
  if (function && state_->error) return function();
  state_->failed = std::move(function);
}

std::optional<Error> Output::error() const {
  const std::lock_guard lock(state_->mutex);
  return state_->error;
}

}  // namespace wgscope::os
