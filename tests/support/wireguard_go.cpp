#include "wireguard_go.hpp"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <filesystem>
#include <iterator>
#include <signal.h>
#include <stdexcept>
#include <string>
#include <sys/socket.h>
#include <sys/un.h>
#include <system_error>
#include <unistd.h>
#include <utility>
#include <vector>

#include <fmt/core.h>

#include "wgscope/os/unique_fd.hpp"

#include "files.hpp"
#include "netns.hpp"
#include "process.hpp"
#include "wait.hpp"

namespace wgscope::test {
namespace {

using namespace std::chrono_literals;

// Empty for a process that is gone or a zombie.
std::string command_line(const std::string& pid) {
  const std::string path = "/proc/" + pid + "/cmdline";
  try {
    return read_file(path);
  } catch (const std::runtime_error&) {
    return {};
  }
}

// `wg` must not be used to find this out: it removes a socket that refuses, as one does between
// bind(2) and listen(2), and wireguard-go then ends.
bool accepts_on(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  const os::UniqueFd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  return ::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
}

// A daemon's pid is written nowhere, and asking the socket for it names the parent that listened
// and ended.
// @returns 0 when there is none, or none yet: a process has no command line in the middle of its
// exec, and its parent may have ended by then.
pid_t find_daemon(const std::string& interface) {
  const std::string wanted = fmt::format("wireguard-go{0}{1}{0}", '\0', interface);
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
    const std::string text = entry.path().filename();
    pid_t pid = 0;
    if (std::from_chars(text.data(), text.data() + text.size(), pid).ec != std::errc{}) continue;
    if (command_line(text) == wanted) return pid;
  }
  return 0;
}

}  // namespace

KeyPair make_key_pair() {
  const auto line = [](std::string text) { return text.substr(0, text.find('\n')); };
  KeyPair pair;
  pair.private_key = line(must_run({"wg", "genkey"}));
  pair.public_key =
      line(must_run({"wg", "pubkey"}, {.env = {}, .netns = {}, .input = pair.private_key + "\n"}));
  return pair;
}

WireguardGo::WireguardGo(const NetworkNamespace& netns, Mode mode, std::string name)
    : netns_(netns), name_(std::move(name)) {
  if (mode == Mode::foreground) {
    // The variable keeps it from printing its banner and from making a child of its own.
    foreground_.emplace(
        std::vector<std::string>{"wireguard-go", "-f", name_},
        ProcessOptions{.env = {"WG_PROCESS_FOREGROUND=1"}, .netns = netns.name(), .input = {}});
    pid_ = foreground_->pid();
  } else {
    netns.must({"wireguard-go", name_});
    if (!wait_until([this] { return (pid_ = find_daemon(name_)) != 0; }, 10s))
      throw std::runtime_error("no wireguard-go process for " + name_);
  }
  if (!wait_until([this] { return accepts_on(socket_path()); }, 10s))
    throw std::runtime_error("wireguard-go does not serve " + socket_path());
}

WireguardGo::~WireguardGo() {
  const auto ended = [this] {
    return foreground_ ? !foreground_->running() : command_line(std::to_string(pid_)).empty();
  };
  signal(SIGTERM);
  signal(SIGCONT);
  if (!wait_until(ended, 3s)) signal(SIGKILL);
  std::error_code ignored;
  std::filesystem::remove(socket_path(), ignored);  // SIGKILL leaves it
}

std::string WireguardGo::wg(std::vector<std::string> arguments, std::string input) const {
  std::vector<std::string> command{"wg"};
  std::ranges::move(arguments, std::back_inserter(command));
  return netns_.must(std::move(command), std::move(input));
}

void WireguardGo::up(const std::string& address) const {
  netns_.must({"ip", "address", "add", address, "dev", name_, "nodad"});
  netns_.must({"ip", "link", "set", name_, "up"});
}

void WireguardGo::signal(int number) const {
  if (pid_ > 0) kill(pid_, number);
}

}  // namespace wgscope::test
