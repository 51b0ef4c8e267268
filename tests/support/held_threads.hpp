#pragma once

#include <cerrno>
#include <filesystem>
#include <string>
#include <string_view>
#include <sys/ptrace.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <system_error>
#include <vector>

#include <fmt/core.h>

#include "files.hpp"

namespace wgscope::test {

/// Holds threads of another process where they are.
class HeldThreads {
 public:
  explicit HeldThreads(const std::vector<pid_t>& threads) {
    for (const pid_t thread : threads) {
      if (ptrace(PTRACE_SEIZE, thread, nullptr, nullptr) != 0 ||
          ptrace(PTRACE_INTERRUPT, thread, nullptr, nullptr) != 0 ||
          waitpid(thread, nullptr, __WALL) != thread)
        throw std::system_error(errno, std::generic_category(), "ptrace");
      held_.push_back(thread);
    }
  }
  /// For a process that is being killed: its parent learns of its end only once the one who holds
  /// its threads did.
  void let_go_of_ended() {
    std::erase_if(held_, [](pid_t thread) {
      int status = 0;
      return waitpid(thread, &status, __WALL | WNOHANG) == thread &&
             (WIFEXITED(status) || WIFSIGNALED(status));
    });
  }
  HeldThreads(const HeldThreads&) = delete;
  HeldThreads& operator=(const HeldThreads&) = delete;
  ~HeldThreads() {
    for (const pid_t thread : held_) ptrace(PTRACE_DETACH, thread, nullptr, nullptr);
  }

 private:
  std::vector<pid_t> held_;
};

/// All threads of a process but its first, or those of this name.
inline std::vector<pid_t> threads_of(pid_t pid, std::string_view named) {
  std::vector<pid_t> threads;
  for (const auto& entry : std::filesystem::directory_iterator(fmt::format("/proc/{}/task", pid)))
    if (named.empty() || read_file(entry.path() / "comm") == fmt::format("{}\n", named))
      threads.push_back(std::stoi(entry.path().filename().string()));
  std::erase(threads, pid);
  return threads;
}

}  // namespace wgscope::test
