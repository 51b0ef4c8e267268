#include <chrono>
#include <cstddef>
#include <set>
#include <string>
#include <string_view>
#include <tuple>

#include "wgscope/base/time.hpp"
#include "wgscope/model/snapshot.hpp"

#include "build_info.hpp"
#include "exporter/collection.hpp"
#include "exporter/collectors/collectors.hpp"
#include "exporter/exposition/writer.hpp"
#include "exporter/journal.hpp"
#include "exporter/metrics.hpp"
#include "exporter/names.hpp"
#include "exporter/reading.hpp"

namespace wgscope::exporter {
namespace {

/// Calls `each(name, success, duration)` for every collector that ran.
template <class Each>
void for_each_collector(const Collection& collection, Each&& each) {
  for (std::size_t i = 0; i < kCollectorCount; ++i) {
    const CollectorReport& report = collection.snapshot.collectors[i];
    if (report.ran) each(to_string(static_cast<Collector>(i)), report.success, report.duration);
  }
  const NamesReport& names = collection.names_report;
  if (names.ran) each("names", names.success, names.duration);
}

void write_failures(const Snapshot& snapshot, Writer& writer) {
  writer.begin(metric::kInterfaceFailures);
  // Two failures of one interface may have one reason; a series may stand only once.
  std::set<std::tuple<std::string_view, std::string_view, FailureReason>> written;
  for (const Failure& failure : snapshot.failures) {
    if (!written.insert({failure.netns, failure.interface, failure.reason}).second) continue;
    writer.sample(metric::kInterfaceFailures.name,
                  {{"interface", failure.interface},
                   {"netns", failure.netns},
                   {"reason", to_string(failure.reason)}},
                  Number::integer(1));
  }
}

/// What the process that reads costs, if there is one.
void write_reader(const Collection& collection, Writer& writer) {
  if (!collection.reader) return;
  writer.begin(metric::kReaderRestarts);
  writer.sample(metric::kReaderRestarts.name, "", Number::integer(collection.reader->restarts));
  writer.begin(metric::kReaderCpu);
  writer.sample(metric::kReaderCpu.name, "", Number::seconds(collection.reader->cpu));
  writer.begin(metric::kReaderResidentMemory);
  writer.sample(metric::kReaderResidentMemory.name, "",
                Number::integer(collection.reader->resident_bytes));
}

/// How keeping things on disk goes, for what is kept.
void write_kept(const Collection& collection, Writer& writer) {
  if (collection.state_success) {
    writer.begin(metric::kStateSuccess);
    writer.sample(metric::kStateSuccess.name, "", Number::boolean(*collection.state_success));
  }
  const JournalReport& journal = collection.journal_report;
  if (!journal.ran) return;
  const auto write = [&](const MetricDesc& metric, const Number& value) {
    writer.begin(metric);
    writer.sample(metric.name, "", value);
  };
  write(metric::kJournalSuccess, Number::boolean(journal.success));
  write(metric::kJournalEvents, Number::integer(journal.events));
  write(metric::kJournalDroppedEvents, Number::integer(journal.dropped));
}

}  // namespace

void write_exporter(const Collection& collection, Writer& writer) {
  writer.begin(metric::kBuildInfo);
  writer.sample(metric::kBuildInfo.name,
                {{"version", build_info::kVersion},
                 {"revision", build_info::kRevision},
                 {"compiler", build_info::kCompiler}},
                Number::integer(1));
  writer.begin(metric::kCollectorSuccess);
  for_each_collector(collection, [&](std::string_view name, bool success, Nanoseconds) {
    writer.sample(metric::kCollectorSuccess.name, {{"collector", name}}, Number::boolean(success));
  });
  writer.begin(metric::kCollectorDuration);
  for_each_collector(collection, [&](std::string_view name, bool, Nanoseconds duration) {
    std::string labels = "collector=\"";
    labels.append(name).append("\"");
    writer.sample(metric::kCollectorDuration.name, labels,
                  std::chrono::duration<double>(duration).count());
  });
  write_failures(collection.snapshot, writer);
  if (collection.judged) {
    writer.begin(metric::kClockSteps);
    writer.sample(metric::kClockSteps.name, "", Number::integer(collection.clock_steps));
  }
  write_reader(collection, writer);
  write_kept(collection, writer);
}

void write_collection(const Collection& collection, const RenderOptions& options, Writer& writer) {
  write_exporter(collection, writer);
  write_process(writer);
  write_interfaces(collection, writer);
  write_peers(collection, options, writer);
  write_declared_peers(collection, options, writer);
  write_declared(collection, writer);
}

}  // namespace wgscope::exporter
