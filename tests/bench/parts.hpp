#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

#include "wgscope/base/time.hpp"
#include "wgscope/source/collect.hpp"

#include "measure.hpp"

// The exporter's work piece by piece, in this process, and the limits beside it.
namespace wgscope::bench {

/// Text of one exposition of what `source` reads.
std::string render_once(const source::CollectOptions& source);

/// Samples in it: lines that are no comment.
std::size_t count_samples(std::string_view exposition);

/// CPU nanoseconds a time.
struct Parts {
  double read = 0;  ///< SnapshotSource::collect
  double collect =
      0;  ///< Collections::get: read, and what is remembered of each peer put beside it
  double receive = 0;         ///< asking and receiving the same answer without looking at it
  double render = 0;          ///< write_collection, the text discarded
  double copy = 0;            ///< memcpy of the text into one piece after the other
  double gzip = 0;            ///< GzipSink over the text's pieces, its output discarded
  double zlib6 = 0;           ///< zlib level 6 over the text
  double netlink_decode = 0;  ///< the same peers from the datagrams of a kernel's dump, in memory
  std::size_t text_bytes = 0;
  std::size_t samples = 0;
  std::size_t gzip_bytes = 0;
  std::size_t zlib6_bytes = 0;
  std::size_t netlink_bytes = 0;
};

/// @param change  changes what the UAPI server will answer next.
/// @param socket  the UAPI socket.
Parts measure_parts(const source::CollectOptions& source, const std::string& socket,
                    const Device& device, const std::function<void()>& change,
                    const Effort& effort);

}  // namespace wgscope::bench
