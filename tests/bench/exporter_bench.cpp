// Measures the exporter beside prometheus-cpp, `wg show dump` and the limits, and prints one table;
// script/bench starts it. Runs in a network and a mount namespace of its own: it makes UAPI sockets
// and listens.

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <malloc.h>
#include <memory>
#include <optional>
#include <regex>
#include <stdexcept>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/core.h>

#include "wgscope/base/time.hpp"
#include "wgscope/os/clock.hpp"
#include "wgscope/source/collect.hpp"

#include "measure.hpp"
#include "parts.hpp"
#include "process.hpp"
#include "processes.hpp"
#include "scrape.hpp"
#include "servers.hpp"
#include "table.hpp"
#include "temp_dir.hpp"
#include "web_config.hpp"
#include "workload.hpp"

namespace wgscope::bench {
namespace {

constexpr const char* kInterface = "wg0";

struct Options {
  std::string exporter;
  std::string uapi_folder = "/var/run/wireguard";
  std::vector<std::size_t> peers{10, 1'000, 10'000, 100'000};
  std::string vm;      ///< tests/kernel/vm; empty: the kernel is not measured
  std::string kernel;  ///< the program it runs
  bool quick = false;
};

/// Everything measured for one number of peers; times in nanoseconds of CPU, if not said otherwise.
struct Figures {
  std::size_t peers = 0;
  Parts parts;
  Rounds::Result plain, gzip;            ///< scrapes of the exporter, without a sampler
  Rounds::Result counted, counted_gzip;  ///< and with what it counts
  Rounds::Result prom_plain, prom_gzip;  ///< of the prometheus-cpp pipeline
  Rounds::Result tls;                    ///< scrapes over TLS
  Rounds::Result again, tls_again;       ///< on a connection that stays, without and with TLS
  Rounds::Result gzip_again, tls_gzip_again;
  Rounds::Result response, bare;  ///< sending the same text
  Rounds::Result wg;              ///< `wg show wg0 dump`
  Memory memory, counted_memory;
  double sampler_share = 0;            ///< of one CPU, at --sample.interval=5s and without a scrape
  std::optional<double> kernel_ratio;  ///< `wg show dump` to our reading, in the VM

