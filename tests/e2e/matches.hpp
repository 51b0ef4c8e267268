#pragma once

#include <regex>
#include <set>
#include <string>

namespace wgscope::test {

/// What the first group of `pattern` (std::regex) matches, anywhere in `text`.
inline std::set<std::string> all_matches(const std::string& text, const std::string& pattern) {
  const std::regex regex(pattern);
  std::set<std::string> found;
  for (std::sregex_iterator match(text.begin(), text.end(), regex), end; match != end; ++match)
    found.insert((*match)[1]);
  return found;
}

}  // namespace wgscope::test
