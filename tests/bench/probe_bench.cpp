// Measures the probe from its start to its end beside ping(8), or beside another build of itself,
// and prints one table; script/bench starts it, in a network and a mount namespace of its own.

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <exception>
#include <filesystem>
#include <functional>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "measure.hpp"
#include "process.hpp"
#include "processes.hpp"
#include "table.hpp"
#include "temp_dir.hpp"

namespace wgscope::bench {
namespace {

using namespace std::chrono_literals;

/// Gateways take one initiation of a peer in 20 ms, so the probe waits for 100 ms after the key's
/// last one, of whichever run. That wait is not what is measured.
constexpr auto kBetweenRuns = 130ms;

struct Command {
  std::string label;
  std::string goal;
  std::vector<std::string> argv;
  std::vector<double> wall_ms{};
};

double median(std::vector<double> values) {
  std::ranges::nth_element(values, values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2));
  return values[values.size() / 2];
}

/// In turn, so that a busy neighbour slows all alike.
void run_in_turn(std::vector<Command>& commands, int rounds) {
  for (int round = 0; round < rounds; ++round) {
    for (Command& command : commands) {
      // A gateway is given what it demands of a peer, so that what follows measures the probe and
      // not its retry.
      std::this_thread::sleep_for(kBetweenRuns);
      const auto begun = std::chrono::steady_clock::now();
      run_program(command.argv);
      const std::chrono::duration<double, std::milli> took =
          std::chrono::steady_clock::now() - begun;
      command.wall_ms.push_back(took.count());
    }
  }
}

void bench(const std::string& probe, int rounds) {
  const test::TempDir folder;
  const std::string config = folder / "probe.conf";
  test::Process listener(
      {probe, "listen", "--generate", "--peer-file", config, "--uapi.dir", folder.path()});
  if (!listener.wait_for_output("stop with", 10s))
    throw std::runtime_error("wgscope listen does not begin: " + listener.err());
  std::vector<std::string> handshake{probe,         "handshake",   "--config",   config,
                                     "--state.dir", folder.path(), "--uapi.dir", folder.path()};
  auto without_data = handshake;
  without_data.emplace_back("--no-data");
  std::vector<Command> commands{
      {"wgscope --version: to start and to end", "", {probe, "--version"}},
      {"wgscope handshake, with a round trip inside the tunnel", "≤ 30 ms", handshake},
      {"wgscope handshake --no-data", "", without_data},
      {"ping -c1", "", {"ping", "-c1", "127.0.0.1"}},
  };
  run_in_turn(commands, rounds);
  Table table({"from exec to exit, loopback", "median", "fastest", "of ping", "goal"});
  const double ping = median(commands.back().wall_ms);
  for (const Command& command : commands) {
    const double middle = median(command.wall_ms);
    table.row({command.label, fmt::format("{:.1f} ms", middle),
               fmt::format("{:.1f} ms", std::ranges::min(command.wall_ms)),
               fmt::format("{:.1f}×", middle / ping), command.goal});
  }
  table.print();
}

/// What each verb is asked on a path where all is well. The file's tunnel is that of `listener`.
std::vector<std::pair<std::string, std::vector<std::string>>> healthy_questions(
    const std::string& config, const std::string& folder, const std::string& server) {
  const std::vector<std::string> tunnel{"--config", config,       "--state.dir",
                                        folder,     "--uapi.dir", folder};
  const std::string inside = "10.95.86.1";
  std::vector<std::pair<std::string, std::vector<std::string>>> questions{
      {"handshake", {"handshake", "--ping", inside}},
      {"ping -c 3 -i 100ms", {"ping", "-c", "3", "-i", "100ms", inside}},
      {"mtu --quick", {"mtu", "--quick", inside}},
      {"mtu", {"mtu", inside}},
      {"reach, 3 targets",
       {"reach", "--icmp", inside, "--tcp", inside + ":7", "--udp", inside + ":7"}}};
  for (auto& [name, arguments] : questions)
    arguments.insert(arguments.end(), tunnel.begin(), tunnel.end());
  questions.push_back({"nat --quick", {"nat", "--quick", "--no-router", "--stun", server}});
  return questions;
}

/// Each verb of two builds, in turn, against one gateway of the newer.
void compare(const std::string& probe, const std::string& before, int rounds) {
  const test::TempDir folder;
  const std::string config = folder / "probe.conf";
  test::Process listener({probe, "listen", "--generate", "--stun", "--listen-port", "51820",
                          "--peer-file", config, "--uapi.dir", folder.path()});
  if (!listener.wait_for_output("stop with", 10s))
    throw std::runtime_error("wgscope listen does not begin: " + listener.err());
  std::vector<Command> commands;
  const auto questions = healthy_questions(config, folder.path(), "127.0.0.1:51820");
  for (const auto& [name, arguments] : questions) {
    for (const std::string& program : {before, probe}) {
      std::vector<std::string> argv{program};
      argv.insert(argv.end(), arguments.begin(), arguments.end());
      commands.push_back({name, "", std::move(argv)});
    }
  }
  run_in_turn(commands, rounds);
  Table table({"from exec to exit, loopback", "before", "now", "now ÷ before", "fastest of each"});
  for (std::size_t i = 0; i < commands.size(); i += 2) {
    const double then = median(commands[i].wall_ms);
    const double now = median(commands[i + 1].wall_ms);
    table.row({commands[i].label, fmt::format("{:.1f} ms", then), fmt::format("{:.1f} ms", now),
               fmt::format("{:.2f}", now / then),
               fmt::format("{:.1f} ms, {:.1f} ms", std::ranges::min(commands[i].wall_ms),
                           std::ranges::min(commands[i + 1].wall_ms))});
  }
  table.print();
}

}  // namespace
}  // namespace wgscope::bench

int main(int argc, char** argv) {
  CLI::App app("Measures the probe");
  std::string probe;
  std::string before;
  bool quick = false;
  app.add_option("--probe", probe, "The program wgscope")->required();
  app.add_option("--before", before, "Another build of it, to compare each verb with");
  app.add_flag("--quick", quick, "Fewer rounds");
  CLI11_PARSE(app, argc, argv);
  try {
    if (before.empty())
      wgscope::bench::bench(probe, quick ? 11 : 101);
    else
      wgscope::bench::compare(probe, before, quick ? 3 : 11);
    return 0;
  } catch (const std::exception& error) {
    fmt::print(stderr, "probe_bench: {}\n", error.what());
    return 1;
  }
}
