#pragma once

#include <cstdint>

#include "exporter/collection.hpp"
#include "exporter/exposition/writer.hpp"

namespace wgscope::exporter {

/// How much of a peer's endpoint goes into its info metric.
enum class EndpointDetail : std::uint8_t { off, ip, subnet, full };

struct RenderOptions {
  EndpointDetail endpoint = EndpointDetail::full;
  bool allowed_ip_info = false;  ///< one info series for each allowed IP
  bool name_label = false;       ///< `name` on every peer series, not only on the info metric
};

// Each writes the families of its noun, in the order of the metric table. All are pure functions of
// a collection.

void write_interfaces(const Collection& collection, Writer& writer);
void write_peers(const Collection& collection, const RenderOptions& options, Writer& writer);
/// Build, collectors, failures, clock steps.
void write_exporter(const Collection& collection, Writer& writer);
/// process_*, read from /proc/self at the call.
void write_process(Writer& writer);

/// Every family but the HTTP server's own.
void write_collection(const Collection& collection, const RenderOptions& options, Writer& writer);

}  // namespace wgscope::exporter
