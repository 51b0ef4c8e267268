#pragma once

#include <string>
#include <string_view>

#include "wgscope/diagnosis/finding.hpp"

// The table of findings for people.

namespace wgscope::render {

/// Where a finding's row is in the documentation: "docs/findings.md#wgs-hs-005".
std::string findings_link(std::string_view id);

/// docs/findings.md as it has to be (Markdown): by layer, with an anchor for each ID.
std::string findings_document();

/// One line for each finding: ID, severity, title.
std::string findings_list();

/// One finding with its meaning and its fix. @param width  columns to fold lines to; 0: none.
std::string explain(const diagnosis::FindingKind& kind, std::size_t width);

/// @param id  in upper or lower case, with or without "WGS-". @returns nullptr where there is none.
const diagnosis::FindingKind* find_kind(std::string_view id);

}  // namespace wgscope::render
