#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

#include "wgscope/base/secret_string.hpp"

namespace wgscope::config {

// The rules that both readers of wg-quick files share.

/// Removes blanks, which are what isspace(3) accepts, from both ends.
std::string_view trim_blanks(std::string_view text);

/// Removes all blanks, as wg does before it reads a line.
SecretString without_blanks(std::string_view text);

/// Whether two texts are equal if blanks in `text` and case are ignored, as wg compares keys.
bool equals_but_blanks(std::string_view text, std::string_view plain);

/// Whether `line`, without its comment, is the header of `section` by the rules of wg.
bool is_header(std::string_view line, std::string_view section);

/// Splits a file from any system into trimmed lines, without a byte order mark and carriage
/// returns.
class WgQuickLines {
 public:
  explicit WgQuickLines(std::string_view text);

  std::optional<std::string_view> next();
  /// The line that next() returned, with the blanks around it.
  [[nodiscard]] std::string_view whole() const { return whole_; }
  /// The number of the line that next() returned, from 1.
  [[nodiscard]] std::size_t number() const { return number_; }
  /// Whether the text begins with a UTF-8 byte order mark, which wg refuses.
  [[nodiscard]] bool has_byte_order_mark() const { return has_byte_order_mark_; }

 private:
  std::string_view rest_;
  std::string_view whole_;
  std::size_t number_ = 0;
  bool has_byte_order_mark_ = false;
};

struct Assignment {
  std::string_view key;
  std::string_view value;
};

/// Splits "key = value" and trims both. @returns nothing for a line without '='.
std::optional<Assignment> split_assignment(std::string_view line);

/// Removes the comment at the end of a line.
std::string_view without_comment(std::string_view line);

}  // namespace wgscope::config
