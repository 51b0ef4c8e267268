// What hostile clients cost who scrapes beside them: the time of a scrape beside a thousand of each
// kind, against its quiet time, and the exporter's memory. Fails only where something leaks.

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <iterator>
#include <string>
#include <string_view>
#include <sys/resource.h>
#include <sys/types.h>
#include <vector>

#include <fmt/core.h>

#include "attack.hpp"
#include "exporter.hpp"
#include "http.hpp"
#include "processes.hpp"
#include "table.hpp"
#include "temp_dir.hpp"
#include "uapi_server.hpp"
#include "wait.hpp"

namespace wgscope::bench {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;
using Milliseconds = std::chrono::duration<double, std::milli>;

constexpr std::size_t kPeers = 5000;
constexpr auto kScrapeTimeout = 10s;  // Prometheus'

struct Scrapes {
  std::vector<double> milliseconds;
  int failed = 0;
  std::size_t most_memory = 0;

  [[nodiscard]] double median() {
    if (milliseconds.empty()) return 0;
    std::ranges::sort(milliseconds);
    return milliseconds[milliseconds.size() / 2];
  }
  [[nodiscard]] double slowest() const {
    return milliseconds.empty() ? 0 : *std::ranges::max_element(milliseconds);
  }
};

/// Scrapes one after the other, for so long.
Scrapes scrape_for(const test::Exporter& exporter, Clock::duration time) {
  Scrapes scrapes;
  const auto end = Clock::now() + time;
  while (Clock::now() < end) {
    const auto start = Clock::now();
    try {
      const auto response = test::http(exporter.server(), {}, kScrapeTimeout);
      scrapes.failed += response.status != 200;
    } catch (const std::exception&) {
      ++scrapes.failed;
    }
    scrapes.milliseconds.push_back(Milliseconds(Clock::now() - start).count());
    scrapes.most_memory = std::max(scrapes.most_memory, memory_of(exporter.pid()).anonymous);
    // A scraper that never pauses would itself be the load.
    static_cast<void>(test::wait_until([] { return false; }, 100ms, 100ms));
  }
  return scrapes;
}

std::size_t descriptors_of(pid_t pid) {
  const std::filesystem::directory_iterator folder(fmt::format("/proc/{}/fd", pid));
  return static_cast<std::size_t>(std::distance(begin(folder), end(folder)));
}

std::string mebibytes(std::size_t bytes) {
  return fmt::format("{:.1f}", static_cast<double>(bytes) / (1U << 20U));
}

void show_attacks(const test::Exporter& exporter, std::size_t clients, Clock::duration time) {
  Table table({"clients", "addresses", "connections", "median ms", "x quiet", "slowest ms",
               "failed", "RssAnon MiB"});
  Scrapes quiet = scrape_for(exporter, time);
  const double quiet_median = quiet.median();
  table.row({"none", "", "", fmt::format("{:.1f}", quiet_median), "1.00",
             fmt::format("{:.0f}", quiet.slowest()),
             fmt::format("{} of {}", quiet.failed, quiet.milliseconds.size()),
             mebibytes(quiet.most_memory)});
  for (std::size_t kind = 0; kind < kClients.size(); ++kind)
    for (const std::size_t addresses : {1U, 64U}) {
      const Attack attack({static_cast<Clients>(kind), clients, addresses, exporter.server().port});
      static_cast<void>(test::wait_until(
          [&] { return attack.connected() >= std::min<std::size_t>(clients, 500); }, 3s));
      Scrapes beside = scrape_for(exporter, time);
      const double median = beside.median();
      table.row({std::string(kClients.at(kind)), fmt::format("{}", addresses),
                 grouped(static_cast<double>(attack.connected())), fmt::format("{:.1f}", median),
                 fmt::format("{:.2f}", median / quiet_median),
                 fmt::format("{:.0f}", beside.slowest()),
                 fmt::format("{} of {}", beside.failed, beside.milliseconds.size()),
                 mebibytes(beside.most_memory)});
    }
  Scrapes after = scrape_for(exporter, time);
  const double after_median = after.median();
  table.row({"none again", "", "", fmt::format("{:.1f}", after_median),
             fmt::format("{:.2f}", after_median / quiet_median),
             fmt::format("{:.0f}", after.slowest()),
             fmt::format("{} of {}", after.failed, after.milliseconds.size()),
             mebibytes(after.most_memory)});
  table.print();
}

/// What leaks grows with each of five rounds; buffers grow to their size once.
/// @returns whether nothing leaked.
bool show_leaks(const test::Exporter& exporter, std::size_t connections) {
  constexpr std::size_t kRounds = 5;
  const std::size_t before = descriptors_of(exporter.pid());
  std::vector<std::size_t> memory;
  bool settled = true;
  for (std::size_t round = 0; round < kRounds; ++round) {
    come_and_go(exporter.server().port, connections / kRounds);
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

int run(bool quick) {
  allow_descriptors();
  const test::TempDir folder;
  const test::UapiServer daemon(folder / "wg0.sock", {test::uapi_answer(kPeers)});
  const test::Exporter exporter(
      {.flags = {"--uapi.dir=" + folder.path().string()}, .max_age = "1s", .log_level = "info"});
  fmt::print(
      "A scrape of {} peers beside 1 000 clients, who come again when they are sent away.\n\n",
      grouped(kPeers));
  show_attacks(exporter, 1000, quick ? 1s : 9s);
  return show_leaks(exporter, 100'000) ? 0 : 1;
}

}  // namespace
}  // namespace wgscope::bench

int main(int argc, char** argv) {
  try {
    return wgscope::bench::run(argc > 1 && std::string_view(argv[1]) == "--quick");
  } catch (const std::exception& error) {
    fmt::print(stderr, "attack_bench: {}\n", error.what());
    return 2;
  }
}
