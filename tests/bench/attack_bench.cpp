// What hostile clients cost who scrapes beside them: the time of a scrape beside a thousand of each
// kind, against its quiet time, and the exporter's memory. Fails only where something leaks.

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <iterator>
#include <limits>
#include <sched.h>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <sys/resource.h>
#include <sys/types.h>
#include <utility>
#include <vector>

#include <fmt/core.h>
#include <fmt/format.h>

#include "wgscope/base/time.hpp"

#include "attack.hpp"
#include "exporter.hpp"
#include "measure.hpp"
#include "processes.hpp"
#include "scrape.hpp"
#include "table.hpp"
#include "temp_dir.hpp"
#include "uapi_server.hpp"
#include "wait.hpp"
#include "web_config.hpp"

namespace wgscope::bench {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;
using Milliseconds = std::chrono::duration<double, std::milli>;

constexpr std::size_t kPeers = 5000;
constexpr auto kScrapeTimeout = 10s;  // Prometheus'
/// From one scrape to the next. Nobody scrapes more often; who does is not among those for whom the
/// exporter keeps workers.
constexpr auto kScrapeInterval = 1s;
/// How long a scrape takes that failed.
constexpr double kNever = std::numeric_limits<double>::infinity();

/// The exporter, and the way in which its peers are asked for.
struct Target {
  test::Exporter* exporter;
  const TlsScraper* tls;  ///< nullptr: plain HTTP

  [[nodiscard]] std::uint16_t port() const { return exporter->server().port; }
  /// @returns what came instead of the peers; empty: they came.
  [[nodiscard]] std::string scrape() const {
    try {
      const ScrapeRequest request{.patience = kScrapeTimeout};
      const std::size_t size =
          tls == nullptr ? bench::scrape(port(), request) : tls->scrape(port(), request);
      return size > kPeers * 500 ? "" : "an answer without peers";
    } catch (const std::exception& error) {
      return error.what();
    }
  }
};

struct Scrapes {
  std::vector<double> milliseconds;  ///< infinite: it failed
  int failed = 0;
  std::string fault{};  ///< of the last that failed
  std::size_t most_memory = 0;
  double cpu_share = 0;  ///< of one CPU, that the exporter's processes took meanwhile

