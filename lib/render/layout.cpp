#include "wgscope/render/layout.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <ctime>
#include <string>
#include <string_view>

#include <fmt/core.h>

#include "wgscope/base/time.hpp"

namespace wgscope::render {
namespace {

bool begins_character(char byte) { return (static_cast<unsigned char>(byte) & 0xc0) != 0x80; }

std::size_t characters_of(std::string_view text) {
  return static_cast<std::size_t>(std::ranges::count_if(text, begins_character));
}

}  // namespace

std::string timestamp(WallTime at) {
  const auto milliseconds = std::chrono::floor<std::chrono::milliseconds>(at.since_epoch);
  const auto seconds = std::chrono::floor<std::chrono::seconds>(milliseconds);
  const std::time_t time = seconds.count();
  std::tm utc{};
  static_cast<void>(gmtime_r(&time, &utc));
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", utc.tm_year + 1900,
                     utc.tm_mon + 1, utc.tm_mday, utc.tm_hour, utc.tm_min, utc.tm_sec,
                     (milliseconds - seconds).count());
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

}  // namespace wgscope::render
