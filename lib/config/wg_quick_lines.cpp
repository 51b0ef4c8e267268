#include "wg_quick_lines.hpp"

#include <algorithm>
#include <cstddef>
#include <optional>
#include <string_view>

#include "wgscope/base/text.hpp"

namespace wgscope::config {

WgQuickLines::WgQuickLines(std::string_view text) : rest_(text) {
  constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
  if (rest_.starts_with(kByteOrderMark)) rest_.remove_prefix(kByteOrderMark.size());
}

std::optional<std::string_view> WgQuickLines::next() {
  if (rest_.empty()) return std::nullopt;
  ++number_;
  const std::size_t end = std::min(rest_.find('\n'), rest_.size());
  const std::string_view line = trim(rest_.substr(0, end));
  rest_.remove_prefix(std::min(end + 1, rest_.size()));
  return line;
}

std::optional<Assignment> split_assignment(std::string_view line) {
  const std::size_t equals = line.find('=');
  if (equals == std::string_view::npos) return std::nullopt;
  return Assignment{trim(line.substr(0, equals)), trim(line.substr(equals + 1))};
}

std::string_view without_comment(std::string_view line) {
  return trim(line.substr(0, line.find('#')));
}

std::optional<std::string_view> peer_name(std::string_view line) {
  if (!line.starts_with('#')) return std::nullopt;
  const auto assignment = split_assignment(line.substr(1));
  if (!assignment || assignment->value.empty()) return std::nullopt;
  if (!iequals(assignment->key, "friendly_name") && !iequals(assignment->key, "Name"))
    return std::nullopt;
  return assignment->value;
}

}  // namespace wgscope::config
