#include "hidden_keys.hpp"

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>

namespace wgscope::config {
namespace {

constexpr std::size_t kBase64Size = 43;  // without the '='
constexpr std::size_t kHexSize = 64;

bool is_base64(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '+' ||
         c == '/';
}

bool is_hex(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

struct Found {
  std::size_t begin = 0;
  std::size_t size = 0;  ///< 0: there is none
};

/// The next one from there on.
Found find_key(std::string_view text, std::size_t from) {
  while (from < text.size()) {
    const auto begin =
        std::find_if(text.begin() + static_cast<std::ptrdiff_t>(from), text.end(), is_base64);
    const auto end = std::find_if_not(begin, text.end(), is_base64);
    const auto at = static_cast<std::size_t>(begin - text.begin());
    const auto size = static_cast<std::size_t>(end - begin);
    // What is longer may be a key with something before it; then its end is the key.
    if (size >= kBase64Size && end != text.end() && *end == '=')
      return {at + size - kBase64Size, kBase64Size + 1};
    if (size >= kHexSize && std::all_of(begin, end, is_hex)) return {at, size};
    from = at + std::max<std::size_t>(size, 1);
  }
  return {};
}

/// Whether a map has its key there: first of a line, or behind a brace, a comma or a question mark,
/// and before a colon; quoted or not.
bool is_map_key(std::string_view text, Found found) {
  constexpr std::string_view kBlanks = " \t";
  const auto skip_quote = [](char c) { return c == '"' || c == '\''; };
  std::string_view before = text.substr(0, found.begin);
  if (!before.empty() && skip_quote(before.back())) before.remove_suffix(1);
  const std::size_t last = before.find_last_not_of(kBlanks);
  if (last != std::string_view::npos &&
      std::string_view("\n\r{,?").find(before[last]) == std::string_view::npos &&
      !before.substr(0, last + 1).ends_with("\xEF\xBB\xBF"))
    return false;
  std::string_view after = text.substr(found.begin + found.size);
  if (!after.empty() && skip_quote(after.front())) after.remove_prefix(1);
  const std::size_t next = after.find_first_not_of(kBlanks);
  // A complex key of YAML has its colon on the next line.
  const bool complex = last != std::string_view::npos && before[last] == '?';
  return complex || (next != std::string_view::npos && after[next] == ':');
}

}  // namespace

bool holds_key(std::string_view text) { return find_key(text, 0).size != 0; }

std::string hide_keys(std::string_view text) {
  std::string hidden;
  hidden.reserve(text.size());
  for (;;) {
    const Found found = find_key(text, hidden.size());
    const std::size_t upto = found.size != 0 ? found.begin : text.size();
    hidden.append(text.substr(hidden.size(), upto - hidden.size()));
    if (found.size == 0) return hidden;
    if (found.size == kBase64Size + 1 && is_map_key(text, found))
      hidden.append(text.substr(found.begin, found.size));
    else
      hidden.append(found.size - kHiddenKey.size(), 'x').append(kHiddenKey);
  }
}

}  // namespace wgscope::config
