#include "wgscope/os/time_zones.hpp"

#include <chrono>
#include <exception>
#include <string>
#include <string_view>

#include <date/tz.h>
#include <fmt/core.h>

#include "wgscope/base/result.hpp"
#include "wgscope/base/text.hpp"
#include "wgscope/base/time.hpp"

namespace wgscope::os {

namespace {

/// Whether the host has a database that is not empty. date throws where there is none, and again
/// when it is asked again.
bool has_database() {
  try {
    return !date::get_tzdb().zones.empty();
  } catch (const std::exception&) {
    return false;
  }
}

}  // namespace

Result<std::chrono::seconds> utc_offset(std::string_view zone, WallTime when) {
  if (!has_database())
    return fail(Errc::io,
                "this host has no time zone database: install tzdata (apt-get install tzdata)");
  try {
    const auto moment = std::chrono::floor<std::chrono::seconds>(
        std::chrono::sys_time<Nanoseconds>(when.since_epoch));
    return date::locate_zone(zone)->get_info(moment).offset;
  } catch (const std::exception&) {
    return fail(Errc::bad_value,
                fmt::format("unknown time zone '{}': expected an IANA name, such as Europe/Berlin",
                            printable(zone)));
  }
}

Result<> knows_time_zone(std::string_view zone) {
  const auto offset = utc_offset(zone, WallTime{});
  if (!offset) return tl::unexpected(offset.error());
  return {};
}

}  // namespace wgscope::os
