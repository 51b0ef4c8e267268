#pragma once

namespace wgscope::probe {

/// What decides whether output is coloured.
struct Surroundings {
  bool is_terminal;      ///< isatty(3) of the output
  const char* no_color;  ///< $NO_COLOR, nullptr where it is not set
  const char* term;      ///< $TERM
};

/// On a terminal that is not dumb, unless NO_COLOR is set to anything (https://no-color.org).
bool wants_colour(const Surroundings& around);

/// Those of standard output.
Surroundings surroundings_of_stdout();

}  // namespace wgscope::probe
