#pragma once

#include <chrono>
#include <string_view>

#include "wgscope/base/result.hpp"
#include "wgscope/base/time.hpp"

namespace wgscope {

/// The longest duration that parse_duration() accepts.
inline constexpr std::chrono::hours kLongestDuration{7 * 24};

/// Reads a duration as users write it in the options of both programs: one or more numbers, each
/// followed by one of the units d, h, m, s and ms, the larger unit first, as in "500ms", "1.5s" or
/// "1h30m". A number alone counts seconds. Blanks, signs and exponents are not accepted.
/// @returns bad_value, with a sentence that repeats `text` (printable) and says what to give.
Result<Nanoseconds> parse_duration(std::string_view text);

}  // namespace wgscope
