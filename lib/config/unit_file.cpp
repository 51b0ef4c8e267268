#include "wgscope/config/unit_file.hpp"

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/core.h>

#include "wgscope/base/result.hpp"
#include "wgscope/base/secret_string.hpp"
#include "wgscope/base/text.hpp"
#include "wgscope/config/wg_quick.hpp"

namespace wgscope::config {
namespace {

constexpr std::string_view kBlanks = " \t\n\r";
constexpr std::string_view kBreaks = "\n\r";
constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

std::string_view skip_blanks(std::string_view text) {
  text.remove_prefix(std::min(text.find_first_not_of(kBlanks), text.size()));
  return text;
}

std::string_view trimmed(std::string_view text) {
  text = skip_blanks(text);
  return text.substr(0, text.find_last_not_of(kBlanks) + 1);
}

bool is_comment(std::string_view text) { return text.starts_with('#') || text.starts_with(';'); }

/// systemd counts pairs of backslashes from the beginning of the line.
bool is_continued(std::string_view text) {
  bool escaped = false;
  for (const char c : text) escaped = !escaped && c == '\\';
  return escaped;
}

/// Of the bytes of UTF-8, all but those that continue a character.
std::size_t characters(std::string_view text) {
  return static_cast<std::size_t>(
      std::ranges::count_if(text, [](unsigned char c) { return (c & 0xC0U) != 0x80U; }));
}

bool is_safe_header(std::string_view name) {
  return std::ranges::all_of(name, [](unsigned char c) {
    return c >= ' ' && c != 0x7F && c != '"' && c != '\'' && c != '\\';
  });
}

void append_on_one_line(SecretString& text, std::string_view value) {
  while (!value.empty()) {
    const std::size_t end = std::min(value.find_first_of(kBreaks), value.size());
    text.append(value.substr(0, end));
    if (end == value.size()) return;
    text.append(" ");
    value.remove_prefix(end + 1);
  }
}

/// Lines of a file with their breaks, of which systemd counts "\r\n" and "\n\r" as one.
class Physical {
 public:
  explicit Physical(std::string_view text) : rest_(text) {}

  struct Line {
    std::string_view text;
    std::string_view raw;
  };
  std::optional<Line> next() {
    if (rest_.empty()) return std::nullopt;
    const std::size_t end = std::min(rest_.find_first_of(kBreaks), rest_.size());
    std::size_t after = std::min(end + 1, rest_.size());
    if (after < rest_.size() && kBreaks.find(rest_[after]) != std::string_view::npos &&
        rest_[after] != rest_[end])
      ++after;
    const Line line{rest_.substr(0, end), rest_.substr(0, after)};
    rest_.remove_prefix(after);
    return line;
  }

 private:
  std::string_view rest_;
};

}  // namespace

UnitPlace UnitLine::place(std::size_t offset) const {
  if (parts.empty()) return {line, 1};
  const auto after = std::ranges::upper_bound(parts, offset, {}, &Part::offset);
  const Part& part = *std::prev(after == parts.begin() ? std::next(after) : after);
  const std::size_t from = std::min(part.offset, value.size());
  const std::string_view before = value.substr(from, std::min(offset, value.size()) - from);
  return {part.place.line, part.place.column + characters(before)};
}

/// Puts lines together that continue one another, and takes them apart.
class UnitFileReader {
 public:
  Result<UnitFile> read(std::string_view text) {
    if (auto why = why_not_text(text)) return fail(Errc::bad_value, std::move(*why));
    const std::string_view kept = file_.keep(SecretString(text));
    Physical lines(kept);
    while (const auto line = lines.next()) {
      ++number_;
      if (auto done = physical(*line); !done) return tl::unexpected(done.error());
    }
    // The end of the file ends a line that would go on.
    if (is_open_)
      if (auto done = finish(); !done) return tl::unexpected(done.error());
    return std::move(file_);
  }

  /// The line of the error that read() returned; 0: it is about the file.
  [[nodiscard]] std::size_t bad_line() const { return number_; }

 private:
  Result<> physical(const Physical::Line& line) {
    if (!is_open_) begin(line.raw);
    raw_ = {raw_.data(), raw_.size() + (raw_.data() == line.raw.data() ? 0 : line.raw.size())};
    std::string_view text = skip_blanks(line.text);
    if (is_comment(text)) {
      if (!is_open_) add(UnitLine::Kind::comment);
      return {};
    }
    if (!seen_byte_order_mark_ && line.text.starts_with(kByteOrderMark)) {
      text = line.text.substr(kByteOrderMark.size());
      seen_byte_order_mark_ = true;
      has_byte_order_mark_ = true;
    }
    if (joined_.size() + text.size() > kMaxUnitLine)
      return fail(Errc::too_large, fmt::format("the line is longer than {} bytes, so systemd "
                                               "refuses the file",
                                               kMaxUnitLine));
    const auto skipped = static_cast<std::size_t>(text.data() - line.text.data());
    const std::size_t column = characters(line.text.substr(0, skipped)) + 1;
    parts_.push_back({joined_.size(), {number_, column}});
    if (!is_continued(text) && !is_open_) return whole(text);
    is_open_ = is_continued(text);
    joined_.append(is_open_ ? text.substr(0, text.size() - 1) : text);
    if (!is_open_) return finish();
    joined_.append(" ");
    return {};
  }

