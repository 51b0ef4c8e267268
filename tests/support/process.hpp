#pragma once

#include <chrono>
#include <optional>
#include <regex>
#include <string>
#include <string_view>
#include <sys/types.h>
#include <vector>

#include "wgscope/os/unique_fd.hpp"

namespace wgscope::test {

using std::chrono::milliseconds;

struct ProcessOptions {
  std::vector<std::string> env;  ///< NAME=VALUE, added to the test's own environment
  std::string
      netns;  ///< name of a network namespace to run in (ip-netns(8)); empty for the test's own
  std::string input;  ///< what it reads from standard input
};

/// A child process whose output is kept in memory.
///
/// Output is read while a function of this class waits, and never by a thread; the pipes hold 1 MiB
/// each, so a child that says more than that while nobody waits will block. The child is the leader
/// of its own process group, which is killed as a whole by the destructor, and it dies with the
/// thread that started it, so that nothing is left running when a test program is killed at its
/// time limit. For one thread; a child that cannot be started throws.
class Process {
 public:
  explicit Process(std::vector<std::string> argv, ProcessOptions options = {});
  ~Process();
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  [[nodiscard]] pid_t pid() const { return pid_; }
  [[nodiscard]] const std::string& out() const { return out_; }  ///< standard output read so far
  [[nodiscard]] const std::string& err() const { return err_; }  ///< standard error read so far

  /// Waits until either output holds `text`, or a match of `pattern`.
  /// @returns false when it did not by `timeout`, or the child closed its outputs without it.
  [[nodiscard]] bool wait_for_output(std::string_view text, milliseconds timeout);
  [[nodiscard]] bool wait_for_output(const std::regex& pattern, milliseconds timeout);

  /// Waits for the end. @returns the exit status as a shell has it: 128 + N when signal N ended it;
  /// nothing when it still runs at `timeout`.
  [[nodiscard]] std::optional<int> wait(milliseconds timeout);
  [[nodiscard]] bool running();

  void signal(int number);

 private:
  struct Pipe {
    os::UniqueFd read_end;
    std::string* text;
  };

  bool read_output(milliseconds limit, int also = -1);
  template <class Predicate>
  bool read_until(Predicate seen, milliseconds timeout);
  bool reap();

  pid_t pid_ = -1;
  os::UniqueFd end_;  ///< a pidfd: readable once the child has ended
  std::optional<int> status_;
  std::string out_;
  std::string err_;
  std::vector<Pipe> pipes_;
};

struct Finished {
  int exit_code;  ///< as of Process::wait
  std::string out;
  std::string err;
};

/// Runs a command to its end. One that is not through by `timeout` is killed, and throws.
Finished run(std::vector<std::string> argv, ProcessOptions options = {},
             milliseconds timeout = std::chrono::seconds{20});

/// run() for set-up: throws with the command's error output unless it ends with 0.
/// @returns its standard output.
std::string must_run(std::vector<std::string> argv, ProcessOptions options = {},
                     milliseconds timeout = std::chrono::seconds{20});

}  // namespace wgscope::test
