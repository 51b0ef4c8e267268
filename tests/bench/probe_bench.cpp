// Measures the probe from its start to its end beside ping(8), and prints one table; script/bench
// starts it, in a network and a mount namespace of its own.

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <exception>
#include <filesystem>
#include <functional>
#include <stdexcept>
#include <string>
#include <thread>
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

/// Gateways take one initiation of a peer in 20 ms.
constexpr auto kBetweenRuns = 30ms;

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

}  // namespace
}  // namespace wgscope::bench

int main(int argc, char** argv) {
  CLI::App app("Measures the probe");
  std::string probe;
  bool quick = false;
  app.add_option("--probe", probe, "The program wgscope")->required();
  app.add_flag("--quick", quick, "Fewer rounds");
  CLI11_PARSE(app, argc, argv);
  try {
    wgscope::bench::bench(probe, quick ? 11 : 101);
    return 0;
  } catch (const std::exception& error) {
    fmt::print(stderr, "probe_bench: {}\n", error.what());
    return 1;
  }
}
