#include "wgscope/journal/event.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/core.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "wgscope/base/result.hpp"
#include "wgscope/base/time.hpp"
#include "wgscope/model/public_key.hpp"

namespace wgscope::journal {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

constexpr std::string_view kKey = "4AnYpqKN9F8c0CyGViWxm7uI88/YV067g29fIjflgBg=";

Event whole_event() {
  Event event;
  event.time = WallTime{1'796'036'778'354ms};
  event.kind = EventKind::endpoint_changed;
  event.netns = "blue";
  event.interface = "wg0";
  event.key = PublicKey::from_base64(kKey).value();
  event.name = "Ana's \"laptop\" \\ \n \x7f \xc3\xa9";
  event.handshake = WallTime{1'796'036'700'001ms};
  event.endpoint = "[2001:db8::1]:51820";
  event.endpoint_before = "192.0.2.1:51820";
  event.detail = "more";
  event.count = std::numeric_limits<std::uint64_t>::max();
  event.seconds = -1.5;
  return event;
}

std::string written(const Event& event) {
  std::string line;
  write_event(event, line);
  EXPECT_TRUE(line.ends_with('\n'));
  line.pop_back();
  return line;
}

TEST(EventLine, IsInTheDocumentedFormat) {
  EXPECT_EQ(
      written(whole_event()),
      "{\"time\":\"2026-11-30T11:06:18.354Z\",\"event\":\"endpoint_changed\",\"netns\":\"blue\","
      "\"interface\":\"wg0\",\"public_key\":\"4AnYpqKN9F8c0CyGViWxm7uI88/YV067g29fIjflgBg=\","
      "\"name\":\"Ana's \\\"laptop\\\" \\\\ \\u000a \\u007f \xc3\xa9\","
      "\"handshake\":\"2026-11-30T11:05:00.001Z\",\"endpoint\":\"[2001:db8::1]:51820\","
      "\"endpoint_before\":\"192.0.2.1:51820\",\"detail\":\"more\","
      "\"count\":18446744073709551615,\"seconds\":-1.500}");
  Event bare;
  bare.kind = EventKind::exporter_stopped;
  EXPECT_EQ(written(bare),
            "{\"time\":\"1970-01-01T00:00:00.000Z\",\"event\":\"exporter_stopped\"}");
}

TEST(EventLine, ComesBackForEveryKind) {
  Event event = whole_event();
  for (std::size_t kind = 0; kind < kEventNames.size(); ++kind) {
    event.kind = static_cast<EventKind>(kind);
    const auto read = parse_event(written(event));
    ASSERT_TRUE(read) << read.error().context;
    EXPECT_EQ(*read, event) << kEventNames.at(kind);
  }
}

TEST(EventLine, IsOneLineOfValidTextWhateverTheNames) {
  Event event = whole_event();
  event.netns = std::string(100'000, '\x01');
  event.name = std::string(100'000, '\xff');
  event.detail = std::string(3000, '\xc3') + "\xa9";
  event.endpoint.clear();
  for (int i = 0; i < 5000; ++i) event.endpoint += "\xe2\x82\xac";
  const std::string line = written(event);
  EXPECT_LT(line.size(), kMaxLine);
  EXPECT_EQ(line.find('\n'), std::string::npos);
  const auto read = parse_event(line);
  ASSERT_TRUE(read) << read.error().context;
  EXPECT_EQ(read->netns.size(), 4096U);
  EXPECT_EQ(read->endpoint.size(), 1023U) << "cut between two characters";
}

TEST(EventLine, MayHaveFieldsAndEventsOfLaterVersions) {
  const auto later = parse_event(
      R"({"time":"2026-11-30T11:06:18.354Z","event":"peer_praised","mood":7,"since":true,"x":null})");
  ASSERT_TRUE(later);
  EXPECT_EQ(later->kind, EventKind::other);
}

TEST(EventLine, IsRefusedWhenItIsNotWhole) {
  const std::string whole = written(whole_event());
  for (std::size_t size = 0; size < whole.size(); ++size)
    EXPECT_FALSE(parse_event(std::string_view(whole).substr(0, size))) << size;
  EXPECT_FALSE(parse_event(whole + whole));
  EXPECT_FALSE(parse_event(whole + "x"));
}

TEST(EventLine, IsRefusedWithWhatNoExporterWrites) {
  struct Bad {
    const char* line;
    const char* why;
  };
  const std::vector<Bad> bad{
      {"", "not a whole JSON object"},
      {"7", "not an object"},
      {"\"text\"", "not an object"},
      {"true", "wrong type"},
      {"[]", "neither a text nor a number"},
      {"{}", "no time"},
      {R"({"time":"2026-11-30T11:06:18.354Z"})", "no name"},
      {R"({"event":"exporter_started"})", "no time"},
      {R"({"time":7,"event":"exporter_started"})", "should be a text"},
      {R"({"time":-7,"event":"exporter_started"})", "should be a text"},
      {R"({"time":null,"event":"exporter_started"})", "wrong type"},
      {R"({"time":"2026-11-30","event":"exporter_started"})", "2026-03-31T12:00:00.000Z"},
      {R"({"time":"2026-11-30T11:06:18.354Z","event":"exporter_started","event":"went"})", "twice"},
      {R"({"time":"2026-11-30T11:06:18.354Z","event":"exporter_started","name":{}})", "neither"},
      {R"({"time":"2026-11-30T11:06:18.354Z","event":"exporter_started","more":[[[[1]]]]})",
       "neither"},
      {R"({"time":"2026-11-30T11:06:18.354Z","event":"events_dropped","count":"7"})",
       "should be a number"},
      {R"({"time":"2026-11-30T11:06:18.354Z","event":"events_dropped","count":-7})",
       "whole number"},
      {R"({"time":"2026-11-30T11:06:18.354Z","event":"events_dropped","count":7.5})",
       "whole number"},
      {R"({"time":"2026-11-30T11:06:18.354Z","event":"clock_stepped","seconds":1e999})",
       "not a whole JSON object"},
      {R"({"time":"2026-11-30T11:06:18.354Z","event":"went","interface":"wg0","public_key":"AAAA"})",
       "public key is not valid"},
      {R"({"time":"2026-11-30T11:06:18.354Z","event":"went","interface":"wg0"})", "lacks"},
      {"{\"time\":\"2026-11-30T11:06:18.354Z\",\"event\":\"went\xff\"}", "not a whole JSON object"},
  };
  for (const Bad& one : bad) {
    const auto read = parse_event(one.line);
    ASSERT_FALSE(read) << one.line;
    EXPECT_EQ(read.error().code, Errc::bad_value);
    EXPECT_THAT(read.error().context, HasSubstr(one.why)) << one.line;
  }
  std::string many = R"({"time":"2026-11-30T11:06:18.354Z","event":"went")";
  for (int i = 0; i < 100; ++i) many += fmt::format(",\"f{}\":1", i);
  EXPECT_THAT(parse_event(many + "}").error().context, HasSubstr("too many fields"));
  EXPECT_THAT(parse_event(std::string(kMaxLine, ' ')).error().context, HasSubstr("too long"));
  EXPECT_FALSE(parse_event(std::string(60'000, '[')));
}

TEST(EventTime, ComesBackToTheMillisecond) {
  for (const std::int64_t ms : {0LL, 1LL, 951'782'399'999LL, 1'709'164'800'000LL,
                                1'796'036'778'354LL, 7'258'118'399'999LL}) {
    const WallTime time{std::chrono::milliseconds(ms)};
    EXPECT_EQ(parse_time(write_time(time)).value(), time) << ms;
  }
  EXPECT_EQ(write_time(WallTime{1'709'164'800s}), "2024-02-29T00:00:00.000Z");
}

TEST(EventTime, IsRefusedInAnyOtherForm) {
  for (const char* bad :
       {"", "2026-11-30T11:06:18Z", "2026-11-30T11:06:18.354", "2026-11-30 11:06:18.354Z",
        "2026-11-30T11:06:18.354z", "2026-13-30T11:06:18.354Z", "2026-02-29T11:06:18.354Z",
        "2026-11-30T24:06:18.354Z", "2026-11-30T11:60:18.354Z", "2026-11-30T11:06:60.354Z",
        "1969-12-31T23:59:59.999Z", "2200-01-01T00:00:00.000Z", "2026-11-30T11:06:18.35-Z",
        "+026-11-30T11:06:18.354Z"})
    EXPECT_FALSE(parse_time(bad)) << bad;
}

}  // namespace
}  // namespace wgscope::journal
