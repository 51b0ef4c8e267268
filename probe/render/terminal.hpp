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

}  // namespace wgscope::probe
