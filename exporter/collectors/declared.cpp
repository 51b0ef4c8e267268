#include <chrono>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "wgscope/audit/drift.hpp"
#include "wgscope/base/time.hpp"
#include "wgscope/diagnosis/finding.hpp"
#include "wgscope/model/device.hpp"

#include "exporter/collection.hpp"
#include "exporter/collectors/collectors.hpp"
#include "exporter/exposition/writer.hpp"
#include "exporter/inventory/declarations.hpp"
#include "exporter/inventory/declared_view.hpp"
#include "exporter/inventory/finding_counts.hpp"
#include "exporter/metrics.hpp"

namespace wgscope::exporter {
namespace {

void write_declared_interfaces(const Collection& collection, Writer& writer) {
  const MetricDesc& metric = metric::kInterfaceDeclared;
  const audit::Drift& drift = collection.declared.drift;
  const auto& declared = collection.declared.inventory()->declared().inventory().interfaces;
  writer.begin(metric);
  for (std::size_t i = 0; i < drift.interfaces.size(); ++i) {
    const Device& device = collection.snapshot.devices[i];
    if (drift.interfaces[i].declared != audit::kNotDeclared)
      writer.sample(metric.name, {{"interface", device.name}, {"netns", device.netns}},
                    Number::integer(1));
  }
  for (const std::uint32_t missing : drift.missing_interfaces)
    writer.sample(metric.name, {{"interface", declared[missing].name}}, Number::integer(0));
}

void write_undeclared_interfaces(const Collection& collection, Writer& writer) {
  const MetricDesc& metric = metric::kInterfaceUndeclared;
  const std::vector<audit::InterfaceDrift>& interfaces = collection.declared.drift.interfaces;
  writer.begin(metric);
  for (std::size_t i = 0; i < interfaces.size(); ++i) {
    if (!interfaces[i].is_undeclared()) continue;
    const Device& device = collection.snapshot.devices[i];
    writer.sample(metric.name, {{"interface", device.name}, {"netns", device.netns}},
                  Number::integer(1));
  }
}

void write_reading(const Collection& collection, Writer& writer) {
  const Declarations::State& state = *collection.declared.state;
  writer.begin(metric::kInventoryReloadSuccess);
  writer.sample(metric::kInventoryReloadSuccess.name, "", Number::boolean(state.success));
  writer.begin(metric::kInventoryReloadTimestamp);
  if (state.reloaded)
    writer.sample(metric::kInventoryReloadTimestamp.name, "",
                  Number::seconds(state.reloaded->since_epoch));
  const auto& names = collection.declared.names;
  writer.begin(metric::kInventoryNameAge);
  if (names && names->oldest)
    writer.sample(
        metric::kInventoryNameAge.name, "",
        std::chrono::duration<double>(collection.snapshot.taken.boot - *names->oldest).count());
}

void write_findings(const Collection& collection, Writer& writer) {
  const MetricDesc& metric = metric::kFindings;
  writer.begin(metric);
  for (const FindingCount& found : collection.declared.findings) {
    const diagnosis::FindingKind& kind = diagnosis::kind_of(found.id);
    writer.sample(metric.name,
                  {{"id", kind.id},
                   {"severity", diagnosis::to_string(kind.severity)},
                   {"interface", found.interface},
                   {"netns", found.netns}},
                  Number::integer(found.count));
  }
}

}  // namespace

void write_declared(const Collection& collection, Writer& writer) {
  if (!collection.declared.state) return;
  const bool compared = collection.declared.inventory() != nullptr;
  if (compared) {
    write_declared_interfaces(collection, writer);
    write_undeclared_interfaces(collection, writer);
  }
  write_reading(collection, writer);
  if (compared) write_findings(collection, writer);
}

}  // namespace wgscope::exporter
