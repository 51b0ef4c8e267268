#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

namespace wgscope::config {

/// What both readers of wg-quick files go by. Nothing here copies text.

/// The lines of a file, trimmed, from any system: a byte order mark and carriage returns
/// are left out.
class WgQuickLines {
 public:
  explicit WgQuickLines(std::string_view text);

  std::optional<std::string_view> next();
  /// Of the line that next() gave, from 1.
  [[nodiscard]] std::size_t number() const { return number_; }

 private:
  std::string_view rest_;
  std::size_t number_ = 0;
};

struct Assignment {
  std::string_view key;
  std::string_view value;
};

/// "key = value", both trimmed. @returns nothing for a line without '='.
std::optional<Assignment> split_assignment(std::string_view line);

/// A line without the comment at its end.
std::string_view without_comment(std::string_view line);

/// The peer's name in a line that is a comment "# friendly_name = …" or "# Name = …"; nothing in
/// any other.
std::optional<std::string_view> peer_name(std::string_view line);

}  // namespace wgscope::config
