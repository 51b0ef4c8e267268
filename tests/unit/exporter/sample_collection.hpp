#pragma once

#include <string>

#include "exporter/collection.hpp"
#include "exporter/collectors/collectors.hpp"
#include "exporter/exposition/writer.hpp"

namespace wgscope::exporter {

/// A collection made by hand, with everything in it that a host can have and that is hard to write:
/// a kernel interface and userspace ones, one in another namespace and one with an odd name, peers
/// in every state, names with quotes, newlines and invalid UTF-8, counters beyond 2^63, endpoints
/// of each kind, a peer listed twice, failures.
Collection sample_collection();

/// The same with an inventory, whose peers and interfaces are in every state that they can be in, and
/// with the labels `name` and `team` for all series of a peer.
Collection declared_sample_collection();

/// write_collection(), less process_* and with version, revision and compiler replaced: what is the
/// same wherever and whenever it runs.
std::string render(const Collection& collection, const RenderOptions& options, Format format);

}  // namespace wgscope::exporter
