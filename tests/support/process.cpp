#include "process.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <fcntl.h>
#include <iterator>
#include <optional>
#include <poll.h>
#include <regex>
#include <signal.h>
#include <stdexcept>
#include <string>
#include <string_view>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <system_error>
#include <unistd.h>
#include <utility>
#include <vector>

#include <fmt/core.h>
#include <fmt/ranges.h>

#include "wgscope/os/unique_fd.hpp"

namespace wgscope::test {
namespace {

using Clock = std::chrono::steady_clock;

[[noreturn]] void throw_errno(const std::string& what) {
  throw std::system_error(errno, std::generic_category(), what);
}

milliseconds left_until(Clock::time_point deadline) {
  return std::max(milliseconds{0}, std::chrono::ceil<milliseconds>(deadline - Clock::now()));
}

struct PipeEnds {
  os::UniqueFd read_end;
  os::UniqueFd write_end;
};

PipeEnds make_pipe() {
  std::array<int, 2> fds{};
  if (pipe2(fds.data(), O_CLOEXEC) != 0) throw_errno("pipe2");
  constexpr int kPipeSize = 1 << 20;  // what anyone may ask for (/proc/sys/fs/pipe-max-size)
  fcntl(fds[0], F_SETPIPE_SZ, kPipeSize);
  fcntl(fds[0], F_SETFL, O_NONBLOCK);
  return {os::UniqueFd(fds[0]), os::UniqueFd(fds[1])};
}

// A file in memory rather than a pipe: the child can read it when it likes, and nobody has
// to feed it.
os::UniqueFd open_input(std::string_view text) {
  os::UniqueFd file(memfd_create("input", MFD_CLOEXEC));
  if (!file) throw_errno("memfd_create");
  for (std::string_view rest = text; !rest.empty();) {
    const ssize_t written = write(file.get(), rest.data(), rest.size());
    if (written < 0) throw_errno("write input");
    rest.remove_prefix(static_cast<std::size_t>(written));
  }
  lseek(file.get(), 0, SEEK_SET);
  return file;
}

std::vector<std::string> merged_environment(const std::vector<std::string>& added) {
  const auto name_of = [](std::string_view variable) {
    return variable.substr(0, variable.find('='));
  };
  std::vector<std::string> merged = added;
  for (char** variable = environ; *variable != nullptr; ++variable)
    if (std::ranges::find(added, name_of(*variable), name_of) == added.end())
      merged.emplace_back(*variable);
  return merged;
}

std::vector<char*> pointers_to(std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  for (std::string& text : texts) pointers.push_back(text.data());
  pointers.push_back(nullptr);
  return pointers;
}

// In the child, between fork and exec: only async-signal-safe calls
// (signal-safety(7)), no allocation.
[[noreturn]] void become(char* const* argv, char* const* env, int in, int out, int err,
                         pid_t parent) {
  setpgid(0, 0);
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) _exit(127);  // it ended before the line above
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  dup2(in, STDIN_FILENO);
  dup2(out, STDOUT_FILENO);
  dup2(err, STDERR_FILENO);
  execvpe(argv[0], argv, env);
  constexpr std::string_view kMessage = "cannot execute ";
  [[maybe_unused]] const auto a = write(STDERR_FILENO, kMessage.data(), kMessage.size());
  [[maybe_unused]] const auto b =
      write(STDERR_FILENO, argv[0], std::char_traits<char>::length(argv[0]));
  _exit(127);
}

}  // namespace

Process::Process(std::vector<std::string> argv, ProcessOptions options) {
  if (!options.netns.empty()) {
    const std::array<std::string, 4> prefix{"ip", "netns", "exec", options.netns};
    argv.insert(argv.begin(), prefix.begin(), prefix.end());
  }
  std::vector<std::string> env = merged_environment(options.env);
  const std::vector<char*> argv_pointers = pointers_to(argv);
  const std::vector<char*> env_pointers = pointers_to(env);
  const os::UniqueFd input = open_input(options.input);
  PipeEnds out = make_pipe();
  PipeEnds err = make_pipe();

  const pid_t parent = getpid();
  pid_ = fork();
  if (pid_ < 0) throw_errno("fork");
  if (pid_ == 0)
    become(argv_pointers.data(), env_pointers.data(), input.get(), out.write_end.get(),
           err.write_end.get(), parent);
  setpgid(pid_, pid_);  // here too: whoever comes first, nobody signals the group before it exists
  // By its number: glibc 2.36 declares pidfd_open() without C linkage.
  end_ = os::UniqueFd(static_cast<int>(syscall(SYS_pidfd_open, pid_, 0)));
  if (!end_) {
    const int why = errno;
    ::kill(-pid_, SIGKILL);  // an object that was never made has no destructor to do it
    waitpid(pid_, nullptr, 0);
    throw std::system_error(why, std::generic_category(), "pidfd_open");
  }
  pipes_.push_back({std::move(out.read_end), &out_});
  pipes_.push_back({std::move(err.read_end), &err_});
}

