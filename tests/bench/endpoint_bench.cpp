// Measures the embedded endpoint beside the limits and Debian's wireguard-go, and prints one table;
// script/bench starts it, in a network and a mount namespace of its own.

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "endpoint_gateway.hpp"
#include "endpoint_parts.hpp"
#include "measure.hpp"
#include "table.hpp"

namespace wgscope::bench {
namespace {

struct Row {
  std::string label;
  std::string ours;
  std::string wireguard_go;
  std::string goal;
  std::optional<bool> met = {};
};

std::string microseconds(double ns) { return fmt::format("{:.1f} µs", ns / 1e3); }
std::string milliseconds(double ns) { return fmt::format("{:.2f} ms", ns / 1e6); }
std::string gigabits(double value) { return fmt::format("{:.1f}", value); }
std::string mebibytes(std::size_t bytes) {
  return fmt::format("{:.1f} MiB", static_cast<double>(bytes) / (1024 * 1024));
}
template <class T>
std::string or_none(const std::optional<T>& value, std::string (*show)(T)) {
  return value ? show(*value) : "";
}

std::vector<Row> rows_of(const EndpointFigures& f) {
  const double handshake = f.handshake_cpu_ns / f.floor_ns;
  return {
      {"four X25519 operations: the floor of a handshake", microseconds(f.floor_ns), "", ""},
      {"responder, CPU a handshake, sockets and confirming packet included",
       microseconds(f.handshake_cpu_ns), or_none(f.go.handshake_cpu_ns, microseconds), ""},
      {"… times the floor", fmt::format("{:.2f}×", handshake),
       f.go.handshake_cpu_ns ? fmt::format("{:.2f}×", *f.go.handshake_cpu_ns / f.floor_ns) : "",
       "≤ 1.4×", handshake <= 1.4},
      {"refusing a bad mac1, million a second", fmt::format("{:.2f}", 1e3 / f.bad_mac1_ns), "",
       "≥ 2", 1e3 / f.bad_mac1_ns >= 2},
      {"data, sending, Gbit a CPU second", gigabits(f.send_gbit), "", "≥ 8", f.send_gbit >= 8},
      {"data, receiving, Gbit a CPU second", gigabits(f.receive_gbit), "", "≥ 8",
       f.receive_gbit >= 8},
      {"sealing alone, Gbit a CPU second", gigabits(f.seal_gbit), "", ""},
      {"TCP inside, sending side, Gbit a CPU second", gigabits(f.tcp_send_gbit),
       or_none(f.go.tcp_send_gbit, gigabits), "≥ 4", f.tcp_send_gbit >= 4},
      {"TCP inside, receiving side, Gbit a CPU second", gigabits(f.tcp_receive_gbit),
       or_none(f.go.tcp_receive_gbit, gigabits), "≥ 4", f.tcp_receive_gbit >= 4},
      {"first reply inside a new tunnel, warm process", milliseconds(f.first_reply_ns),
       or_none(f.go.first_reply_ns, milliseconds), "≤ 1.5 ms", f.first_reply_ns <= 1.5e6},
      {"first reply inside a new tunnel, from exec", milliseconds(f.first_reply_exec_ns), "",
       "≤ 15 ms", f.first_reply_exec_ns <= 15e6},
      {"RssAnon, idle", mebibytes(f.idle_bytes), or_none(f.go.idle_bytes, mebibytes), "≤ 2 MiB",
       f.idle_bytes <= 2UL << 20U},
      {"RssAnon, 2 000 peers with two live key pairs each", mebibytes(f.loaded_bytes),
       or_none(f.go.loaded_bytes, mebibytes), "≤ 20 MiB", f.loaded_bytes <= 20UL << 20U},
  };
}

void show(const EndpointFigures& figures) {
  Table table({"", "wgscope", "wireguard-go", "goal"});
  int missed = 0;
  for (const Row& row : rows_of(figures)) {
    std::string ours = row.ours;
    if (row.met) ours += *row.met ? " ok" : " MISS";
    missed += row.met && !*row.met ? 1 : 0;
    table.row({row.label, ours, row.wireguard_go, row.goal});
  }
  table.print();
  fmt::print("\n{}\n",
             missed == 0 ? "All goals are met." : fmt::format("{} goals are missed.", missed));
}

int run(int argc, char** argv) {
  EndpointOptions options;
  CLI::App app("Measures the embedded endpoint; started by script/bench.");
  app.add_flag("--quick", options.quick);
  app.add_flag("--no-wireguard-go{false}", options.wireguard_go);
  // What the bench starts itself: the other side, and, to measure from exec, one echo through
  // a new tunnel.
  std::vector<std::string> echo;
  app.add_option("--echo", echo)->expected(3);
  bool gateway = false;
  app.add_flag("--gateway", gateway);
  CLI11_PARSE(app, argc, argv);
  if (gateway) return run_gateway();
  if (!echo.empty()) return echo_once(echo);
  options.self = argv[0];
  show(measure_endpoint(options));
  return 0;
}

}  // namespace
}  // namespace wgscope::bench

int main(int argc, char** argv) {
  try {
    return wgscope::bench::run(argc, argv);
  } catch (const std::exception& error) {
    fmt::print(stderr, "endpoint_bench: {}\n", error.what());
    return 1;
  }
}
