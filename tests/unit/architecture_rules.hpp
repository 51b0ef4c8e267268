#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "wgscope/base/result.hpp"

// The rules of docs/architecture.md, "Rooms and arrows", as far as the text of the sources shows
// whether they hold.
namespace wgscope::architecture {

/// Room -> the rooms it may include; every room has an entry. The programs exporter and probe are
/// rooms here.
using Arrows = std::map<std::string, std::set<std::string>, std::less<>>;

/// Reads the first table under "## Rooms and arrows".
/// @returns bad_value, saying what is wrong with it: no table, a room twice, an arrow to an unknown
/// room, a circle.
Result<Arrows> read_arrows(std::string_view markdown);

struct SourceFile {
  std::string path;  ///< from the root of the repository: "lib/base/text.cpp"
  std::string text;
};

/// What is against the rules, one sentence each, starting with "<path>:<line>: "; empty when
/// all is well.
std::vector<std::string> find_violations(const std::vector<SourceFile>& files,
                                         const Arrows& arrows);

}  // namespace wgscope::architecture
