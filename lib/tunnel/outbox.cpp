#include "outbox.hpp"

#include <cstddef>
#include <optional>

#include "wgscope/tunnel/interface.hpp"

namespace wgscope::tunnel {

std::optional<Transmit> Outbox::take() {
  if (empty()) return std::nullopt;
  const Entry& first = entries_[taken_];
  std::size_t bytes = 0;
  std::size_t count = 0;
  for (std::size_t i = taken_; i < entries_.size() && count < kMaxSegments; ++i) {
    const Entry& entry = entries_[i];
    if (entry.size > first.size || bytes + entry.size > kMaxBatch || entry.to != first.to) break;
    bytes += entry.size;
    ++count;
    if (entry.size < first.size) break;  // a shorter one ends the batch
  }
  if (count == 0) {  // one above the limit of a batch: goes by itself
    bytes = first.size;
    count = 1;
  }
  taken_ += count;
  return Transmit{first.to, {memory_.get() + first.offset, bytes}, first.size};
}

}  // namespace wgscope::tunnel
