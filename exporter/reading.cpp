#include "exporter/reading.hpp"

#include <utility>
#include <vector>

#include "wgscope/base/time.hpp"
#include "wgscope/model/snapshot.hpp"
#include "wgscope/source/collect.hpp"

#include "exporter/names.hpp"

namespace wgscope::exporter {

LocalReading::LocalReading(source::CollectOptions source, std::vector<NamesFile> names)
    : source_(std::move(source)), names_(std::move(names)) {}

void LocalReading::read(Now now, Instant deadline, Snapshot& into, NamesReading& names) {
  names.messages = names_.refresh();
  names.names = names_.current();
  names.report = names_.report();
  source_.collect(now, deadline, into);
}

}  // namespace wgscope::exporter
