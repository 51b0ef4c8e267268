// What it costs that one process reads and another serves: the same peers read and written with the
// reading in this process and in another one, in turn. The CPU time of both processes counts.

#include <chrono>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <malloc.h>
#include <memory>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <sys/types.h>
#include <unistd.h>
#include <utility>
#include <vector>

#include <fmt/core.h>

#include "wgscope/base/time.hpp"
#include "wgscope/model/device.hpp"
#include "wgscope/os/clock.hpp"
#include "wgscope/source/collect.hpp"

#include "children.hpp"
#include "exporter/collection.hpp"
#include "exporter/collectors/collectors.hpp"
#include "exporter/exposition/gzip.hpp"
#include "exporter/exposition/output.hpp"
#include "exporter/exposition/writer.hpp"
#include "exporter/isolation/remote_reading.hpp"
#include "exporter/names.hpp"
#include "exporter/reading.hpp"
#include "measure.hpp"
#include "parts.hpp"
#include "processes.hpp"
#include "table.hpp"
#include "temp_dir.hpp"
#include "workload.hpp"

namespace wgscope::bench {
namespace {

using exporter::Collections;
using exporter::RemoteReading;

class DiscardingSink final : public exporter::Sink {
 public:
  bool write(std::span<const char>) override { return true; }
};

/// @param packed  with gzip, as Prometheus asks for it.
void scrape(Collections& collections, bool packed) {
  const auto collection = collections.get(os::boot_now() + std::chrono::seconds(60));
  if (!collection || (*collection)->snapshot.devices.empty())
    throw std::runtime_error("the UAPI server was not read");
  DiscardingSink sink;
  std::optional<exporter::GzipSink> gzip;
  if (packed) gzip.emplace(sink, (*collection)->snapshot.devices.front().peers.size());
  exporter::Output output(gzip ? static_cast<exporter::Sink&>(*gzip) : sink);
  exporter::Writer writer(exporter::Format::text, output);
  write_collection(**collection, {}, writer);
  writer.finish();
  if (gzip) gzip->finish();
}

double mib(std::size_t bytes) { return static_cast<double>(bytes) / (1024 * 1024); }

void measure(std::size_t peers, Table& table) {
  const test::TempDir folder;
  source::CollectOptions source;
  source.kernel = false;
  source.uapi_folder = folder.path().string();
  const Device device = make_device("wg0", peers, os::now().wall);
  const UapiServer server(folder / "wg0.sock", device);
  exporter::CollectorOptions options;
  options.source = source;
  options.max_age = Nanoseconds(0);

  auto remote = RemoteReading::start([&] {
    return std::make_unique<exporter::LocalReading>(source, std::vector<exporter::NamesFile>());
  });
  if (!remote) throw std::runtime_error(remote.error().context);
  const pid_t keeper = (*remote)->keeper();
  const auto ignore = [](const std::string&) {};
  Collections apart(options, ignore, std::move(*remote));
  Collections together(options, ignore);
  scrape(apart, true);
  const pid_t reader = test::first_child_of(keeper);
  const CpuClock both{
      [own = CpuClock::own(), other = CpuClock::of(reader)] { return own.read() + other.read(); }};

  Rounds rounds;
  const auto change = [&] { server.change(); };
  for (const bool packed : {false, true}) {
    rounds.add({[&, packed] { scrape(together, packed); }, change});
    rounds.add({[&, packed] { scrape(apart, packed); }, change, both});
  }
  const auto results = rounds.run({.rounds = 15, .batch = std::chrono::milliseconds(60)});
  const auto pair = [&](std::size_t first) {
    const double one = results[first].cpu_ns;
    const double two = results[first + 1].cpu_ns;
    return fmt::format("{:.2f} / {:.2f} = {:.3f}×", two / 1e6, one / 1e6, two / one);
  };
  table.row({grouped(static_cast<double>(peers)), pair(0), pair(2),
             fmt::format("{:.1f}", mib(memory_of(reader).anonymous)),
             fmt::format("{:.1f}", mib(memory_of(keeper).anonymous))});
}

}  // namespace
}  // namespace wgscope::bench

int main(int argc, char** argv) {
  using namespace wgscope::bench;
  stay_on_one_cpu();
  // As the exporter's main() does: large blocks go back at once.
  mallopt(M_MMAP_THRESHOLD, 256 * 1024);
  mallopt(M_TRIM_THRESHOLD, 512 * 1024);
  Table table({"peers", "CPU ms a scrape, two / one process", "the same with gzip",
               "anonymous MiB of the reader", "of its parent"});
  try {
    if (argc < 2)
      for (const std::size_t peers : {10U, 1'000U, 10'000U, 100'000U}) measure(peers, table);
    for (int i = 1; i < argc; ++i) measure(std::strtoul(argv[i], nullptr, 10), table);
  } catch (const std::exception& error) {
    fmt::print(stderr, "bench: {}\n", error.what());
    return 1;
  }
  table.print();
  return 0;
}
