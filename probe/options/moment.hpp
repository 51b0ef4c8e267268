#pragma once

#include <string_view>

#include "wgscope/base/result.hpp"
#include "wgscope/base/time.hpp"

namespace wgscope::probe {

/// A time as users write it: "2026-03-31", "2026-03-31T12:00", with seconds, parts of them, and "Z"
/// or an offset from UTC such as "+02:00" behind; UTC without. Or a duration, "90m": that long
/// before `now`. @returns bad_value, in a sentence for the user.
Result<WallTime> parse_moment(std::string_view text, WallTime now);

}  // namespace wgscope::probe
