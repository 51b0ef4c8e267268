#include "probe/render/terminal.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <string>
#include <string_view>
#include <sys/ioctl.h>
#include <unistd.h>

namespace wgscope::probe {
namespace {

bool begins_character(char byte) { return (static_cast<unsigned char>(byte) & 0xc0) != 0x80; }

std::size_t characters_of(std::string_view text) {
  return static_cast<std::size_t>(std::ranges::count_if(text, begins_character));
}

}  // namespace

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

std::string fold(std::string_view text, const Columns& columns) {
  if (columns.width <= columns.rest) return std::string(text);
  std::string folded;
  std::size_t column = columns.first;
  while (!text.empty()) {
    // A word, with the blanks before it.
    const std::size_t begin = std::min(text.find_first_not_of(' '), text.size());
    const std::size_t end = std::min(text.find(' ', begin), text.size());
    const std::string_view word = text.substr(begin, end - begin);
    if (!folded.empty() && column + begin + characters_of(word) > columns.width) {
      folded += '\n' + std::string(columns.rest, ' ');
      column = columns.rest;
    } else {
      folded.append(begin, ' ');
      column += begin;
    }
    folded += word;
    column += characters_of(word);
    text.remove_prefix(end);
  }
  return folded;
}

std::string cut(std::string_view text, std::size_t characters) {
  if (characters_of(text) <= characters) return std::string(text);
  std::size_t count = 0;
  std::size_t end = 0;
  for (; end < text.size(); ++end)
    if (begins_character(text[end]) && ++count >= characters) break;
  return std::string(text.substr(0, end)) + (characters == 0 ? "" : "…");
}

}  // namespace wgscope::probe
