#pragma once

#include <array>

#include "wgscope/diagnosis/finding.hpp"

// The findings about what files say: wgscope lint. A part of the table that findings.cpp
// puts together.

namespace wgscope::diagnosis {

inline constexpr std::array<FindingKind, 0> kLintFindings{};

}  // namespace wgscope::diagnosis
