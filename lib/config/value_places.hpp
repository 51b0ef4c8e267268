#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "wgscope/config/tunnel_file.hpp"

namespace wgscope::config {

/// Finds the parts of a line's value in the file's line. wg gets values without their blanks, so
/// that a part of the value that is read may be longer in the line.
class ValuePlaces {
 public:
  /// @param whole  the line from its very beginning. @param text  a part of it, which is the place
  /// until value() names another.
  void line(std::size_t number, std::string_view whole, std::string_view text);
  /// @param written  the value, a part of the line. @param read  the same, maybe without blanks.
  void value(std::string_view written, std::string_view read);
  /// Where a part of `read` stands, which the next calls of here() repeat. Quick for parts in order.
  Spot of(std::string_view part);
  [[nodiscard]] Spot here() const { return here_; }

 private:
  [[nodiscard]] Spot spot(std::string_view part) const;

  std::string_view whole_;
  std::string_view written_;
  std::string_view read_;
  std::size_t number_ = 0;
  // The next part is looked for from here: bytes of `read_`, bytes of `written_`, its column.
  std::size_t read_at_ = 0;
  std::size_t written_at_ = 0;
  std::uint32_t column_ = 0;
  Spot here_;
};

}  // namespace wgscope::config
