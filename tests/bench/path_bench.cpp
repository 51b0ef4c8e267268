// Finds one path's MTU with the probe, with tracepath(8) and with a bisection by ping(8), and
// counts the packets and seconds that each needs; script/bench starts it.
//
//   ours ---- r1 ---- r2 ---- far        r2 sends at most 1400 bytes to far, with or without
//                                        reporting that

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <regex>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "netns.hpp"
#include "process.hpp"
#include "table.hpp"
#include "temp_dir.hpp"

namespace wgscope::bench {
namespace {

using namespace std::chrono_literals;
using test::Finished;
using test::NetworkNamespace;

constexpr const char* kFar = "10.30.2.2";
constexpr std::size_t kMtu = 1400;

/// As scripts do it: the largest payload that passes with DF, between 576 and 9000 bytes.
constexpr const char* kBisection =
    "lo=548; hi=8972; while [ $((hi - lo)) -gt 0 ]; do mid=$(((lo + hi + 1) / 2)); "
    "if ping -n -q -M do -c 1 -W 1 -s $mid 10.30.2.2 >/dev/null 2>&1; then lo=$mid; "
    "else hi=$((mid - 1)); fi; done; echo \"path MTU $((lo + 28))\"";

class Chain {
 public:
  Chain() {
    for (std::size_t link = 0; link < links_.size(); ++link)
      links_.at(link) = test::connect(*hosts_.at(link), fmt::format("10.30.{}.1/24", link),
                                      *hosts_.at(link + 1), fmt::format("10.30.{}.2/24", link));
    ours_.ip("route add 10.30.1.0/24 via 10.30.0.2\nroute add 10.30.2.0/24 via 10.30.0.2");
    first_.ip("route add 10.30.2.0/24 via 10.30.1.2");
    second_.ip("route add 10.30.0.0/24 via 10.30.1.1");
    far_.ip("route add 10.30.0.0/24 via 10.30.2.1\nroute add 10.30.1.0/24 via 10.30.2.1");
    for (const NetworkNamespace* router : {&first_, &second_})
      router->must({"sysctl", "-qw", "net.ipv4.ip_forward=1"});
    ours_.must({"sysctl", "-qw", "net.ipv4.ping_group_range=0 2147483647"});
    // Where the kernel has it; without, a path of no length at all.
    delayed_ =
        first_.exec({"tc", "qdisc", "add", "dev", links_[1].left, "root", "netem", "delay", "20ms"})
            .exit_code == 0;
  }

  void limit() const {
    second_.ip(fmt::format("route replace 10.30.2.0/24 dev {} mtu lock {}", links_[2].left, kMtu));
  }
  void silence() const {
    second_.must({"nft", "-f", "-"},
                 "table inet wgs { chain c { type filter hook output priority 0; icmp type "
                 "destination-unreachable icmp code 4 drop; }; }\n");
  }
  /// What is known of the path is forgotten, so that each begins alike.
  void forget() const { ours_.must({"ip", "route", "flush", "cache"}); }

  [[nodiscard]] std::uint64_t packets_sent() const {
    std::istringstream lines(ours_.must({"cat", "/proc/net/dev"}));
    for (std::string line; std::getline(lines, line);) {
      const auto colon = line.find(':');
      if (colon == std::string::npos || line.find(links_[0].left) == std::string::npos) continue;
      std::istringstream fields(line.substr(colon + 1));
      std::uint64_t value = 0;
      for (int i = 0; i < 10; ++i) fields >> value;  // eight of receiving; bytes, packets
      return value;
    }
    throw std::runtime_error("no such interface: " + links_[0].left);
  }

  [[nodiscard]] const NetworkNamespace& ours() const { return ours_; }
  [[nodiscard]] const NetworkNamespace& far() const { return far_; }
  [[nodiscard]] bool delayed() const { return delayed_; }

 private:
  NetworkNamespace ours_;
  NetworkNamespace first_;
  NetworkNamespace second_;
  NetworkNamespace far_;
  std::array<const NetworkNamespace*, 4> hosts_{&ours_, &first_, &second_, &far_};
  std::array<test::Veth, 3> links_;
  bool delayed_ = false;
};

struct Command {
  std::string label;
  std::vector<std::string> argv;
  std::regex found;  ///< its group is the MTU
};

std::vector<Command> commands(const std::string& probe, const std::string& config,
                              const test::TempDir& folder) {
  return {{"wgscope mtu",
           {probe, "mtu", "--config", config, "--endpoint", std::string(kFar) + ":51820",
            "--state.dir", folder.path(), "--uapi.dir", folder.path()},
           std::regex("takes ([0-9]+) bytes|path takes MTU ([0-9]+)")},
          {"wgscope mtu --outer", {probe, "mtu", "--outer", kFar}, std::regex("takes ([0-9]+) b")},
          {"tracepath -n", {"tracepath", "-n", kFar}, std::regex("Resume: pmtu ([0-9]+)")},
          {"ping -M do, bisection", {"sh", "-c", kBisection}, std::regex("path MTU ([0-9]+)")}};
}

std::string found_in(const Command& command, const std::string& text) {
  std::smatch match;
  if (!std::regex_search(text, match, command.found)) return "nothing";
  if (match.size() > 2 && match[2].matched)
    return fmt::format("{}", std::stoul(match[2].str()) + 60);  // a tunnel's
  return match[1].str();
}

void measure(const Chain& chain, const std::vector<Command>& all, Table& table) {
  double first = 0;
  for (const Command& command : all) {
    chain.forget();
    const std::uint64_t before = chain.packets_sent();
    const auto begun = std::chrono::steady_clock::now();
    const Finished ended =
        test::run(command.argv, {.env = {}, .netns = chain.ours().name(), .input = {}}, 300s);
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begun;
    if (first <= 0) first = took.count();
    const std::uint64_t sent = chain.packets_sent() - before;
    table.row({command.label, found_in(command, ended.out), std::to_string(sent),
               fmt::format("{:.1f}", took.count()), fmt::format("{:.1f}×", took.count() / first)});
  }
}

void bench(const std::string& probe) {
  const test::TempDir folder;
  const std::string config = folder / "probe.conf";
  const Chain chain;
  test::Process listener({probe, "listen", "--generate", "--listen-port", "51820", "--endpoint",
                          kFar, "--peer-file", config, "--uapi.dir", folder.path()},
                         {.env = {}, .netns = chain.far().name(), .input = {}});
  if (!listener.wait_for_output("stop with", 10s))
    throw std::runtime_error("wgscope listen does not begin: " + listener.err());
  const std::vector<Command> all = commands(probe, config, folder);
  Table table({"3 hops", "found", "packets sent", "seconds", "of wgscope mtu"});
  table.section(chain.delayed() ? "MTU 1500 all the way, 20 ms" : "MTU 1500 all the way");
  measure(chain, all, table);
  chain.limit();
  table.section("MTU 1400 in the middle, reported");
  measure(chain, all, table);
  chain.silence();
  table.section("MTU 1400 in the middle, a black hole");
  measure(chain, all, table);
  table.print();
}

}  // namespace
}  // namespace wgscope::bench

int main(int argc, char** argv) {
  CLI::App app("Measures how a path's MTU is found");
  std::string probe;
  app.add_option("--probe", probe, "The program wgscope")->required();
  CLI11_PARSE(app, argc, argv);
  try {
    wgscope::bench::bench(probe);
    return 0;
  } catch (const std::exception& error) {
    fmt::print(stderr, "path_bench: {}\n", error.what());
    return 1;
  }
}
