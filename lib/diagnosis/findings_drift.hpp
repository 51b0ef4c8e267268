#pragma once

#include <array>

#include "wgscope/diagnosis/finding.hpp"

// The findings about what is declared and what is there: wgscope drift, and the exporter. A part of the table that findings.cpp
// puts together.

namespace wgscope::diagnosis {

inline constexpr std::array<FindingKind, 0> kDriftFindings{};

}  // namespace wgscope::diagnosis
