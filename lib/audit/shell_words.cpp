#include "shell_words.hpp"

#include <cstddef>
#include <optional>
#include <string_view>
#include <vector>

namespace wgscope::audit {
namespace {

/// Follows a command character by character. Quotes and parentheses are inside one another: in
/// "$(echo "x")" the inner quotes are of the command in parentheses.
class Follower {
 public:
  std::optional<Unclosed> follow(std::string_view command) {
    for (std::size_t at = 0; at < command.size(); ++at) {
      const char c = command[at];
      const char before = at == 0 ? '\0' : command[at - 1];
      if (c == '\\' && (is_ansi_ || !is_in(Unclosed::single_quote)))
        ++at;
      else
        take(c, before);
    }
    if (open_.empty()) return std::nullopt;
    return open_.back();
  }

 private:
  [[nodiscard]] bool is_in(Unclosed what) const { return !open_.empty() && open_.back() == what; }

  void take(char c, char before) {
    if (is_in(Unclosed::single_quote)) {
      if (c == '\'') open_.pop_back();
      return;
    }
    const bool is_double = is_in(Unclosed::double_quote);
    if (c == '"') return toggle(Unclosed::double_quote);
    if (c == '`') return toggle(Unclosed::backquote);
    if (c == '\'' && !is_double) {
      is_ansi_ = before == '$';
      open_.push_back(Unclosed::single_quote);
    } else if (c == '(' && (!is_double || before == '$')) {
      open_.push_back(Unclosed::parenthesis);
    } else if (c == ')' && is_in(Unclosed::parenthesis)) {
      open_.pop_back();
    }
  }

  void toggle(Unclosed what) {
    if (is_in(what))
      open_.pop_back();
    else
      open_.push_back(what);
  }

  std::vector<Unclosed> open_;
  bool is_ansi_ = false;  ///< the single quote follows a '$', so that it has escapes
};

}  // namespace

std::string_view name_of(Unclosed what) {
  switch (what) {
    case Unclosed::single_quote: return "a single quote";
    case Unclosed::double_quote: return "a double quote";
    case Unclosed::backquote: return "a backquote";
    case Unclosed::parenthesis: return "a parenthesis";
  }
  return "";
}

std::optional<Unclosed> unclosed(std::string_view command) { return Follower().follow(command); }

}  // namespace wgscope::audit
