#include "exporter/reading.hpp"

#include <utility>
#include <vector>

#include "wgscope/base/time.hpp"
#include "wgscope/model/snapshot.hpp"
#include "wgscope/source/collect.hpp"

#include "exporter/names.hpp"
#include "exporter/names_reader.hpp"

namespace wgscope::exporter {

LocalReading::LocalReading(source::CollectOptions source, std::vector<NamesFile> names,
                           Nanoseconds names_patience)
    : source_(std::move(source)), names_(std::move(names)), names_patience_(names_patience) {}

void LocalReading::read(Now now, Instant deadline, Snapshot& into, NamesReading& names) {
  NamesReader::State state = names_.refresh(names_patience_);
  names.messages = std::move(state.messages);
  names.names = std::move(state.names);
  names.report = state.report;
  source_.collect(now, deadline, into);
}

}  // namespace wgscope::exporter
