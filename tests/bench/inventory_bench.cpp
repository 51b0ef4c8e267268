// What an inventory adds to a scrape: the same peers read and written by the same process, with and
// without one, in turn.

#include <chrono>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <malloc.h>
#include <memory>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <unistd.h>
#include <utility>
#include <vector>

#include <fmt/core.h>

#include "wgscope/audit/drift.hpp"
#include "wgscope/base/time.hpp"
#include "wgscope/config/inventory.hpp"
#include "wgscope/config/inventory_file.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/model/device.hpp"
#include "wgscope/model/snapshot.hpp"
#include "wgscope/os/clock.hpp"
#include "wgscope/source/collect.hpp"

#include "exporter/collection.hpp"
#include "exporter/collectors/collectors.hpp"
#include "exporter/exposition/output.hpp"
#include "exporter/exposition/writer.hpp"
#include "exporter/inventory/declarations.hpp"
#include "exporter/inventory/prepared.hpp"
#include "measure.hpp"
#include "parts.hpp"
#include "processes.hpp"
#include "source/allocation_watch.hpp"
#include "table.hpp"
#include "temp_dir.hpp"
#include "workload.hpp"

namespace wgscope::bench {
namespace {

using exporter::Collections;

class DiscardingSink final : public exporter::Sink {
 public:
  bool write(std::span<const char>) override { return true; }
};

/// Every peer declared as it is: allowed IPs, a name, two labels, when its key was made; one in ten
/// always online, one in ten in office hours.
std::string inventory_of(const Device& device) {
  config::Inventory inventory;
  for (std::size_t i = 0; i < device.peers.size(); ++i) {
    config::DeclaredPeer& peer = inventory.peers.emplace_back();
    peer.name = fmt::format("laptop-{}", i);
    peer.public_key = device.peers[i].public_key;
    const auto allowed = device.allowed_ips_of(device.peers[i]);
    peer.allowed_ips.assign(allowed.begin(), allowed.end());
    peer.labels = {{"kind", "laptop"}, {"team", fmt::format("team-{}", i % 100)}};
    peer.key_created = std::chrono::sys_days(std::chrono::days(20'000));
    if (i % 10 == 0) peer.expected_online = config::ExpectedOnline::always;
    if (i % 10 == 1) {
      peer.expected_online = config::ExpectedOnline::scheduled;
      peer.schedule = {"Europe/Berlin", {{8 * 60, 18 * 60}}};
    }
  }
  return config::write_inventory(inventory);
}

exporter::CollectorOptions always_fresh(const source::CollectOptions& source) {
  exporter::CollectorOptions options;
  options.source = source;
  options.max_age = Nanoseconds(0);
  return options;
}

void scrape(Collections& collections, exporter::Sink& sink) {
  const auto collection = collections.get(os::boot_now() + std::chrono::seconds(60));
  if (!collection || (*collection)->snapshot.devices.empty())
    throw std::runtime_error("the UAPI server was not read");
  exporter::Output output(sink);
  exporter::Writer writer(exporter::Format::text, output);
  write_collection(**collection, {}, writer);
  writer.finish();
}

std::size_t samples_of(Collections& collections) {
  exporter::StringSink sink;
  scrape(collections, sink);
  return count_samples(sink.text);
}

Snapshot snapshot_of(const source::CollectOptions& source) {
  Snapshot snapshot;
  source::SnapshotSource(source).collect(os::now(), os::boot_now() + std::chrono::seconds(60),
                                         snapshot);
  return snapshot;
}

/// Each peer has the prefixes of another one, far away: all are wanted, and all are with another peer.
Snapshot with_prefixes_moved(const Snapshot& snapshot) {
  Snapshot moved = snapshot;
  for (Device& device : moved.devices) {
    const Device before = device;
    device.allowed_ips.clear();
    for (std::size_t i = 0; i < device.peers.size(); ++i) {
      device.peers[i].allowed_ips_count = 0;
      for (const Prefix& prefix :
           before.allowed_ips_of(before.peers[(i * 7919 + 1) % before.peers.size()]))
        device.add_allowed_ip(i, prefix);
    }
  }
  return moved;
}

double mib(std::size_t bytes) { return static_cast<double>(bytes) / (1024 * 1024); }

/// What a first comparison takes from the heap, beside the snapshot: an upper bound of its memory,
/// since what it gave back counts as well.
std::string memory_of_comparison(const audit::Declared& declared, const Snapshot& snapshot) {
  using wgscope::testing::AllocationWatch;
  AllocationWatch::start();
  const Snapshot copy = snapshot;
  const std::size_t of_snapshot = AllocationWatch::bytes();
  AllocationWatch::start();
  audit::Drift drift;
  audit::compare(declared, copy, {}, drift);
  const std::size_t of_drift = AllocationWatch::bytes();
  AllocationWatch::stop();
  return fmt::format("{:.1f} / {:.1f} = {:.2f}×", mib(of_drift), mib(of_snapshot),
                     mib(of_drift) / mib(of_snapshot));
}

double seconds(Nanoseconds time) { return std::chrono::duration<double>(time).count(); }

void measure(std::size_t peers, Table& table) {
  const test::TempDir folder;
  source::CollectOptions source;
  source.kernel = false;
  source.uapi_folder = folder.path().string();
  const Device device = make_device("wg0", peers, os::now().wall);
  const UapiServer server(folder / "wg0.sock", device);
  std::ofstream(folder / "inventory.yaml") << inventory_of(device);

  const std::size_t memory = memory_of(getpid()).anonymous;
  const CpuClock cpu = CpuClock::own();
  const Nanoseconds start = cpu.read();
  exporter::Declarations::Settings settings;
  settings.paths = {folder / "inventory.yaml"};
  const auto declarations = std::make_shared<const exporter::Declarations>(
      settings, [](const std::string& message) { throw std::runtime_error(message); });
  const Nanoseconds loaded = cpu.read() - start;
  const std::size_t held = memory_of(getpid()).anonymous - memory;

  Collections without(always_fresh(source), [](const std::string&) {});
  exporter::CollectorOptions declared = always_fresh(source);
  declared.declarations = declarations;
  Collections with(declared, [](const std::string&) {});
  const auto samples_without = static_cast<double>(samples_of(without));
  const auto samples_with = static_cast<double>(samples_of(with));
  const Snapshot snapshot = snapshot_of(source);
  const Snapshot moved = with_prefixes_moved(snapshot);
  const std::shared_ptr<const exporter::PreparedInventory> inventory =
      declarations->state()->inventory;
  audit::Drift drift;

  Rounds rounds;
  const auto change = [&] { server.change(); };
  DiscardingSink sink;
  rounds.add({[&] { scrape(without, sink); }, change});
  rounds.add({[&] { scrape(with, sink); }, change});
  for (const Snapshot* compared : {&snapshot, &moved})
    rounds.add(
        {[&, compared] { audit::compare(inventory->declared(), *compared, {}, drift); }, {}});
  const auto results = rounds.run({.rounds = 7, .batch = std::chrono::milliseconds(60)});
  const double each_without = results[0].cpu_ns / samples_without;
  const double each_with = results[1].cpu_ns / samples_with;
  table.row({grouped(static_cast<double>(peers)), fmt::format("{:.2f}", seconds(loaded)),
             fmt::format("{:.2f} / {:.2f}", results[0].cpu_ns / 1e6, results[1].cpu_ns / 1e6),
             fmt::format("{} / {}", grouped(samples_without), grouped(samples_with)),
             fmt::format("{:.1f} / {:.1f}", each_without, each_with),
             fmt::format("{:.2f}×", each_with / each_without),
             fmt::format("{:.2f}×", results[1].cpu_ns / results[0].cpu_ns),
             fmt::format("{:.2f} / {:.2f}", results[2].cpu_ns / 1e6, results[3].cpu_ns / 1e6),
             memory_of_comparison(inventory->declared(), moved), fmt::format("{:.0f}", mib(held))});
}

}  // namespace
}  // namespace wgscope::bench

int main(int argc, char** argv) {
  using namespace wgscope::bench;
  stay_on_one_cpu();
  // As the exporter's main() does: large blocks go back at once.
  mallopt(M_MMAP_THRESHOLD, 256 * 1024);
  mallopt(M_TRIM_THRESHOLD, 512 * 1024);
  Table table({"peers", "inventory read, CPU s", "CPU ms a scrape, without / with", "samples",
               "ns a sample", "ratio a sample", "ratio a scrape",
               "comparison, ms, as declared / all prefixes moved",
               "its memory / the snapshot's, MiB", "inventory, MiB"});
  try {
    if (argc < 2) {
      measure(10'000, table);
      measure(100'000, table);
    }
    for (int i = 1; i < argc; ++i) measure(std::strtoul(argv[i], nullptr, 10), table);
  } catch (const std::exception& error) {
    fmt::print(stderr, "bench: {}\n", error.what());
    return 1;
  }
  table.print();
  return 0;
}
