#include "probe/render/terminal.hpp"

#include <cstdlib>
#include <string_view>
#include <unistd.h>

namespace wgscope::probe {

bool wants_colour(const Surroundings& around) {
  const bool refused = around.no_color != nullptr && *around.no_color != '\0';
  const bool dumb = around.term == nullptr || std::string_view(around.term) == "dumb";
  return around.is_terminal && !refused && !dumb;
}

Surroundings surroundings_of_stdout() {
  return {isatty(STDOUT_FILENO) == 1, std::getenv("NO_COLOR"), std::getenv("TERM")};
}

}  // namespace wgscope::probe
