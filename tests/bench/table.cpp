#include "table.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <string>
#include <vector>

#include <fmt/core.h>

namespace wgscope::bench {
namespace {

/// Characters, not bytes: the table has "≤" and the like.
std::size_t width_of(const std::string& text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xc0U) != 0x80;
  }));
}

}  // namespace

void Table::section(const std::string& title) {
  std::vector<std::string> cells(rows_.front().size());
  cells[0] = "**" + title + "**";
  rows_.push_back(std::move(cells));
}

void Table::print() const {
  std::vector<std::size_t> widths(rows_.front().size(), 0);
  for (const auto& row : rows_)
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], width_of(row[i]));
  const auto print_row = [&](const std::vector<std::string>& row) {
    for (std::size_t i = 0; i < row.size(); ++i) {
      const std::string padding(widths[i] - width_of(row[i]), ' ');
      fmt::print("| {} ", i == 0 ? row[i] + padding : padding + row[i]);
    }
    fmt::print("|\n");
  };
  print_row(rows_.front());
  for (std::size_t i = 0; i < widths.size(); ++i)
    fmt::print("|{}{}", std::string(widths[i] + 1, '-'), i == 0 ? "-" : ":");
  fmt::print("|\n");
  for (std::size_t i = 1; i < rows_.size(); ++i) print_row(rows_[i]);
}

std::string grouped(double value) {
  const std::string digits = fmt::format("{}", std::llround(value));
  std::string text;
  for (std::size_t i = 0; i < digits.size(); ++i) {
    if (i != 0 && (digits.size() - i) % 3 == 0) text += ' ';
    text += digits[i];
  }
  return text;
}

}  // namespace wgscope::bench
