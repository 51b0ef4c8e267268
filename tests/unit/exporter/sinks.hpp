#pragma once

#include <cstddef>
#include <limits>
#include <span>
#include <string>
#include <vector>

#include "exporter/exposition/output.hpp"

namespace wgscope::exporter {

/// Keeps pieces apart, and takes a number of them before it refuses.
class PieceSink final : public Sink {
 public:
  explicit PieceSink(std::size_t takes = std::numeric_limits<std::size_t>::max()) : takes_(takes) {}

  bool write(std::span<const char> piece) override {
    ++asked;
    if (pieces.size() == takes_) return false;
    pieces.emplace_back(piece.begin(), piece.end());
    return true;
  }

  [[nodiscard]] std::string text() const {
    std::string all;
    for (const std::string& piece : pieces) all += piece;
    return all;
  }

  std::vector<std::string> pieces;
  std::size_t asked = 0;

 private:
  std::size_t takes_;
};

}  // namespace wgscope::exporter
