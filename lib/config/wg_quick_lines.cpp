#include "wg_quick_lines.hpp"

#include <algorithm>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include <fmt/core.h>

#include "wgscope/base/secret_string.hpp"
#include "wgscope/config/wg_quick.hpp"

namespace wgscope::config {
namespace {

constexpr std::string_view kBlanks = " \t\n\v\f\r";
constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

bool is_blank(char c) { return kBlanks.find(c) != std::string_view::npos; }

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

/// The encoding as iconv(1) calls it; nothing where two bytes a character would make no sense.
std::optional<std::string_view> utf16_of(std::string_view file) {
  if (file.starts_with("\xFF\xFE") || file.starts_with("\xFE\xFF")) return "UTF-16";
  if (file.size() < 4 || file.size() % 2 != 0) return std::nullopt;
  // Files begin with ASCII: a bracket, a comment, an empty line.
  const auto zero = [&](std::size_t at) { return file[at] == '\0'; };
  if (!zero(0) && zero(1) && !zero(2) && zero(3)) return "UTF-16LE";
  if (zero(0) && !zero(1) && zero(2) && !zero(3)) return "UTF-16BE";
  return std::nullopt;
}

}  // namespace

std::string_view trim_blanks(std::string_view text) {
  const std::size_t first = text.find_first_not_of(kBlanks);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlanks) - first + 1);
}

SecretString without_blanks(std::string_view text) {
  SecretString made;
  made.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i)
    if (!is_blank(text[i])) made.append(text.substr(i, 1));
  return made;
}

bool equals_but_blanks(std::string_view text, std::string_view plain) {
  std::size_t at = 0;
  for (const char c : text) {
    if (is_blank(c)) continue;
    if (at == plain.size() || lower(c) != lower(plain[at])) return false;
    ++at;
  }
  return at == plain.size();
}

bool is_header(std::string_view line, std::string_view section) {
  return line.starts_with('[') && line.ends_with(']') && line.size() > 2 &&
         equals_but_blanks(line.substr(1, line.size() - 2), section);
}

WgQuickLines::WgQuickLines(std::string_view text)
    : rest_(text), has_byte_order_mark_(text.starts_with(kByteOrderMark)) {
  if (has_byte_order_mark_) rest_.remove_prefix(kByteOrderMark.size());
}

std::optional<std::string_view> WgQuickLines::next() {
  if (rest_.empty()) return std::nullopt;
  ++number_;
  const std::size_t end = std::min(rest_.find('\n'), rest_.size());
  whole_ = rest_.substr(0, end);
  const std::string_view line = trim_blanks(whole_);
  rest_.remove_prefix(std::min(end + 1, rest_.size()));
  return line;
}

std::optional<std::string> why_not_text(std::string_view file) {
  if (const auto encoding = utf16_of(file))
    return fmt::format(
        "the file is in UTF-16, as some editors and PowerShell write it, and has to be in UTF-8: "
        "convert it with iconv -f {} -t UTF-8 FILE > NEW-FILE",
        *encoding);
  const std::size_t zero = file.find('\0');
  if (zero == std::string_view::npos) return std::nullopt;
  return fmt::format("line {}: this line has a byte of zero, so the file is not a text file",
                     1 + std::ranges::count(file.substr(0, zero), '\n'));
}

std::optional<Assignment> split_assignment(std::string_view line) {
  const std::size_t equals = line.find('=');
  if (equals == std::string_view::npos) return std::nullopt;
  return Assignment{trim_blanks(line.substr(0, equals)), trim_blanks(line.substr(equals + 1))};
}

std::string_view without_comment(std::string_view line) {
  return trim_blanks(line.substr(0, line.find('#')));
}

}  // namespace wgscope::config
