#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace wgscope::probe {

/// What decides whether output is coloured.
struct Surroundings {
  bool is_terminal;      ///< whether the output is a terminal: isatty(3)
  const char* no_color;  ///< $NO_COLOR; nullptr: it is not set
  const char* term;      ///< $TERM; nullptr: it is not set
};

/// Whether to colour output: on a terminal that is not dumb, unless NO_COLOR is set to anything
/// (https://no-color.org).
bool wants_colour(const Surroundings& around);
/// Whether escape sequences can move the cursor: on a terminal that is not dumb.
bool can_move_cursor(const Surroundings& around);

/// The surroundings of standard output.
Surroundings surroundings_of_stdout();
Surroundings surroundings_of(int fd);

/// Columns of the terminal; 0: it is not a terminal, or does not know.
std::size_t terminal_width(int fd);

}  // namespace wgscope::probe
