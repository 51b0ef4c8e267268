#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace wgscope::probe {

/// What decides whether output is coloured.
struct Surroundings {
  bool is_terminal;      ///< isatty(3) of the output
  const char* no_color;  ///< $NO_COLOR, nullptr where it is not set
  const char* term;      ///< $TERM
};

/// On a terminal that is not dumb, unless NO_COLOR is set to anything (https://no-color.org).
bool wants_colour(const Surroundings& around);
/// On a terminal that is not dumb.
bool can_move_cursor(const Surroundings& around);

/// Those of standard output.
Surroundings surroundings_of_stdout();
Surroundings surroundings_of(int fd);

/// Columns; 0 where it is no terminal or does not know.
std::size_t terminal_width(int fd);

struct Columns {
  std::size_t width = 0;  ///< of the terminal; 0: lines are not folded
  std::size_t first = 0;  ///< where the text begins
  std::size_t rest = 0;   ///< where the lines below begin
};

/// Breaks a line at blanks so that it stays within the width; a word longer than that is left
/// whole. A character counts as one column, as all of ours do.
std::string fold(std::string_view text, const Columns& columns);
/// At most so many characters, the last an ellipsis where some were left out.
std::string cut(std::string_view text, std::size_t characters);

}  // namespace wgscope::probe