  void begin(std::string_view raw) {
    raw_ = raw;
    first_ = number_;
    has_byte_order_mark_ = false;
    parts_.clear();
  }

  Result<> finish() {
    is_open_ = false;
    const std::string_view text = file_.keep(std::exchange(joined_, SecretString()));
    return whole(text);
  }

  /// Takes one line apart, which may have been put together of several.
  Result<> whole(std::string_view text) {
    const std::string_view line = trimmed(text);
    if (line.empty()) return add(UnitLine::Kind::blank), Result<>();
    if (!is_valid_utf8(line)) return refused("there are bytes that are not UTF-8");
    if (line.starts_with('[')) return section(line);
    const std::size_t equals = line.find('=');
    if (equals == std::string_view::npos || equals == 0)
      return add(UnitLine::Kind::malformed), Result<>();
    UnitLine& added = add(UnitLine::Kind::assignment);
    added.name = trimmed(line.substr(0, equals));
    added.value = trimmed(line.substr(equals + 1));
    place_value(added, text);
    return {};
  }

  Result<> section(std::string_view line) {
    if (!line.ends_with(']')) return refused("a section's header must end with ']'");
    const std::string_view name = line.substr(1, line.size() - 2);
    if (!is_safe_header(name))
      return refused("the section's header has quotes, a backslash or control characters");
    add(UnitLine::Kind::section).name = name;
    return {};
  }

  tl::unexpected<Error> refused(std::string_view why) {
    number_ = first_;
    return fail(Errc::bad_value, fmt::format("{}, so systemd refuses the file", why));
  }

  UnitLine& add(UnitLine::Kind kind) {
    UnitLine& added = file_.lines_.emplace_back();
    added.kind = kind;
    added.line = first_;
    added.last_line = number_;
    added.raw = raw_;
    added.has_byte_order_mark = has_byte_order_mark_;
    return added;
  }

  /// The parts of `text` become those of the value, which is somewhere in it.
  void place_value(UnitLine& added, std::string_view text) {
    const auto begin = static_cast<std::size_t>(added.value.data() - text.data());
    for (std::size_t i = 0; i < parts_.size(); ++i) {
      const bool has_next = i + 1 < parts_.size();
      if (has_next && parts_[i + 1].offset <= begin) continue;
      UnitLine::Part part = parts_[i];
      if (part.offset < begin) {
        part.place.column += characters(text.substr(part.offset, begin - part.offset));
        part.offset = begin;
      }
      part.offset -= begin;
      if (added.parts.empty() || part.offset < added.value.size()) added.parts.push_back(part);
    }
  }

  UnitFile file_;
  std::size_t number_ = 0;
  std::size_t first_ = 0;  ///< the first line of what is being put together
  std::string_view raw_;
  SecretString joined_;
  std::vector<UnitLine::Part> parts_;  ///< of the text that is put together
  bool is_open_ = false;               ///< the last line goes on
  bool seen_byte_order_mark_ = false;
  bool has_byte_order_mark_ = false;  ///< in what is being put together
};

std::string_view UnitFile::keep(SecretString text) {
  memory_.push_back(std::move(text));
  return memory_.back().view();
}

void UnitFile::set_value(std::size_t index, std::string_view value) {
  UnitLine& line = lines_[index];
  const std::size_t end = line.raw.find_last_not_of(kBreaks) + 1;
  std::string_view last_break;  // an empty line may end lines that continue one another
  for (Physical breaks(line.raw.substr(end)); const auto one = breaks.next();)
    last_break = one->raw;
  const std::size_t equals = line.raw.find('=');
  SecretString raw;
  if (line.raw.substr(0, end).find_first_of(kBreaks) == std::string_view::npos) {
    raw.append(line.raw.substr(0, equals + 1));
  } else {
    if (line.has_byte_order_mark)
      raw.append(kByteOrderMark);
    else if (line.name.starts_with(kByteOrderMark))
      raw.append(" ");  // it belongs to the name
    raw.append(line.name);
    raw.append("=");
  }
  if (line.raw.substr(equals + 1).starts_with(' ')) raw.append(" ");
  const std::size_t begin = raw.size();
  append_on_one_line(raw, value);
  if (is_continued(raw.view())) raw.append(" ");
  const std::size_t value_end = raw.size();
  raw.append(last_break);
  line.raw = keep(std::move(raw));
  line.value = trimmed(line.raw.substr(begin, value_end - begin));
  if (!line.parts.empty()) line.parts.resize(1);
}

void UnitFile::remove(std::size_t index) {
  lines_.erase(lines_.begin() + static_cast<std::ptrdiff_t>(index));
}

Result<UnitFile> parse_unit_file(std::string_view text, std::size_t& bad_line) {
  UnitFileReader reader;
  auto file = reader.read(text);
  if (!file) bad_line = reader.bad_line();
  return file;
}

Result<UnitFile> parse_unit_file(std::string_view text) {
  std::size_t line = 0;
  auto file = parse_unit_file(text, line);
  if (!file && line != 0)
    return fail(file.error().code, fmt::format("line {}: {}", line, file.error().context));
  return file;
}

SecretString write_unit_file(const UnitFile& file) {
  std::size_t size = 0;
  for (const UnitLine& line : file.lines()) size += line.raw.size();
  SecretString written;
  written.reserve(size);
  for (const UnitLine& line : file.lines()) written.append(line.raw);
  return written;
}

}  // namespace wgscope::config
