#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "process.hpp"

// Programs, network namespaces and privileges, for tests that have a machine of their own and are
// root in it: names are fixed, and nobody else makes interfaces.

namespace wgscope::test {

/// A command's words are separated by single blanks; no shell is involved, since busybox's
/// takes its own `ip` before the real one. Time limits are for a hang: everything takes ten
/// times longer here.
Finished run_words(const std::string& command, ProcessOptions options = {});
std::string must_words(const std::string& command, ProcessOptions options = {});

/// Runs a command that must succeed. @returns its standard output. @throws std::runtime_error.
template <class... Args>
std::string must(fmt::format_string<Args...> command, Args&&... args) {
  return must_words(fmt::format(command, std::forward<Args>(args)...));
}

/// A shell script in the background, to be held by the scope it runs in.
Process in_background(const std::string& script);

/// Commands that a shell runs over and over in the background.
class Churn {
 public:
  explicit Churn(const std::string& commands);

  /// Waits until the commands have run to their end once more, so that nothing is under
  /// way any longer.
  void stop();

 private:
  std::string stop_file_;
  Process process_;
};

/// A named network namespace; lo is up. Removed with all that is in it when the scope ends.
class Namespace {
 public:
  explicit Namespace(std::string name);
  Namespace(const Namespace&) = delete;
  Namespace& operator=(const Namespace&) = delete;
  ~Namespace();

  void remove();
  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] std::string path() const { return "/run/netns/" + name_; }

 private:
  std::string name_;
};

/// A link of the machine's first namespace; removed when the scope ends.
class Interface {
 public:
  /// @param index  as ifindex, which is also the order the kernel lists links in; 0: the next.
  explicit Interface(std::string name, std::string_view kind = "wireguard", int index = 0);
  Interface(const Interface&) = delete;
  Interface& operator=(const Interface&) = delete;
  ~Interface();

 private:
  std::string name_;
};

bool exists(const std::string& path);

/// Runs `work` in a child process after `drop` took its privileges. @returns what `work` returned.
std::string in_child(const std::function<void()>& drop, const std::function<std::string()>& work);

/// For in_child: become user nobody and keep only the capabilities of the mask `kept` (bits
/// of linux/capability.h).
void become_nobody(std::uint64_t kept);

}  // namespace wgscope::test
