#pragma once

#include <chrono>
#include <string_view>

#include "wgscope/base/result.hpp"
#include "wgscope/base/time.hpp"

namespace wgscope::os {

/// What a time zone's clocks show: the offset from UTC at a moment, from the host's time zone
/// database (Debian's tzdata). The database is read when it is first asked, and kept.
/// @param zone  an IANA name: "Europe/Berlin". @returns bad_value for an unknown zone; io if the
/// database is missing, saying what to install.
Result<std::chrono::seconds> utc_offset(std::string_view zone, WallTime when);

/// Whether this host knows a time zone, and what is wrong otherwise: as utc_offset().
Result<> knows_time_zone(std::string_view zone);

}  // namespace wgscope::os
