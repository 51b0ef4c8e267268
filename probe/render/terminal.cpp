#include "probe/render/terminal.hpp"

#include <cstddef>
#include <cstdlib>
#include <string_view>
#include <sys/ioctl.h>
#include <unistd.h>

namespace wgscope::probe {
bool wants_colour(const Surroundings& around) {
  const bool refused = around.no_color != nullptr && *around.no_color != '\0';
  return can_move_cursor(around) && !refused;
}

bool can_move_cursor(const Surroundings& around) {
  const bool dumb = around.term == nullptr || std::string_view(around.term) == "dumb";
  return around.is_terminal && !dumb;
}

Surroundings surroundings_of_stdout() { return surroundings_of(STDOUT_FILENO); }

Surroundings surroundings_of(int fd) {
  return {isatty(fd) == 1, std::getenv("NO_COLOR"), std::getenv("TERM")};
}

std::size_t terminal_width(int fd) {
  winsize size{};
  return ioctl(fd, TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
}

}  // namespace wgscope::probe
