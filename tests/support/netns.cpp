#include "netns.hpp"

#include <atomic>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <net/if.h>
#include <optional>
#include <sched.h>
#include <signal.h>
#include <stdexcept>
#include <string>
#include <string_view>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <system_error>
#include <thread>
#include <unistd.h>
#include <utility>
#include <vector>

#include <fmt/core.h>

#include "wgscope/os/netns.hpp"
#include "wgscope/os/unique_fd.hpp"

#include "process.hpp"

namespace wgscope::test {
namespace {

constexpr std::string_view kPrefix = "wgs-";

int next_number() {
  static std::atomic<int> number = 0;
  return ++number;
}

// A test killed at its time limit leaves its namespaces behind; the next test to need
// one removes them.
void remove_those_of_dead_tests() {
  const std::vector<std::string> names = os::list_named_netns().value();
  for (const std::string& name : names) {
    if (!name.starts_with(kPrefix)) continue;
    pid_t owner = 0;
    const auto parsed =
        std::from_chars(name.data() + kPrefix.size(), name.data() + name.size(), owner);
    if (parsed.ec != std::errc{} || owner <= 0) continue;
    if (kill(owner, 0) != 0 && errno == ESRCH) run({"ip", "netns", "del", name});
  }
}

// By hand: in the virtual machine of the kernel's tests, programs cost most of the time.
void set_loopback_up(const std::string& netns) {
  bool up = false;
  std::thread([&] {
    const auto target = os::Netns::open(netns);
    if (!target || !target->enter()) return;
    const os::UniqueFd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    ifreq request{};
    std::strcpy(request.ifr_name, "lo");
    request.ifr_flags = IFF_UP;
    up = ioctl(socket.get(), SIOCSIFFLAGS, &request) == 0;
  }).join();
  if (!up) throw std::runtime_error("the loopback of " + netns + " cannot be set up");
}

}  // namespace

std::optional<std::string> why_no_netns() {
  if (geteuid() != 0) return "network namespaces need root";
  if (run({"ip", "-Version"}).exit_code != 0) return "no program ip (Debian package iproute2)";
  if (run({"unshare", "--net", "true"}).exit_code != 0)
    return "network namespaces are not allowed here";
  if (!os::UniqueFd(open("/dev/net/tun", O_RDWR | O_CLOEXEC)))
    return "/dev/net/tun cannot be opened";
  if (run({"wireguard-go", "--version"}).exit_code != 0)
    return "no program wireguard-go (Debian package wireguard-go)";
  if (run({"wg", "--version"}).exit_code != 0)
    return "no program wg (Debian package wireguard-tools)";
  return std::nullopt;
}

std::string unique_interface_name() { return fmt::format("wgs{}n{}", getpid(), next_number()); }

void leave_shared_folders() {
  const auto must = [](int result, const char* what) {
    if (result != 0) throw std::system_error(errno, std::generic_category(), what);
  };
  must(unshare(CLONE_NEWNS), "a mount namespace");
  must(mount("none", "/", nullptr, MS_REC | MS_SLAVE, nullptr), "mounts that do not spread");
  for (const char* folder : {"/run/netns", "/run/wireguard"}) {
    std::filesystem::create_directories(folder);
    must(mount("none", folder, "tmpfs", 0, "mode=0755"), folder);
  }
}

NetworkNamespace::NetworkNamespace()
    : name_(fmt::format("{}{}-{}", kPrefix, getpid(), next_number())) {
  remove_those_of_dead_tests();
  must_run({"ip", "netns", "add", name_});
  set_loopback_up(path());
}

NetworkNamespace::~NetworkNamespace() {
  try {
    run({"ip", "netns", "del", name_});
  } catch (...) {  // left for remove_those_of_dead_tests()
  }
}

Finished NetworkNamespace::exec(std::vector<std::string> argv, std::string input) const {
  return run(std::move(argv), {.env = {}, .netns = name_, .input = std::move(input)});
}

std::string NetworkNamespace::must(std::vector<std::string> argv, std::string input) const {
  return must_run(std::move(argv), {.env = {}, .netns = name_, .input = std::move(input)});
}

void NetworkNamespace::ip(std::string commands) const {
  commands += '\n';  // without one, the last line is none
  must_run({"ip", "-n", name_, "-batch", "-"},
           {.env = {}, .netns = {}, .input = std::move(commands)});
}

Veth connect(const NetworkNamespace& left, const std::string& left_address,
             const NetworkNamespace& right, const std::string& right_address) {
  Veth veth{unique_interface_name(), unique_interface_name()};
  must_run({"ip", "link", "add", veth.left, "netns", left.name(), "type", "veth", "peer", "name",
            veth.right, "netns", right.name()});
  // Without duplicate address detection, an IPv6 address is usable at once.
  constexpr const char* kAddress = "address add {0} dev {1} nodad\nlink set {1} up";
  left.ip(fmt::format(kAddress, left_address, veth.left));
  right.ip(fmt::format(kAddress, right_address, veth.right));
  return veth;
}

}  // namespace wgscope::test
