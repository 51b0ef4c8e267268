#include "wgscope/base/duration.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <string_view>
#include <system_error>

#include <fmt/core.h>

#include "wgscope/base/result.hpp"
#include "wgscope/base/text.hpp"
#include "wgscope/base/time.hpp"

namespace wgscope {
namespace {

struct Unit {
  std::string_view name;
  double nanoseconds;
};
constexpr std::array<Unit, 5> kUnits{
    {{"d", 86400e9}, {"h", 3600e9}, {"m", 60e9}, {"s", 1e9}, {"ms", 1e6}}};

bool is_digit(char c) { return c >= '0' && c <= '9'; }

/// Takes a number such as "1" or "1.5" off the front of `text`. Returns a negative one if there is
/// none: std::from_chars alone would also accept signs and "inf".
double take_number(std::string_view& text) {
  if (text.empty() || (!is_digit(text.front()) && text.front() != '.')) return -1;
  double number = 0;
  const char* last = text.data() + text.size();
  const auto [end, error] = std::from_chars(text.data(), last, number, std::chars_format::fixed);
  if (error != std::errc{}) return -1;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return number;
}

std::string_view take_unit(std::string_view& text) {
  const auto* end = std::ranges::find_if(text, [](char c) { return is_digit(c) || c == '.'; });
  const std::string_view unit = text.substr(0, static_cast<std::size_t>(end - text.begin()));
  text.remove_prefix(unit.size());
  return unit;
}

}  // namespace

Result<Nanoseconds> parse_duration(std::string_view text) {
  const auto invalid = [&] {
    return fail(Errc::bad_value, fmt::format("'{}' is not a valid duration: give a number with a "
                                             "unit, as in 500ms, 30s or 2m",
                                             printable(text)));
  };
  std::string_view rest = text;
  double total = take_number(rest) * 1e9;
  if (total < 0) return invalid();
  if (!rest.empty()) {
    rest = text;
    total = 0;
    const Unit* larger = kUnits.begin();
    while (!rest.empty()) {
      const double number = take_number(rest);
      const std::string_view name = take_unit(rest);
      const Unit* unit = std::ranges::find(larger, kUnits.end(), name, &Unit::name);
      if (number < 0 || unit == kUnits.end()) return invalid();
      total += number * unit->nanoseconds;
      larger = unit + 1;
    }
  }
  if (total > static_cast<double>(Nanoseconds(kLongestDuration).count()))
    return fail(Errc::bad_value, fmt::format("'{}' is too long: give at most 7d", printable(text)));
  return Nanoseconds(std::llround(total));
}

}  // namespace wgscope
