#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "wgscope/source/collect.hpp"

#include "processes.hpp"

// The HTTP servers that stand beside the exporter; each in a process of its own.
namespace wgscope::bench {

/// Sends `text` through the exporter's Response, in pieces as the exporter's writer makes them.
std::unique_ptr<HttpChild> serve_through_response(std::string_view text);

/// Sends `text` in the same pieces with a bare loop of write(2).
std::unique_ptr<HttpChild> serve_bare(std::string_view text);

/// Reads with our reader, then goes on as prometheus-cpp does: families, TextSerializer,
/// gzip if asked.
std::unique_ptr<HttpChild> serve_prometheus_cpp(const source::CollectOptions& source);

}  // namespace wgscope::bench
