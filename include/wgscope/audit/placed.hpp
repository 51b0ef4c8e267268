#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "wgscope/diagnosis/finding.hpp"

namespace wgscope::audit {

/// A place in a file. Lines and columns count from 1, and columns count characters. Line 0: the
/// file as a whole. Column 0: the line as a whole.
struct Place {
  std::string file;  ///< as the user named it
  std::uint32_t line = 0;
  std::uint32_t column = 0;

  friend auto operator<=>(const Place&, const Place&) = default;
};

/// "wg0.conf:12:7", as compilers and editors write it; what is 0 is left out.
std::string to_string(const Place& place);

/// What a line becomes, or a part of it. Applied to a copy that is shown, never to the file.
struct Edit {
  std::uint32_t line = 0;           ///< from 1
  std::optional<std::string> text;  ///< without line break; nothing: the line is removed
  bool insert_before = false;       ///< the text becomes a line of its own before `line`
  std::uint32_t column = 0;         ///< of the part that the text replaces; 0: the whole line
  std::uint32_t length = 0;         ///< characters of that part
};

/// A finding, and where it is.
struct PlacedFinding {
  diagnosis::Finding finding;
  Place place;
  std::vector<Place> related = {};  ///< the other places of a contradiction
  std::vector<Edit> edits = {};     ///< in place.file; none: no edit is known to be right
};

/// By file, line, column, then by ID: the order in which they are shown.
void sort(std::vector<PlacedFinding>& findings);

/// The worst severity. Nothing: there are no findings.
std::optional<diagnosis::Severity> worst(const std::vector<PlacedFinding>& findings);

}  // namespace wgscope::audit
