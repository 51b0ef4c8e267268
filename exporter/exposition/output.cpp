#include "exporter/exposition/output.hpp"

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <string_view>

namespace wgscope::exporter {

void Output::append(std::string_view text) {
  while (!text.empty()) {
    if (used_ == kPieceSize) flush();
    const std::size_t part = std::min(text.size(), kPieceSize - used_);
    std::memcpy(buffer_.get() + used_, text.data(), part);
    used_ += part;
    text.remove_prefix(part);
  }
}

void Output::flush() {
  if (used_ != 0 && !refused_) refused_ = !sink_->write({buffer_.get(), used_});
  used_ = 0;
}

}  // namespace wgscope::exporter
