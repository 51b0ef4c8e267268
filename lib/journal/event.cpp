#include "wgscope/journal/event.hpp"

#include <chrono>
#include <cmath>
#include <cstddef>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>

#include <fmt/format.h>

#include "wgscope/base/result.hpp"
#include "wgscope/base/text.hpp"
#include "wgscope/base/time.hpp"

namespace wgscope::journal {
namespace {

/// A path of a network namespace may have 4096 bytes, each of which may take six characters.
constexpr std::size_t kLongestPath = 4096;
constexpr std::size_t kLongestText = 1024;
static_assert(6 * (kLongestPath + 6 * kLongestText) < kMaxLine);

/// At most `limit` bytes of valid UTF-8, cut between two characters.
std::string_view cut(std::string_view text, std::size_t limit) {
  if (text.size() <= limit) return text;
  while (limit > 0 && (static_cast<unsigned char>(text[limit]) & 0xc0) == 0x80) --limit;
  return text.substr(0, limit);
}

void append_escaped(std::string& out, std::string_view text) {
  for (const char c : text) {
    const auto code = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (code < 0x20 || code == 0x7f) {
      fmt::format_to(std::back_inserter(out), "\\u{:04x}", code);
    } else {
      out += c;
    }
  }
}

void append_text(std::string& out, std::string_view field, std::string_view text,
                 std::size_t limit = kLongestText) {
  if (text.empty()) return;
  fmt::format_to(std::back_inserter(out), R"(,"{}":")", field);
  if (is_valid_utf8(text))
    append_escaped(out, cut(text, limit));
  else
    append_escaped(out, cut(to_valid_utf8(text), limit));
  out += '"';
}

/// `digits` digits as a number; nothing for anything else.
std::optional<int> digits_at(std::string_view text, std::size_t at, std::size_t digits) {
  int value = 0;
  const std::string_view part = text.substr(at, digits);
  for (const char c : part) {
    if (c < '0' || c > '9') return std::nullopt;
    value = value * 10 + (c - '0');
  }
  return value;
}

}  // namespace

std::string write_time(WallTime time) {
  const auto ms = std::chrono::floor<std::chrono::milliseconds>(time.since_epoch);
  const auto day = std::chrono::floor<std::chrono::days>(ms);
  const std::chrono::year_month_day date{std::chrono::sys_days(day)};
  const std::chrono::hh_mm_ss clock{ms - day};
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                     clock.hours().count(), clock.minutes().count(), clock.seconds().count(),
                     clock.subseconds().count());
}

Result<WallTime> parse_time(std::string_view text) {
  constexpr std::string_view kForm = "0000-00-00T00:00:00.000Z";
  const auto wrong = [] {
    return fail(Errc::bad_value, "a time is not of the form 2026-03-31T12:00:00.000Z");
  };
  if (text.size() != kForm.size()) return wrong();
  for (std::size_t i = 0; i < kForm.size(); ++i)
    if (kForm[i] != '0' ? text[i] != kForm[i] : (text[i] < '0' || text[i] > '9')) return wrong();
  const auto number = [&](std::size_t at, std::size_t digits) {
    return digits_at(text, at, digits).value_or(0);
  };
  const std::chrono::year_month_day date{std::chrono::year(number(0, 4)),
                                         std::chrono::month(static_cast<unsigned>(number(5, 2))),
                                         std::chrono::day(static_cast<unsigned>(number(8, 2)))};
  const int hour = number(11, 2);
  const int minute = number(14, 2);
  const int second = number(17, 2);
  if (!date.ok() || hour > 23 || minute > 59 || second > 59) return wrong();
  const int year = static_cast<int>(date.year());
  if (year < 1970 || year >= 2200) return wrong();
  return WallTime{std::chrono::sys_days(date).time_since_epoch() + std::chrono::hours(hour) +
                  std::chrono::minutes(minute) + std::chrono::seconds(second) +
                  std::chrono::milliseconds(number(20, 3))};
}

void write_event(const Event& event, std::string& out) {
  const auto end = std::back_inserter(out);
  fmt::format_to(end, R"({{"time":"{}","event":"{}")", write_time(event.time),
                 kEventNames.at(static_cast<std::size_t>(event.kind)));
  append_text(out, "netns", event.netns, kLongestPath);
  append_text(out, "interface", event.interface);
  if (event.key) fmt::format_to(end, R"(,"public_key":"{}")", event.key->base64());
  append_text(out, "name", event.name);
  if (event.handshake) fmt::format_to(end, R"(,"handshake":"{}")", write_time(*event.handshake));
  append_text(out, "endpoint", event.endpoint);
  append_text(out, "endpoint_before", event.endpoint_before);
  append_text(out, "detail", event.detail);
  if (event.count) fmt::format_to(end, R"(,"count":{})", *event.count);
  if (event.seconds && std::isfinite(*event.seconds))
    fmt::format_to(end, R"(,"seconds":{:.3f})", *event.seconds);
  out += "}\n";
}

}  // namespace wgscope::journal
