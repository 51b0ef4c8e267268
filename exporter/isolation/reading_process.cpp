#include "exporter/isolation/reading_process.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <optional>
#include <poll.h>
#include <ratio>
#include <stdexcept>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>
#include <utility>

#include <climits>
#include <fmt/core.h>

#include "wgscope/base/result.hpp"
#include "wgscope/base/time.hpp"
#include "wgscope/config/names.hpp"
#include "wgscope/model/snapshot.hpp"
#include "wgscope/os/clock.hpp"
#include "wgscope/os/standard_streams.hpp"
#include "wgscope/os/unique_fd.hpp"

#include "exporter/isolation/image.hpp"
#include "exporter/isolation/packet.hpp"
#include "exporter/isolation/protocol.hpp"
#include "exporter/isolation/remote_reading.hpp"
#include "exporter/isolation/shared_memory.hpp"
#include "exporter/process_usage.hpp"
#include "exporter/reading.hpp"

namespace wgscope::exporter {
namespace {

constexpr std::chrono::seconds kLongLife{10};  ///< who lives this long did not fail at its start
constexpr std::chrono::seconds kFirstPause{1};
constexpr std::chrono::seconds kLongestPause{30};
constexpr std::chrono::duration<int, std::milli> kMercy{500};  ///< to end after SIGKILL

/// What a terminal or a service manager sends to all processes is for the one that serves.
void leave_signals_to_the_server() {
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGQUIT})
    static_cast<void>(std::signal(signal, SIG_IGN));
}

/// The descriptors of this process are the other's: held here, its sockets would outlive it.
void close_others(int kept) {
  constexpr int kFirst = STDERR_FILENO + 1;
  if (kept > kFirst) close_range(kFirst, static_cast<unsigned>(kept) - 1, 0);
  close_range(static_cast<unsigned>(kept) + 1, UINT_MAX, 0);
}

/// Holds the last answer, and the names of the last one that had any.
class Answers {
 public:
  explicit Answers(Reading& reading) : reading_(&reading) {}

  /// @returns the answer, and the descriptor that must go with it, or -1.
  Result<std::pair<ReadAnswer, int>> answer(const ReadRequest& request) {
    const Now now{{Nanoseconds(request.boot_ns)}, {Nanoseconds(request.wall_ns)}};
    reading_->read(now, Instant{Nanoseconds(request.deadline_ns)}, snapshot_, names_);
    if (names_.names != sent_names_) {
      sent_names_ = names_.names;
      ++generation_;
    }
    const Image image{snapshot_, names_, request.generation != generation_};
    const std::size_t size = image.size();
    const bool other_memory = !fits(size);
    if (other_memory) {
      auto made = SharedMemory::make(std::max(kLeastMemory, size + size / 4));
      if (!made) return tl::unexpected(made.error());
      memory_ = std::move(*made);
    }
    image.write(memory_.writable().first(size));
    const auto used = memory_used();
    return std::pair{ReadAnswer{request.sequence, size, generation_, cpu_used().count(),
                                used ? used->resident_bytes : 0},
                     other_memory ? memory_.descriptor() : -1};
  }

 private:
  static constexpr std::size_t kLeastMemory = 64U << 10U;

  /// Memory far too large is given back: names, which may be many, are handed over only once.
  [[nodiscard]] bool fits(std::size_t size) const {
    return size <= memory_.size() && memory_.size() / 8 <= std::max(kLeastMemory, size);
  }

  Reading* reading_;
  Snapshot snapshot_;
  NamesReading names_;
  std::shared_ptr<const config::PeerNames> sent_names_;
  std::uint64_t generation_ = 1;
  SharedMemory memory_;
};

/// In the child: reads until the server is gone, and ends.
[[noreturn]] void run_reader(os::UniqueFd server, const RemoteReading::Make& make) noexcept {
  prctl(PR_SET_NAME, "wgscope-reader");
  try {
    const std::unique_ptr<Reading> reading = make();
    serve_readings(std::move(server), *reading);
  } catch (const std::exception& error) {
    os::write_standard_error(
        fmt::format("wgscope-exporter: the reading process: {}\n", error.what()));
    _exit(1);
  }
  _exit(0);
}

class Keeper {
 public:
  Keeper(os::UniqueFd server, const RemoteReading::Make& make)
      : server_(std::move(server)), make_(&make) {}

  /// Until the server is gone.
  void run() {
    while (start()) {
      if (!wait_for_end() || !pause()) return;
      ++started_.restarts;
    }
  }

 private:
  bool start();
  bool wait_for_end();
  bool pause();
  /// Waits for the server to go. @returns whether it is still there at the end of the time.
  [[nodiscard]] bool server_stays(std::chrono::milliseconds time) const {
    pollfd one{server_.get(), 0, 0};
    return poll(&one, 1, static_cast<int>(time.count())) <= 0;
  }

  os::UniqueFd server_;
  const RemoteReading::Make* make_;
  ReaderStarted started_{};
  os::UniqueFd reader_;  ///< pidfd_open(2)
  pid_t pid_ = -1;
  Instant began_;
  std::chrono::seconds pause_ = kFirstPause;
};

bool Keeper::start() {
  auto sockets = make_socket_pair();
  if (!sockets) return false;
  const pid_t keeper = getpid();
  began_ = os::boot_now();
  pid_ = fork();
  if (pid_ < 0) return false;
  if (pid_ == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != keeper) _exit(1);  // it ended before the line above
    server_.reset();
    sockets->ours.reset();
    run_reader(std::move(sockets->theirs), *make_);
  }
  reader_.reset(static_cast<int>(syscall(SYS_pidfd_open, pid_, 0)));
  return reader_ && send_packet(server_.get(), started_, sockets->ours.get());
}

/// Of the reader. @returns whether the server is still there.
bool Keeper::wait_for_end() {
  std::array<pollfd, 2> both{pollfd{server_.get(), 0, 0}, pollfd{reader_.get(), POLLIN, 0}};
  while (both[1].revents == 0) {
    poll(both.data(), both.size(), -1);
    if (both[0].revents == 0) continue;
    kill(pid_, SIGKILL);
    // One that is stuck in the kernel is left to init.
    if (poll(&both[1], 1, kMercy.count()) > 0) waitpid(pid_, nullptr, 0);
    return false;
  }
  int status = 0;
  waitpid(pid_, &status, 0);
  started_.ended_by_signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
  started_.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 0;
  return true;
}

/// Before the next start. @returns whether the server is still there.
bool Keeper::pause() {
  if (os::boot_now() - began_ >= kLongLife) {
    pause_ = kFirstPause;
    return server_stays(std::chrono::milliseconds(0));
  }
  const bool stays = server_stays(pause_);
  pause_ = std::min(pause_ * 2, kLongestPause);
  return stays;
}

}  // namespace

void serve_readings(os::UniqueFd server, Reading& reading) {
  Answers answers(reading);
  ReadRequest request{};
  os::UniqueFd unexpected;
  while (receive_packet(server.get(), request, unexpected, std::nullopt) == Arrival::packet) {
    unexpected.reset();
    auto answer = answers.answer(request);
    if (!answer) throw std::runtime_error(answer.error().context);
    if (!send_packet(server.get(), answer->first, answer->second)) return;
  }
}

void keep_reading_process(os::UniqueFd server, const RemoteReading::Make& make) noexcept {
  prctl(PR_SET_NAME, "wgscope-keeper");
  leave_signals_to_the_server();
  close_others(server.get());
  Keeper(std::move(server), make).run();
  _exit(0);
}

}  // namespace wgscope::exporter