Process::~Process() {
  if (status_) return;
  ::kill(-pid_, SIGKILL);
  while (waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) continue;
}

void Process::signal(int number) {
  if (!status_) ::kill(pid_, number);
}

bool Process::reap() {
  int raw = 0;
  if (!status_ && waitpid(pid_, &raw, WNOHANG) == pid_)
    status_ = WIFEXITED(raw) ? WEXITSTATUS(raw) : 128 + WTERMSIG(raw);
  return status_.has_value();
}

// Reads what the child has said; waits up to `limit` for it to say something, or for the descriptor
// `also` to be readable, if there is one (poll(2) passes over -1).
// @returns false once both of its outputs are closed.
bool Process::read_output(milliseconds limit, int also) {
  std::vector<pollfd> waiting{{also, POLLIN, 0}};
  for (const Pipe& pipe : pipes_) waiting.push_back({pipe.read_end.get(), POLLIN, 0});
  poll(waiting.data(), waiting.size(), static_cast<int>(limit.count()));

  std::array<char, 1 << 16> buffer;
  std::erase_if(pipes_, [&buffer](Pipe& pipe) {
    ssize_t count = 0;
    while ((count = read(pipe.read_end.get(), buffer.data(), buffer.size())) > 0)
      pipe.text->append(buffer.data(), static_cast<std::size_t>(count));
    return count == 0;  // end of file; -1 is EAGAIN
  });
  return !pipes_.empty();
}

template <class Predicate>
bool Process::read_until(Predicate seen, milliseconds timeout) {
  const auto deadline = Clock::now() + timeout;
  bool more = read_output(milliseconds{0});
  while (!seen() && more && Clock::now() < deadline) more = read_output(left_until(deadline));
  return seen();
}

bool Process::wait_for_output(std::string_view text, milliseconds timeout) {
  const auto in = [text](const std::string& output) {
    return output.find(text) != std::string::npos;
  };
  return read_until([&] { return in(out_) || in(err_); }, timeout);
}

bool Process::wait_for_output(const std::regex& pattern, milliseconds timeout) {
  return read_until(
      [&] { return std::regex_search(out_, pattern) || std::regex_search(err_, pattern); },
      timeout);
}

std::optional<int> Process::wait(milliseconds timeout) {
  // Grandchildren may hold the pipes open after the child's end, and the child may close them
  // before it, so its end is waited for beside them.
  const auto deadline = Clock::now() + timeout;
  while (!reap() && Clock::now() < deadline) read_output(left_until(deadline), end_.get());
  read_output(milliseconds{0});
  return status_;
}

bool Process::running() { return !reap(); }

Finished run(std::vector<std::string> argv, ProcessOptions options, milliseconds timeout) {
  const std::string command = fmt::format("{}", fmt::join(argv, " "));
  Process process(std::move(argv), std::move(options));
  const std::optional<int> status = process.wait(timeout);
  if (!status)
    throw std::runtime_error(fmt::format("{}: not through after {} ms; it said: {}{}", command,
                                         timeout.count(), process.out(), process.err()));
  return {*status, process.out(), process.err()};
}

std::string must_run(std::vector<std::string> argv, ProcessOptions options, milliseconds timeout) {
  const std::string command = fmt::format("{}", fmt::join(argv, " "));
  Finished finished = run(std::move(argv), std::move(options), timeout);
  if (finished.exit_code != 0)
    throw std::runtime_error(fmt::format("{}: exit status {}; it said: {}{}", command,
                                         finished.exit_code, finished.out, finished.err));
  return std::move(finished.out);
}

}  // namespace wgscope::test
