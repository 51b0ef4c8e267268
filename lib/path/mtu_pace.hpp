#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

#include "wgscope/base/time.hpp"

// How far apart a search for an MTU sends its batches. Between the files of MtuSearch.

namespace wgscope::path {

/// Chosen: a byte bucket of 1 kB/s, which lets a large packet pass once in 1.5 s, shows itself in
/// the four seconds that kProofs takes then.
inline constexpr Nanoseconds kBatchGap = std::chrono::milliseconds{250};
/// Between large batches. Chosen: with the single packets before, the batches that kProofs takes are
/// sent in 1.6 s or more, in which such a bucket has filled up for a large packet. What it lets pass
/// first is the first packet of a batch.
inline constexpr Nanoseconds kLargeBatchGap = std::chrono::milliseconds{400};

/// A bucket that gains a packet's bytes in each gap would let the size below pass, and nothing
/// above it: gaps are longer by up to a third, each by another share.
constexpr Nanoseconds uneven(Nanoseconds gap, std::size_t number) {
  return gap + gap * static_cast<std::int64_t>(number % 7) / 18;
}

}  // namespace wgscope::path
