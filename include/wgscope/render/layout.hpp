#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "wgscope/base/time.hpp"

namespace wgscope::render {

/// A time as "2026-11-25T13:30:01.250Z" (RFC 3339), in UTC.
std::string timestamp(WallTime at);

struct Columns {
  std::size_t width = 0;  ///< columns of the terminal; 0: lines are not folded
  std::size_t first = 0;  ///< column in which the text begins
  std::size_t rest = 0;   ///< column in which the following lines begin
};

/// Breaks a line at blanks so that it stays within the width. A word that is longer than the width
/// stays whole. Each character counts as one column.
std::string fold(std::string_view text, const Columns& columns);
/// The first `characters` characters. Where some were left out, the last one is an ellipsis.
std::string cut(std::string_view text, std::size_t characters);

}  // namespace wgscope::render
