#include "networkd_reader.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/core.h>

#include "wgscope/base/result.hpp"
#include "wgscope/config/inventory.hpp"
#include "wgscope/config/networkd.hpp"
#include "wgscope/config/unit_file.hpp"

#include "wg_quick_values.hpp"

namespace wgscope::config {
namespace {

Position position(std::uint32_t file, UnitPlace place) {
  return {file, static_cast<std::uint32_t>(place.line), static_cast<std::uint32_t>(place.column)};
}

Position line_start(const UnitLine& line, std::uint32_t file) {
  return position(file, {line.line, 1});
}

}  // namespace

Position UnitSetting::at(std::size_t offset) const { return position(file, line->place(offset)); }

std::optional<UnitFault> UnitReader::read_files(std::span<const UnitText> files) {
  for (std::size_t i = 0; i < files.size(); ++i) {
    std::size_t line = 0;
    auto file = parse_unit_file(files[i].text, line);
    if (!file)
      return UnitFault{.kind = UnitFault::Kind::syntax,
                       .at = {static_cast<std::uint32_t>(i), static_cast<std::uint32_t>(line), 0},
                       .text = std::move(file.error().context),
                       .code = file.error().code};
    files_.push_back(std::move(*file));
  }
  for (std::size_t i = 0; i < files_.size(); ++i)
    read_lines(files_[i], static_cast<std::uint32_t>(i));
  return std::nullopt;
}

void UnitReader::read_lines(const UnitFile& file, std::uint32_t index) {
  state_ = State::outside;
  for (const UnitLine& line : file.lines()) {
    switch (line.kind) {
      case UnitLine::Kind::blank: blank(); break;
      case UnitLine::Kind::comment: comment(line.line, comment_text(line)); break;
      case UnitLine::Kind::section: enter(line, index); break;
      case UnitLine::Kind::assignment: assign(line, index); break;
      case UnitLine::Kind::malformed:
        if (state_ == State::known)
          warn(line_start(line, index),
               "expected [Section] or Key=Value, so networkd ignores the "
               "line");
        break;
    }
  }
  end_file();
}

void UnitReader::enter(const UnitLine& line, std::uint32_t index) {
  section_ = line.name;
  state_ = knows_section(section_) ? State::known : State::skipped;
  // Also of a section that is skipped: names in comments above it do not belong to the next peer.
  begin_section(section_, line_start(line, index));
  if (state_ == State::known || section_.starts_with("X-")) return;
  const std::string_view shown = showable_key(section_);
  warn(line_start(line, index),
       fmt::format("networkd does not know {}, so it ignores the lines in it",
                   shown.empty() ? "this section" : fmt::format("the section [{}]", shown)));
}

void UnitReader::assign(const UnitLine& line, std::uint32_t index) {
  if (state_ == State::skipped) return;
  if (state_ == State::outside)
    return warn(line_start(line, index), "this line is before any section, so networkd ignores it");
  if (setting({section_, line.name, line.value, &line, index})) return;
  if (line.name.starts_with("X-")) return;
  const std::string_view shown = showable_key(line.name);
  warn(line_start(line, index),
       fmt::format("networkd does not know {} in [{}], so it ignores the line",
                   shown.empty() ? "this key" : shown, section_));
}

void UnitReader::ignored(const UnitSetting& setting, std::string_view must_be, std::size_t offset) {
  warn(setting.at(offset),
       fmt::format("{} must be {}, so networkd ignores the line", setting.key, must_be));
}

std::vector<UnitWarning> UnitReader::take_warnings() {
  std::ranges::stable_sort(warnings_, {}, &UnitWarning::at);
  return std::exchange(warnings_, {});
}

std::string_view comment_text(const UnitLine& line) {
  const std::size_t begin = line.raw.find_first_of("#;");
  return line.raw.substr(begin, line.raw.find_last_not_of(" \t\r\n") + 1 - begin);
}

tl::unexpected<Error> as_error(const UnitFault& fault, std::span<const UnitText> files) {
  const std::string& file = files[fault.at.file].name;
  if (fault.at.line == 0) return fail(fault.code, fmt::format("{}: {}", file, fault.text));
  return fail(fault.code, fmt::format("{}: line {}: {}", file, fault.at.line, fault.text));
}

std::string to_string(const UnitWarning& warning, std::span<const UnitText> files) {
  return fmt::format("{}:{}:{}: {}", files[warning.at.file].name, warning.at.line,
                     warning.at.column, warning.text);
}

}  // namespace wgscope::config
