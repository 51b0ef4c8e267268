#pragma once

#include <span>
#include <string>
#include <vector>

#include <prometheus/metric_family.h>

#include "exporter/collection.hpp"

// What an exporter built on prometheus-cpp does with the same peers at each scrape.
namespace wgscope::bench {

/// The families of write_peers(), with the same labels and values. (Those of the interface and the
/// process are left out, in prometheus-cpp's favour.)
std::vector<prometheus::MetricFamily> families_of(const exporter::Collection& collection);

/// gzip as prometheus-cpp's Exposer makes it: zlib's default level, 6 (prometheus-cpp
/// 1.0.1, pull/src/handler.cc).
std::vector<char> gzip_as_exposer(std::span<const char> text);

}  // namespace wgscope::bench
