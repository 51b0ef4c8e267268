#include "guest.hpp"

#include <array>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <fcntl.h>
#include <filesystem>
#include <functional>
#include <iterator>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <system_error>
#include <unistd.h>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <linux/capability.h>

#include "wgscope/os/unique_fd.hpp"

#include "files.hpp"
#include "process.hpp"

namespace wgscope::test {
namespace {

constexpr std::chrono::minutes kHang{2};

std::vector<std::string> words_of(const std::string& command) {
  std::istringstream in(command);
  return {std::istream_iterator<std::string>(in), {}};
}

void check(long result, const char* what) {
  if (result != 0) throw std::system_error(errno, std::generic_category(), what);
}

std::string read_to_end(int fd) {
  std::string text;
  std::array<char, 4096> piece{};
  for (ssize_t size = 0; (size = read(fd, piece.data(), piece.size())) > 0;)
    text.append(piece.data(), static_cast<std::size_t>(size));
  return text;
}

[[noreturn]] void answer(int fd, const std::function<void()>& drop,
                         const std::function<std::string()>& work) {
  std::string text;
  try {
    drop();
    text = work();
  } catch (const std::exception& error) {
    text = fmt::format("exception: {}", error.what());
  }
  _exit(write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size()) ? 0 : 1);
}

}  // namespace

Finished run_words(const std::string& command, ProcessOptions options) {
  return run(words_of(command), std::move(options), kHang);
}

std::string must_words(const std::string& command, ProcessOptions options) {
  return must_run(words_of(command), std::move(options), kHang);
}

Process in_background(const std::string& script) { return Process({"/bin/sh", "-c", script}); }

Churn::Churn(const std::string& commands)
    : stop_file_("/tmp/stop-churn"),
      process_((std::filesystem::remove(stop_file_),
                std::vector<std::string>{
                    "/bin/sh", "-c",
                    fmt::format("while [ ! -e {} ]; do {}; done", stop_file_, commands)})) {}

void Churn::stop() {
  write_file(stop_file_, "");
  if (!process_.wait(kHang)) throw std::runtime_error("a background script does not end");
}

Namespace::Namespace(std::string name) : name_(std::move(name)) {
  must("ip netns add {}", name_);
  must("ip -n {} link set lo up", name_);
}

Namespace::~Namespace() {
  if (exists(path())) run_words("ip netns del " + name_);
}

void Namespace::remove() { must("ip netns del {}", name_); }

Interface::Interface(std::string name, std::string_view kind, int index) : name_(std::move(name)) {
  must("ip link add {}name {} type {}", index == 0 ? "" : fmt::format("index {} ", index), name_,
       kind);
}

Interface::~Interface() {
  if (exists("/sys/class/net/" + name_)) run_words("ip link del " + name_);
}

bool exists(const std::string& path) {
  std::error_code ignored;
  return std::filesystem::exists(path, ignored);
}

std::string in_child(const std::function<void()>& drop, const std::function<std::string()>& work) {
  std::array<int, 2> fds{};
  check(pipe2(fds.data(), O_CLOEXEC), "pipe2");
  const os::UniqueFd from(fds[0]);
  os::UniqueFd to(fds[1]);
  const pid_t pid = fork();
  if (pid < 0) check(pid, "fork");
  if (pid == 0) answer(to.get(), drop, work);
  to.reset();
  std::string text = read_to_end(from.get());
  int status = 0;
  waitpid(pid, &status, 0);
  if (status != 0) throw std::runtime_error(fmt::format("the child ended with status {}", status));
  return text;
}

void become_nobody(std::uint64_t kept) {
  constexpr uid_t kNobody = 65534;
  check(prctl(PR_SET_KEEPCAPS, 1), "PR_SET_KEEPCAPS");
  check(setresgid(kNobody, kNobody, kNobody), "setresgid");
  check(setresuid(kNobody, kNobody, kNobody), "setresuid");
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  std::array<__user_cap_data_struct, 2> data{};
  for (std::size_t i = 0; i < data.size(); ++i) {
    data[i].permitted = static_cast<std::uint32_t>(kept >> (32 * i));
    data[i].effective = data[i].permitted;
  }
  check(syscall(SYS_capset, &header, data.data()), "capset");
}

}  // namespace wgscope::test
