#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

#include "wgscope/base/secret_string.hpp"

namespace wgscope::config {

/// What both readers of wg-quick files go by.

/// `text` without what isspace(3) calls white at either end.
std::string_view trim_blanks(std::string_view text);

/// `text` without any blanks: wg takes them out of a line before it reads it.
SecretString without_blanks(std::string_view text);

/// Whether two texts are the same but for blanks and the case of letters, as wg compares keys.
bool equals_but_blanks(std::string_view text, std::string_view plain);

/// Whether a line without its comment is the header of that section, as wg takes it.
bool is_header(std::string_view line, std::string_view section);

/// The lines of a file, trimmed, from any system: a byte order mark and carriage returns
/// are left out.
class WgQuickLines {
 public:
  explicit WgQuickLines(std::string_view text);

  std::optional<std::string_view> next();
  /// Of the line that next() gave, from 1.
  [[nodiscard]] std::size_t number() const { return number_; }
  /// Whether the text begins with UTF-8's byte order mark, which wg refuses.
  [[nodiscard]] bool has_byte_order_mark() const { return has_byte_order_mark_; }

 private:
  std::string_view rest_;
  std::size_t number_ = 0;
  bool has_byte_order_mark_ = false;
};

struct Assignment {
  std::string_view key;
  std::string_view value;
};

/// "key = value", both trimmed. @returns nothing for a line without '='.
std::optional<Assignment> split_assignment(std::string_view line);

/// A line without the comment at its end.
std::string_view without_comment(std::string_view line);

}  // namespace wgscope::config