  [[nodiscard]] double median() {
    if (milliseconds.empty()) return 0;
    std::ranges::sort(milliseconds);
    return milliseconds[milliseconds.size() / 2];
  }
  [[nodiscard]] double slowest() const {
    return milliseconds.empty() ? 0 : *std::ranges::max_element(milliseconds);
  }
};

/// CPU time of all of the exporter's processes.
Milliseconds cpu_of(const test::Exporter& exporter) {
  Nanoseconds sum{};
  for (const pid_t pid : exporter.processes()) sum += CpuClock::of(pid).read();
  return sum;
}

/// Scrapes one after the other, for so long.
Scrapes scrape_for(const Target& target, Clock::duration time) {
  Scrapes scrapes;
  const auto beginning = Clock::now();
  const Milliseconds cpu = cpu_of(*target.exporter);
  while (Clock::now() < beginning + time) {
    const auto start = Clock::now();
    const std::string fault = target.scrape();
    if (!target.exporter->running())
      throw std::runtime_error("the exporter ended; it said: " + target.exporter->log());
    const auto took = Clock::now() - start;
    scrapes.milliseconds.push_back(fault.empty() ? Milliseconds(took).count() : kNever);
    if (!fault.empty()) {
      ++scrapes.failed;
      scrapes.fault = fault;
    }
    scrapes.most_memory =
        std::max(scrapes.most_memory, memory_of(target.exporter->pid()).anonymous);
    const auto rest = std::chrono::ceil<std::chrono::milliseconds>(kScrapeInterval - took);
    static_cast<void>(test::wait_until([] { return false; }, rest, std::max(rest, 1ms)));
  }
  scrapes.cpu_share = (cpu_of(*target.exporter) - cpu) / Milliseconds(Clock::now() - beginning);
  return scrapes;
}

std::size_t descriptors_of(pid_t pid) {
  const std::filesystem::directory_iterator folder(fmt::format("/proc/{}/fd", pid));
  return static_cast<std::size_t>(std::distance(begin(folder), end(folder)));
}

std::string mebibytes(std::size_t bytes) {
  return fmt::format("{:.1f}", static_cast<double>(bytes) / (1U << 20U));
}

void show(Table& table, std::vector<std::string> row, Scrapes& scrapes, double quiet_median) {
  for (std::string& cell : std::vector<std::string>{
           fmt::format("{:.1f}", scrapes.median()),
           fmt::format("{:.2f}", scrapes.median() / quiet_median),
           fmt::format("{:.0f}", scrapes.slowest()),
           fmt::format("{} of {}", scrapes.failed, scrapes.milliseconds.size()),
           fmt::format("{:.0f} %", 100 * scrapes.cpu_share), mebibytes(scrapes.most_memory)})
    row.push_back(std::move(cell));
  table.row(std::move(row));
}

/// @param cpu  of the clients; negative: any
void show_attacks(const Target& target, std::size_t clients, Clock::duration time, int cpu,
                  std::string_view only) {
  Table table({"clients", "addresses", "connections", "median ms", "x quiet", "slowest ms",
               "failed", "CPU", "RssAnon MiB"});
  Scrapes quiet = scrape_for(target, time);
  const double quiet_median = quiet.median();
  show(table, {"none", "", ""}, quiet, quiet_median);
  std::string faults;
  for (std::size_t kind = 0; kind < kClients.size(); ++kind)
    for (const std::size_t addresses : {1U, 64U}) {
      if (!only.empty() && only != kClients.at(kind)) continue;
      const Attack attack(
          {static_cast<Clients>(kind), clients, addresses, target.port(), target.tls != nullptr},
          cpu);
      static_cast<void>(test::wait_until(
          [&] { return attack.connected() >= std::min<std::size_t>(clients, 500); }, 3s));
      Scrapes beside = scrape_for(target, time);
      show(table,
           {std::string(kClients.at(kind)), fmt::format("{}", addresses),
            grouped(static_cast<double>(attack.connected()))},
           beside, quiet_median);
      if (beside.failed > 0)
        faults += fmt::format("beside {}, {} addresses: {}\n", kClients.at(kind), addresses,
                              beside.fault);
    }
  Scrapes after = scrape_for(target, time);
  show(table, {"none again", "", ""}, after, quiet_median);
  table.print();
  if (!faults.empty()) fmt::print("\nWhat came instead:\n{}", faults);
  std::fflush(stdout);
}

/// What leaks grows with each of five rounds; buffers grow to their size once.
/// @returns whether nothing leaked.
bool show_leaks(const Target& target, std::size_t connections) {
  const test::Exporter& exporter = *target.exporter;
  constexpr std::size_t kRounds = 5;
  const std::size_t before = descriptors_of(exporter.pid());
  std::vector<std::size_t> memory;
  bool settled = true;
  for (std::size_t round = 0; round < kRounds; ++round) {
    come_and_go(target.port(), target.tls != nullptr, connections / kRounds);
    settled &=
        test::wait_until([&] { return descriptors_of(exporter.pid()) <= before; }, 30s, 100ms);
    memory.push_back(memory_of(exporter.pid()).anonymous);
  }
  bool grew = memory.back() > memory.front() + (4U << 20U);
  for (std::size_t round = 1; round < kRounds; ++round) grew &= memory[round] > memory[round - 1];
  std::string sizes;
  for (const std::size_t size : memory) sizes += mebibytes(size) + " ";
  fmt::print(
      "\n{} connections of every kind by turns: {} descriptors before, {} after; RssAnon after "
      "each "
      "fifth of them: {}MiB{}\n",
      grouped(static_cast<double>(connections)), before, descriptors_of(exporter.pid()), sizes,
      settled && !grew ? "" : ": LEAKS");
  return settled && !grew;
}

void allow_descriptors() {
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = std::min<rlim_t>(limit.rlim_max, 8192);
  setrlimit(RLIMIT_NOFILE, &limit);
}

/// Hostile clients are on other machines: here, they have the last CPU, and the rest have the others.
/// @returns the clients' CPU; negative: there is but one.
int leave_a_cpu_to_clients() {
  cpu_set_t all;
  CPU_ZERO(&all);
  if (sched_getaffinity(0, sizeof all, &all) != 0 || CPU_COUNT(&all) < 2) return -1;
  std::size_t last = 0;
  for (std::size_t i = 0; i < CPU_SETSIZE; ++i)
    if (CPU_ISSET(i, &all)) last = i;
  CPU_CLR(last, &all);
  sched_setaffinity(0, sizeof all, &all);
  return static_cast<int>(last);
}

struct Options {
  bool quick = false;
  bool only_tls = false;
  std::string_view only{};  ///< this kind of clients; empty: all
};

/// @returns whether nothing leaked.
bool measure(bool tls, const Options& options, int cpu) {
  const test::TempDir folder;
  const test::UapiServer daemon(folder / "wg0.sock", {test::uapi_answer(kPeers)});
  std::vector<std::string> flags{"--uapi.dir=" + folder.path().string()};
  if (tls) flags.push_back("--web.config.file=" + write_web_config(folder));
  test::Exporter exporter({.flags = flags, .max_age = "1s", .log_level = "info"});
  const TlsScraper client;
  const Target target{&exporter, tls ? &client : nullptr};
  fmt::print("\nOver {}:\n\n", tls ? "HTTPS" : "HTTP");
  show_attacks(target, 1000, options.quick ? 2s : 10s, cpu, options.only);
  return !options.only.empty() || show_leaks(target, 100'000);
}

int run(const Options& options) {
  std::signal(SIGPIPE, SIG_IGN);  // OpenSSL writes to connections that were reset
  allow_descriptors();
  const int cpu = leave_a_cpu_to_clients();
  fmt::print(
      "A scrape of {} peers each second beside 1 000 clients, who come again when they are sent "
      "away{}.\n",
      grouped(kPeers), cpu < 0 ? "" : fmt::format(", and have CPU {} for themselves", cpu));
  const bool plain = options.only_tls || measure(false, options, cpu);
  return measure(true, options, cpu) && plain ? 0 : 1;
}

Options parse(std::span<char*> words) {
  Options options;
  for (std::size_t i = 1; i < words.size(); ++i) {
    const std::string_view word = words[i];
    options.quick |= word == "--quick";
    options.only_tls |= word == "--https";
    if (word == "--clients" && i + 1 < words.size()) options.only = words[++i];
  }
  if (!options.only.empty() && std::ranges::find(kClients, options.only) == kClients.end())
    throw std::runtime_error(fmt::format("there are no clients '{}', only: {}", options.only,
                                         fmt::join(kClients, ", ")));
  return options;
}

}  // namespace
}  // namespace wgscope::bench

int main(int argc, char** argv) {
  try {
    using namespace wgscope::bench;
    return run(parse({argv, static_cast<std::size_t>(argc)}));
  } catch (const std::exception& error) {
    fmt::print(stderr, "attack_bench: {}\n", error.what());
    return 2;
  }
}
