#pragma once

#include "exporter/collection.hpp"
#include "exporter/endpoint_detail.hpp"
#include "exporter/exposition/writer.hpp"

namespace wgscope::exporter {

struct RenderOptions {
  EndpointDetail endpoint = EndpointDetail::full;
  bool allowed_ip_info = false;  ///< writes an info series for each allowed IP
  /// Writes the label `name` on every series of a peer, not only on the info metric.
  bool name_label = false;
};

// Each writes the families of its noun, in the order of the metric table. All are pure functions of
// a collection.

void write_interfaces(const Collection& collection, Writer& writer);
void write_peers(const Collection& collection, const RenderOptions& options, Writer& writer);
/// Writes what an inventory declares of peers. Nothing without one.
void write_declared_peers(const Collection& collection, const RenderOptions& options,
                          Writer& writer);
/// Writes how reading the inventory went, declared interfaces, and counts of findings.
void write_declared(const Collection& collection, Writer& writer);
/// Writes build, collectors, failures and clock steps.
void write_exporter(const Collection& collection, Writer& writer);
/// Writes process_*, which it reads from /proc/self.
void write_process(Writer& writer);

/// Writes every family except those of the HTTP server.
void write_collection(const Collection& collection, const RenderOptions& options, Writer& writer);

}  // namespace wgscope::exporter
