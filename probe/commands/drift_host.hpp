#pragma once

#include <vector>

#include "wgscope/audit/drift.hpp"
#include "wgscope/audit/drift_report.hpp"
#include "wgscope/base/time.hpp"
#include "wgscope/model/snapshot.hpp"

namespace wgscope::probe {

/// Reads addresses and routes of the interfaces that are compared, in their network namespaces.
/// What cannot be read by the deadline is absent.
/// @returns one for each of Snapshot::devices.
std::vector<audit::HostFacts> read_hosts(const audit::Declared& declared, const Snapshot& snapshot,
                                         const audit::Drift& drift, Instant deadline);

}  // namespace wgscope::probe