  [[nodiscard]] double per_sample(double ns) const {
    return ns / static_cast<double>(parts.samples);
  }
  [[nodiscard]] double per_peer(double ns) const { return ns / static_cast<double>(peers); }
  [[nodiscard]] bool many() const { return peers >= 10'000; }
};

// --- measuring ---

constexpr std::chrono::seconds kSampleInterval{5};

std::vector<std::string> command(const Options& options, std::chrono::seconds sample_interval,
                                 const std::vector<std::string>& more) {
  std::vector<std::string> words{options.exporter,
                                 "--no-isolation",  // all of its CPU time is one process's
                                 "--no-collector.netlink",
                                 "--uapi.dir=" + options.uapi_folder,
                                 "--collect.max-age=0s",
                                 "--collect.timeout=60s",
                                 fmt::format("--sample.interval={}s", sample_interval.count()),
                                 "--web.min-request-interval=0s",
                                 "--web.listen-address=127.0.0.1:0"};
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

/// The exporter as it is shipped.
class Exporter {
 public:
  Exporter(const Options& options, std::chrono::seconds sample_interval,
           const std::vector<std::string>& more = {})
      : process_(command(options, sample_interval, more)) {
    const std::regex url("url=\"?https?://127\\.0\\.0\\.1:([0-9]+)");
    if (!process_.wait_for_output(url, std::chrono::seconds(60)))
      throw std::runtime_error("the exporter did not start: " + process_.err());
    std::smatch match;
    std::regex_search(process_.err(), match, url);
    port_ = static_cast<std::uint16_t>(std::stoul(match[1]));
  }

  [[nodiscard]] pid_t pid() const { return process_.pid(); }
  [[nodiscard]] std::uint16_t port() const { return port_; }
  /// Lets it run for this long.
  void leave_alone(std::chrono::milliseconds time) {
    if (process_.wait(time)) throw std::runtime_error("the exporter ended: " + process_.err());
  }

 private:
  test::Process process_;
  std::uint16_t port_ = 0;
};

Effort effort_for(const Options& options, std::size_t peers) {
  if (options.quick) return {3, std::chrono::milliseconds(20)};
  return {peers < 100'000 ? 11 : 7, std::chrono::milliseconds(60)};
}

/// Scrapes on connections that stay.
void add_lasting(const LastingScraper& scraper, const Exporter& exporter, const UapiServer& server,
                 Rounds& rounds, std::vector<Rounds::Result*>& into, Rounds::Result& plain,
                 Rounds::Result& gzip) {
  for (Rounds::Result* result : {&plain, &gzip}) {
    rounds.add({[&scraper, compressed = result == &gzip] { scraper.scrape({.gzip = compressed}); },
                [&] { server.change(); }, CpuClock::of(exporter.pid())});
    into.push_back(result);
  }
}

void measure_scrapes(const Options& options, const source::CollectOptions& source,
                     const UapiServer& server, Figures& figures) {
  const std::string text = render_once(source);
  const Exporter exporter(options, std::chrono::seconds(0));
  const Exporter counting(options, std::chrono::hours(24));  // shows counters, and does not sample
  const test::TempDir folder;
  const Exporter encrypting(options, std::chrono::seconds(0),
                            {"--web.config.file=" + write_web_config(folder)});
  const auto prometheus = serve_prometheus_cpp(source);
  const auto response = serve_through_response(text);
  const auto bare = serve_bare(text);

  Rounds rounds;
  std::vector<Rounds::Result*> into;
  const auto add = [&](pid_t pid, std::uint16_t port, bool gzip, bool change,
                       Rounds::Result& result) {
    std::function<void()> prepare;
    if (change) prepare = [&] { server.change(); };
    rounds.add({[=] { scrape(port, {.gzip = gzip}); }, prepare, CpuClock::of(pid)});
    into.push_back(&result);
  };
  add(exporter.pid(), exporter.port(), false, true, figures.plain);
  add(exporter.pid(), exporter.port(), true, true, figures.gzip);
  add(counting.pid(), counting.port(), false, true, figures.counted);
  add(counting.pid(), counting.port(), true, true, figures.counted_gzip);
  add(prometheus->pid(), prometheus->port(), false, true, figures.prom_plain);
  add(prometheus->pid(), prometheus->port(), true, true, figures.prom_gzip);
  add(response->pid(), response->port(), false, false, figures.response);
  add(bare->pid(), bare->port(), false, false, figures.bare);
  const TlsScraper client;
  rounds.add({[&] { client.scrape(encrypting.port()); }, [&] { server.change(); },
              CpuClock::of(encrypting.pid())});
  into.push_back(&figures.tls);
  const LastingScraper lasting(exporter.port());
  const LastingScraper lasting_tls(encrypting.port(), &client);
  add_lasting(lasting, exporter, server, rounds, into, figures.again, figures.gzip_again);
  add_lasting(lasting_tls, encrypting, server, rounds, into, figures.tls_again,
              figures.tls_gzip_again);
  rounds.add({[] { run_program({"wg", "show", kInterface, "dump"}); }, [&] { server.change(); },
              CpuClock::ended_children()});
  into.push_back(&figures.wg);

  const auto results = rounds.run(effort_for(options, figures.peers));
  for (std::size_t i = 0; i < results.size(); ++i) *into[i] = results[i];
  figures.memory = memory_of(exporter.pid());
  figures.counted_memory = memory_of(counting.pid());
}

/// Nothing but the sampler's own readings, each of which finds that time has passed.
void measure_sampler(const Options& options, const UapiServer& server, Figures& figures) {
  Exporter exporter(options, kSampleInterval);
  // In the middle between two readings: as many follow as intervals.
  exporter.leave_alone(kSampleInterval + kSampleInterval / 2);
  const CpuClock clock = CpuClock::of(exporter.pid());
  const Nanoseconds cpu_before = clock.read();
  const Instant start = os::boot_now();
  for (int i = 0; i < (options.quick ? 1 : 4); ++i) {
    server.change();
    exporter.leave_alone(kSampleInterval);
  }
  const Nanoseconds cpu = clock.read() - cpu_before;
  figures.sampler_share =
      static_cast<double>(cpu.count()) / static_cast<double>((os::boot_now() - start).count());
}

/// Runs kernel_bench in the virtual machine; nothing if that cannot run here.
std::optional<double> measure_kernel(const Options& options, std::size_t peers) {
  fmt::print(stderr, "bench: measuring the kernel's WireGuard in a virtual machine\n");
  const auto ran = test::run({options.vm, options.kernel, fmt::format("{}", peers)}, {},
                             std::chrono::minutes(10));
  std::smatch match;
  if (ran.exit_code == 0 && std::regex_search(ran.out, match, std::regex("ratio ([0-9.]+)")))
    return std::stod(match[1]);
  fmt::print(stderr, "bench: no figures from the virtual machine (exit code {})\n{}{}",
             ran.exit_code, ran.out, ran.err);
  return std::nullopt;
}

Figures measure(const Options& options, std::size_t peers) {
  fmt::print(stderr, "bench: measuring with {} peers\n", peers);
  source::CollectOptions source;
  source.kernel = false;
  source.uapi_folder = options.uapi_folder;
  const std::string socket = fmt::format("{}/{}.sock", options.uapi_folder, kInterface);
  const Device device = make_device(kInterface, peers, os::now().wall);
  const UapiServer server(socket, device);
  Figures figures;
  figures.peers = peers;
  measure_scrapes(options, source, server, figures);
  measure_sampler(options, server, figures);
  figures.parts =
      measure_parts(source, socket, device, [&] { server.change(); }, effort_for(options, peers));
  return figures;
}

// --- showing ---

constexpr double kMiB = 1024 * 1024;

/// One row of the table: what it shows, and whether that meets the goal (nothing where
/// there is none).
struct Row {
  const char* label;
  std::function<std::string(const Figures&)> show;
  const char* goal = "";
  std::function<std::optional<bool>(const Figures&)> met = {};
};

std::string ms(double ns) {
  return fmt::format("{:.{}f}", ns / 1e6, ns < 1e6 ? 3 : ns < 1e8 ? 2 : 0);
}
std::string ns(double value) { return fmt::format("{:.1f}", value); }
std::string times(double ratio) { return fmt::format("{:.{}f}×", ratio, ratio < 10 ? 2 : 0); }
std::string mib(std::size_t bytes) {
  return fmt::format("{:.1f}", static_cast<double>(bytes) / kMiB);
}

/// A goal that holds for 10 000 peers and more.
std::function<std::optional<bool>(const Figures&)> for_many(
    std::function<bool(const Figures&)> met) {
  return [met = std::move(met)](const Figures& f) {
    return f.many() ? std::optional(met(f)) : std::nullopt;
  };
}

double gzip_growth(const Figures& f) {
  return 100 *
         (static_cast<double>(f.parts.gzip_bytes) / static_cast<double>(f.parts.zlib6_bytes) - 1);
}

std::optional<bool> memory_met(const Figures& f, const Memory& memory) {
  if (f.peers <= 10) return static_cast<double>(memory.anonymous) <= 4 * kMiB;
  if (f.peers == 100'000) return static_cast<double>(memory.anonymous) <= 64 * kMiB;
  return std::nullopt;
}

std::optional<bool> small_met(const Figures& f, double cpu_ns) {
  return f.peers <= 10 ? std::optional(cpu_ns <= 200'000) : std::nullopt;
}

std::optional<bool> ratio_met(const Figures& f, double ratio) {
  return f.peers >= 1'000 ? std::optional(ratio >= 25) : std::nullopt;
}

using F = const Figures&;

double tls_ratio(F f) { return f.tls_again.cpu_ns / f.again.cpu_ns; }

std::vector<Row> scrape_rows() {
  return {
      {"CPU ms, plain", [](F f) { return ms(f.plain.cpu_ns); }, "10 peers: ≤ 0.2",
       [](F f) { return small_met(f, f.plain.cpu_ns); }},
      {"CPU ms, gzip", [](F f) { return ms(f.gzip.cpu_ns); }, "10 peers: ≤ 0.2",
       [](F f) { return small_met(f, f.gzip.cpu_ns); }},
      {"wall ms, plain / gzip, all on one CPU",
       [](F f) { return fmt::format("{} / {}", ms(f.plain.wall_ns), ms(f.gzip.wall_ns)); }},
      {"CPU ms, TLS, with a handshake (P-256)", [](F f) { return ms(f.tls.cpu_ns); }},
      {"CPU ms on a connection that stays, plain / gzip",
       [](F f) { return fmt::format("{} / {}", ms(f.again.cpu_ns), ms(f.gzip_again.cpu_ns)); }},
      {"… and over TLS",
       [](F f) {
         return fmt::format("{} / {}", ms(f.tls_again.cpu_ns), ms(f.tls_gzip_again.cpu_ns));
       }},
      {"TLS, times plain", [](F f) { return times(tls_ratio(f)); }, "≤ 1.5×",
       [](F f) { return f.peers >= 1'000 ? std::optional(tls_ratio(f) <= 1.5) : std::nullopt; }},
      {"TLS with gzip, times gzip",
       [](F f) { return times(f.tls_gzip_again.cpu_ns / f.gzip_again.cpu_ns); }},
      {"samples", [](F f) { return grouped(static_cast<double>(f.parts.samples)); }},
      {"bytes, plain", [](F f) { return grouped(static_cast<double>(f.parts.text_bytes)); }},
      {"bytes, gzip", [](F f) { return grouped(static_cast<double>(f.parts.gzip_bytes)); }},
      {"RssAnon MiB afterwards (peak)",
       [](F f) { return fmt::format("{} ({})", mib(f.memory.anonymous), mib(f.memory.peak)); },
       "≤ 4 … ≤ 64", [](F f) { return memory_met(f, f.memory); }},
  };
}

std::vector<Row> sampler_rows() {
  return {
      {"share of one core, reading every 5 s",
       [](F f) { return fmt::format("{:.3f} %", 100 * f.sampler_share); }, "10 000 peers: < 1 %",
       [](F f) {
         return f.peers == 10'000 ? std::optional(f.sampler_share < 0.01) : std::nullopt;
       }},
      {"CPU ms a scrape with its counters, plain / gzip",
       [](F f) { return fmt::format("{} / {}", ms(f.counted.cpu_ns), ms(f.counted_gzip.cpu_ns)); }},
      {"RssAnon MiB with its counters (peak)",
       [](F f) {
         return fmt::format("{} ({})", mib(f.counted_memory.anonymous), mib(f.counted_memory.peak));
       },
       "≤ 4 … ≤ 64", [](F f) { return memory_met(f, f.counted_memory); }},
  };
}

std::vector<Row> part_rows() {
  return {
      {"reading (UAPI)", [](F f) { return ns(f.per_sample(f.parts.read)); }},
      {"reading and remembering", [](F f) { return ns(f.per_sample(f.parts.collect)); }},
      {"rendering", [](F f) { return ns(f.per_sample(f.parts.render)); }, "≤ 15",
       for_many([](F f) { return f.per_sample(f.parts.render) <= 15; })},
      {"all of these together",
       [](F f) { return ns(f.per_sample(f.parts.collect + f.parts.render)); }, "≤ 70",
       for_many([](F f) { return f.per_sample(f.parts.collect + f.parts.render) <= 70; })},
      {"gzip on top", [](F f) { return ns(f.per_sample(f.parts.gzip)); }, "≤ 150",
       for_many([](F f) { return f.per_sample(f.parts.gzip) <= 150; })},
      {"gzip, size against zlib level 6",
       [](F f) { return fmt::format("{:+.1f} %", gzip_growth(f)); }, "≤ +2 %",
       for_many([](F f) { return gzip_growth(f) <= 2; })},
      {"sending", [](F f) { return ns(f.per_sample(f.response.cpu_ns)); }},
      {"sending, times a bare write of the same pieces",
       [](F f) { return times(f.response.cpu_ns / f.bare.cpu_ns); }, "≤ 1.2×",
       for_many([](F f) { return f.response.cpu_ns <= 1.2 * f.bare.cpu_ns; })},
      {"netlink dump decoded, ns a peer",
       [](F f) { return ns(f.per_peer(f.parts.netlink_decode)); }, "≤ 60",
       for_many([](F f) { return f.per_peer(f.parts.netlink_decode) <= 60; })},
  };
}

std::vector<Row> other_rows() {
  return {
      {"prometheus-cpp, CPU ms a scrape, plain", [](F f) { return ms(f.prom_plain.cpu_ns); }},
      {"prometheus-cpp, CPU ms a scrape, gzip", [](F f) { return ms(f.prom_gzip.cpu_ns); }},
      {"… times the exporter's, plain",
       [](F f) { return times(f.prom_plain.cpu_ns / f.plain.cpu_ns); }, "≥ 25×",
       [](F f) { return ratio_met(f, f.prom_plain.cpu_ns / f.plain.cpu_ns); }},
      {"… times the exporter's, gzip",
       [](F f) { return times(f.prom_gzip.cpu_ns / f.gzip.cpu_ns); }, "≥ 25×",
       [](F f) { return ratio_met(f, f.prom_gzip.cpu_ns / f.gzip.cpu_ns); }},
      {"wg show wg0 dump, CPU ms", [](F f) { return ms(f.wg.cpu_ns); }},
      {"wg show wg0 dump in the kernel, times our reading",
       [](F f) { return f.kernel_ratio ? times(*f.kernel_ratio) : ""; }},
      {"UAPI answer only received, ns a sample",
       [](F f) { return ns(f.per_sample(f.parts.receive)); }},
      {"memcpy of the text piece by piece, ns a sample",
       [](F f) { return ns(f.per_sample(f.parts.copy)); }},
      {"bare write of the same pieces, ns a sample",
       [](F f) { return ns(f.per_sample(f.bare.cpu_ns)); }},
      {"zlib level 6, ns a sample", [](F f) { return ns(f.per_sample(f.parts.zlib6)); }},
  };
}

/// @returns how many goals were missed.
int add_rows(const std::vector<Row>& rows, const std::vector<Figures>& figures, Table& table) {
  int missed = 0;
  for (const Row& row : rows) {
    std::vector<std::string> cells{row.label};
    for (const Figures& f : figures) {
      const std::optional<bool> met = row.met ? row.met(f) : std::nullopt;
      cells.push_back(row.show(f) + (!met ? "" : *met ? " ok" : " MISS"));
      if (met && !*met) ++missed;
    }
    cells.emplace_back(row.goal);
    table.row(std::move(cells));
  }
  return missed;
}

void show(const std::vector<Figures>& figures) {
  std::vector<std::string> heading{"peers"};
  for (const Figures& f : figures) heading.push_back(grouped(static_cast<double>(f.peers)));
  heading.emplace_back("goal");
  Table table(std::move(heading));
  table.section("A scrape of the exporter, without a sampler");
  int missed = add_rows(scrape_rows(), figures, table);
  table.section("The sampler");
  missed += add_rows(sampler_rows(), figures, table);
  table.section("Its parts, CPU ns a sample");
  missed += add_rows(part_rows(), figures, table);
  table.section("Beside it");
  missed += add_rows(other_rows(), figures, table);
  table.print();
  fmt::print("\n{}\n",
             missed == 0 ? "All goals are met." : fmt::format("{} goals are missed.", missed));
}

int run(int argc, char** argv) {
  Options options;
  CLI::App app("Measures wgscope-exporter; script/bench starts it.", "exporter_bench");
  app.add_option("--exporter", options.exporter)->required();
  app.add_option("--uapi-folder", options.uapi_folder)->required();
  app.add_option("--peers", options.peers)->delimiter(',')->check(CLI::Range(1, 1'000'000));
  app.add_option("--vm", options.vm);
  app.add_option("--kernel-bench", options.kernel);
  app.add_flag("--quick", options.quick);
  CLI11_PARSE(app, argc, argv);
  constexpr std::size_t kKernelPeers = 10'000;
  const auto kernel_ratio =
      options.vm.empty() ? std::nullopt : measure_kernel(options, kKernelPeers);
  stay_on_one_cpu();
  std::vector<Figures> figures;
  for (const std::size_t peers : options.peers) {
    figures.push_back(measure(options, peers));
    if (peers == kKernelPeers) figures.back().kernel_ratio = kernel_ratio;
  }
  show(figures);
  return 0;
}

}  // namespace
}  // namespace wgscope::bench

int main(int argc, char** argv) {
  // As the exporter's main() has it.
  mallopt(M_MMAP_THRESHOLD, 256 * 1024);
  mallopt(M_TRIM_THRESHOLD, 512 * 1024);
  try {
    return wgscope::bench::run(argc, argv);
  } catch (const std::exception& error) {
    fmt::print(stderr, "bench: {}\n", error.what());
    return 1;
  }
}
