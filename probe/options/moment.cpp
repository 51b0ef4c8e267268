#include "probe/options/moment.hpp"

#include <chrono>
#include <cstddef>
#include <optional>
#include <string_view>

#include <fmt/core.h>

#include "wgscope/base/duration.hpp"
#include "wgscope/base/result.hpp"
#include "wgscope/base/text.hpp"
#include "wgscope/base/time.hpp"

namespace wgscope::probe {
namespace {

/// Reads from the left; once something does not fit, nothing does any more.
class Cursor {
 public:
  explicit Cursor(std::string_view text) : rest_(text) {}

  int number(std::size_t digits) {
    int value = 0;
    for (std::size_t i = 0; i < digits; ++i) {
      if (rest_.empty() || rest_[0] < '0' || rest_[0] > '9') return fail();
      value = value * 10 + (rest_[0] - '0');
      rest_.remove_prefix(1);
    }
    return value;
  }
  /// One of these characters; '\0' if none comes.
  char any_of(std::string_view characters) {
    if (rest_.empty() || characters.find(rest_[0]) == std::string_view::npos) return '\0';
    const char found = rest_[0];
    rest_.remove_prefix(1);
    return found;
  }
  void expect(char character) {
    if (any_of({&character, 1}) == '\0') fail();
  }
  /// The digits behind a decimal point; beyond nine they count nothing.
  Nanoseconds fraction() {
    Nanoseconds value{};
    Nanoseconds unit = std::chrono::seconds(1);
    if (number_follows()) {
      for (; number_follows(); rest_.remove_prefix(1)) {
        unit /= 10;
        value += unit * (rest_[0] - '0');
      }
    } else {
      fail();
    }
    return value;
  }
  int fail() {
    ok_ = false;
    return 0;
  }
  [[nodiscard]] bool at_end() const { return rest_.empty(); }
  [[nodiscard]] bool ok() const { return ok_; }

 private:
  [[nodiscard]] bool number_follows() const {
    return !rest_.empty() && rest_[0] >= '0' && rest_[0] <= '9';
  }
  std::string_view rest_;
  bool ok_ = true;
};

Nanoseconds read_clock(Cursor& in) {
  const int hour = in.number(2);
  in.expect(':');
  const int minute = in.number(2);
  int second = 0;
  Nanoseconds fraction{};
  if (in.any_of(":") != '\0') {
    second = in.number(2);
    if (in.any_of(".") != '\0') fraction = in.fraction();
  }
  if (hour > 23 || minute > 59 || second > 59) in.fail();
  return std::chrono::hours(hour) + std::chrono::minutes(minute) + std::chrono::seconds(second) +
         fraction;
}

/// How much later than UTC the clock shows.
Nanoseconds read_offset(Cursor& in) {
  if (in.at_end() || in.any_of("Zz") != '\0') return {};
  const char sign = in.any_of("+-");
  if (sign == '\0') in.fail();
  const int hours = in.number(2);
  in.expect(':');
  const int minutes = in.number(2);
  if (hours > 23 || minutes > 59) in.fail();
  const Nanoseconds offset = std::chrono::hours(hours) + std::chrono::minutes(minutes);
  return sign == '-' ? -offset : offset;
}

std::optional<WallTime> read_moment(std::string_view text) {
  Cursor in(text);
  const std::chrono::year year(in.number(4));
  in.expect('-');
  const std::chrono::month month(static_cast<unsigned>(in.number(2)));
  in.expect('-');
  const std::chrono::year_month_day date{year, month,
                                         std::chrono::day(static_cast<unsigned>(in.number(2)))};
  Nanoseconds since_midnight{};
  Nanoseconds offset{};
  if (!in.at_end()) {
    if (in.any_of("Tt ") == '\0') in.fail();
    since_midnight = read_clock(in);
    offset = read_offset(in);
  }
  const bool in_range = static_cast<int>(year) >= 1970 && static_cast<int>(year) < 2200;
  if (!in.ok() || !in.at_end() || !date.ok() || !in_range) return std::nullopt;
  return WallTime{std::chrono::sys_days(date).time_since_epoch() + since_midnight - offset};
}

}  // namespace

Result<WallTime> parse_moment(std::string_view text, WallTime now) {
  if (const auto moment = read_moment(text)) return *moment;
  if (const auto ago = parse_duration(text)) return WallTime{now.since_epoch - *ago};
  return fail(Errc::bad_value,
              fmt::format("'{}' is not a time: give one as 2026-03-31T12:00:00Z or 2026-03-31, or "
                          "how long ago, as in 90m",
                          printable(text)));
}

}  // namespace wgscope::probe
