#include "processes.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <exception>
#include <fcntl.h>
#include <fstream>
#include <functional>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <system_error>
#include <unistd.h>
#include <vector>

#include <fmt/core.h>

#include "wgscope/model/device.hpp"
#include "wgscope/os/clock.hpp"
#include "wgscope/os/unique_fd.hpp"

#include "workload.hpp"

namespace wgscope::bench {
namespace {

[[noreturn]] void throw_errno(const std::string& what) {
  throw std::system_error(errno, std::generic_category(), what);
}

bool send_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t sent = send(fd, text.data(), text.size(), MSG_NOSIGNAL);
    if (sent < 0) return false;
    text.remove_prefix(static_cast<std::size_t>(sent));
  }
  return true;
}

os::UniqueFd listen_at(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) throw std::runtime_error(path + ": too long a path");
  std::copy(path.begin(), path.end(), address.sun_path);
  unlink(path.c_str());
  os::UniqueFd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
      listen(fd.get(), 64) != 0)
    throw_errno("listen at " + path);
  return fd;
}

/// One asker. `wg` connects once just to see whether anybody is there.
void answer(int fd, std::string_view text) {
  char request[64];
  if (recv(fd, request, sizeof request, 0) > 0) send_all(fd, text);
}

void serve_uapi(const std::string& path, const Device& device, int stream) {
  UapiAnswer answers(device);
  const os::UniqueFd udp(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  sockaddr_in any{};
  any.sin_family = AF_INET;
  any.sin_port = htons(device.listen_port);
  bind(udp.get(), reinterpret_cast<const sockaddr*>(&any), sizeof any);
  const os::UniqueFd listener = listen_at(path);
  if (write(stream, "r", 1) != 1) return;
  for (;;) {
    pollfd waits[] = {{listener.get(), POLLIN, 0}, {stream, POLLIN, 0}};
    poll(waits, std::size(waits), -1);
    if (waits[1].revents != 0) {
      char command = 0;
      if (read(stream, &command, 1) != 1) return;
      answers.change(os::now().wall);
      if (write(stream, &command, 1) != 1) return;
    }
    if (waits[0].revents != 0) {
      const os::UniqueFd asker(accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
      answer(asker.get(), answers.text());
    }
  }
}

}  // namespace

Child::Child(const std::function<void(int stream)>& body) {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) throw_errno("socketpair");
  stream_.reset(ends[0]);
  const os::UniqueFd child_end(ends[1]);
  pid_ = fork();
  if (pid_ < 0) throw_errno("fork");
  if (pid_ > 0) return;
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  signal(SIGPIPE, SIG_IGN);
  stream_.reset();
  try {
    body(child_end.get());
  } catch (const std::exception& error) {
    fmt::print(stderr, "bench: a child ended: {}\n", error.what());
  }
  _exit(1);
}

Child::~Child() {
  kill(pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
}

void Child::tell(char command) const {
  if (send(stream_.get(), &command, 1, MSG_NOSIGNAL) != 1) throw_errno("tell a child");
}

void Child::read(std::span<std::byte> into) const {
  if (recv(stream_.get(), into.data(), into.size(), MSG_WAITALL) !=
      static_cast<ssize_t>(into.size()))
    throw std::runtime_error("a child ended");
}

UapiServer::UapiServer(const std::string& path, const Device& device)
    : child_([&](int stream) { serve_uapi(path, device, stream); }) {
  std::byte ready{};
  child_.read({&ready, 1});
}

void UapiServer::change() const {
  child_.tell('c');
  std::byte done{};
  child_.read({&done, 1});
}

HttpChild::HttpChild(const std::function<void(int stream)>& serve) : child_(serve) {
  child_.read(std::as_writable_bytes(std::span(&port_, 1)));
}

void run_program(const std::vector<std::string>& argv) {
  std::vector<char*> arguments;
  for (const std::string& argument : argv) arguments.push_back(const_cast<char*>(argument.c_str()));
  arguments.push_back(nullptr);
  const pid_t pid = fork();
  if (pid < 0) throw_errno("fork");
  if (pid == 0) {
    const int nowhere = open("/dev/null", O_RDWR | O_CLOEXEC);
    dup2(nowhere, STDOUT_FILENO);
    execvp(arguments[0], arguments.data());
    _exit(127);
  }
  int status = 0;
  if (waitpid(pid, &status, 0) != pid || status != 0) throw std::runtime_error(argv[0] + " failed");
}

Memory memory_of(pid_t pid) {
  std::ifstream status(fmt::format("/proc/{}/status", pid));
  std::size_t anonymous = 0;
  std::size_t file = 0;
  std::size_t highest = 0;
  std::string name;
  for (std::string line; std::getline(status, line);) {
    const auto read = [&](std::string_view field, std::size_t& into) {
      if (line.starts_with(field))
        into = 1024 * std::strtoull(line.c_str() + field.size(), nullptr, 10);
    };
    read("RssAnon:", anonymous);
    read("RssFile:", file);
    read("VmHWM:", highest);
  }
  return {anonymous, std::max(anonymous, highest - file)};
}

}  // namespace wgscope::bench
