// What goes wrong where the kernel is the gateway, and what only a machine of one's own can have: a
// clock to set.

#include <chrono>
#include <cstdint>
#include <exception>
#include <filesystem>
#include <optional>
#include <stdexcept>
#include <string>
#include <sys/socket.h>
#include <vector>

#include <fmt/core.h>

#include "wgscope/os/unique_fd.hpp"

#include "exporter.hpp"
#include "http.hpp"
#include "local_server.hpp"
#include "paths.hpp"
#include "process.hpp"
#include "scenario.hpp"
#include "wait.hpp"

namespace wgscope::test {
namespace {

using namespace std::chrono_literals;

/// A virtual machine in which kernel_guest runs.
class KernelGateway : public Fault {
 public:
  KernelGateway() {
    const auto serves = [this] {
      try {
        return !machine_.running() || http({.port = metrics_}, {}, 2s).status == 200;
      } catch (const std::exception&) {
        return false;
      }
    };
    if (!wait_until(serves, 90s, 100ms) || !machine_.running())
      throw std::runtime_error("the machine does not serve: " + machine_.out() + machine_.err());
  }
  ~KernelGateway() override {
    try {
      tell("exit");
      static_cast<void>(machine_.wait(10s));
    } catch (const std::exception&) {  // killed with its process
    }
  }

  [[nodiscard]] std::uint16_t port() const override { return metrics_; }

 protected:
  /// Has the machine run a line of shell.
  void tell(const std::string& line) const {
    const os::UniqueFd connection = connect_tcp({.port = commands_});
    limit_waiting(connection.get());
    send_all(connection.get(), line + "\n");
    shutdown(connection.get(), SHUT_WR);
    static_cast<void>(receive_until(connection.get(), ""));
  }

 private:
  std::uint16_t metrics_ = free_port();
  std::uint16_t commands_ = free_port();
  Process machine_{{source_dir() / "tests/kernel/vm", "--timeout", "850", "--memory", "512",
                    "--with", Exporter::program(), "--forward", fmt::format("{}:9586", metrics_),
                    "--forward", fmt::format("{}:7", commands_),
                    source_dir() / "tests/e2e/faults/kernel_guest"}};
};

class ClockStep : public KernelGateway {
 public:
  void inject() override { tell("date -s @$(($(date +%s) + 60))"); }
};

/// The peer sends from an address that is not its own.
class StrayPackets : public KernelGateway {
 public:
  void inject() override {
    tell(
        "/bin/ip -n far address add 10.9.0.77/32 dev wg1;"
        " /bin/ip netns exec far ping -q -I 10.9.0.77 10.9.0.1 >/dev/null &");
  }
  void repair() override { tell("killall ping"); }
};

std::optional<std::string> why_no_machine() {
  if (run({"qemu-system-x86_64", "--version"}).exit_code != 0)
    return "no program qemu-system-x86_64 (Debian package qemu-system-x86)";
  if (!std::filesystem::exists(source_dir() / "build/deps/kernel/boot"))
    return "no kernel (script/bootstrap --tests unpacks it)";
  return std::nullopt;
}

}  // namespace

std::vector<Scenario> kernel_scenarios() {
  const std::optional<std::string> missing = why_no_machine();
  return {
      {.name = "clock-step",
       .alert = "WireGuardClockStep",
       .make = make_place<ClockStep>,
       .missing = missing},
      {.name = "stray-packets",
       .alert = "WireGuardFrameErrors",
       .make = make_place<StrayPackets>,
       .missing = missing},
  };
}

}  // namespace wgscope::test
