#pragma once

#include <string>
#include <string_view>

#include "wgscope/base/time.hpp"
#include "wgscope/config/inventory_file.hpp"

#include "probe/verbs.hpp"

// What `wgscope inventory check` says.

namespace wgscope::probe {

/// critical where there are errors, warning where there are warnings alone.
Exit verdict_of(const config::InventoryRead& read);

/// A line for each problem, with how many more there are of a file.
std::string problem_lines(const config::InventoryRead& read);
/// And a last line with the verdict.
std::string inventory_text(const config::InventoryRead& read);
/// "wgscope.inventory_check/1": docs/inventory.md.
std::string inventory_json(const config::InventoryRead& read);
/// The same document where nothing could be checked. @param why  a sentence for people.
std::string inventory_json(std::string_view why);

/// When a check began, and how long it took.
struct CheckTime {
  WallTime started;
  Nanoseconds duration{};
};
/// A JUnit suite in which each file is a case. @param lenient  warnings alone fail nothing.
std::string inventory_junit(const config::InventoryRead& read, bool lenient, const CheckTime& time);
/// And where nothing could be checked.
std::string inventory_junit(std::string_view why, const CheckTime& time);

}  // namespace wgscope::probe
