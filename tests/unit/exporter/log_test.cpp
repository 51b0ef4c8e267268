#include "exporter/log.hpp"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace wgscope::exporter {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::internal::CaptureStderr;
using ::testing::internal::GetCapturedStderr;

const std::string kHostile = "a \"quoted\"\nline\twith \\ and \xff and \x1b[31m";

TEST(Log, WritesOneLogfmtLineWhateverTheText) {
  CaptureStderr();
  Log(LogFormat::logfmt, spdlog::level::info).warn(kHostile, {{"empty", ""}, {"key", "value"}});
  EXPECT_THAT(GetCapturedStderr(),
              EndsWith(" level=warn msg=\"a \\\"quoted\\\"\\nline\\u0009with \\\\ and \xEF\xBF\xBD"
                       "ff and \\u001b[31m\" key=\"value\"\n"));
}

TEST(Log, WritesJsonThatGivesTheTextBack) {
  CaptureStderr();
  Log(LogFormat::json, spdlog::level::info).error(kHostile, {{"reason", "eperm"}});
  const std::string line = GetCapturedStderr();
  EXPECT_EQ(line.find('\n'), line.size() - 1);
  const auto parsed = nlohmann::json::parse(line);
  EXPECT_EQ(parsed.at("level"), "error");
  EXPECT_EQ(parsed.at("msg"),
            "a \"quoted\"\nline\twith \\ and \xEF\xBF\xBD"
            "ff and \x1b[31m");
  EXPECT_EQ(parsed.at("reason"), "eperm");
}

TEST(Log, NamesLevelsAsTheFlagThatSetsThem) {
  for (const LogLevel& each : kLogLevels) {
    CaptureStderr();
    Log(LogFormat::logfmt, each.level).write(each.level, "x");
    EXPECT_THAT(GetCapturedStderr(), EndsWith(" level=" + std::string(each.name) + " msg=\"x\"\n"));
    CaptureStderr();
    Log(LogFormat::json, each.level).write(each.level, "x");
    EXPECT_EQ(nlohmann::json::parse(GetCapturedStderr()).at("level"), each.name);
  }
}

TEST(Log, WritesNoControlCharacterAsItIs) {
  std::string every;
  for (int c = 0; c < 0x20; ++c) every += static_cast<char>(c);
  every += "\x7f";
  for (int c = 0x80; c < 0xa0; ++c)
    every.append("\xc2").push_back(static_cast<char>(c));  // U+009B begins escapes, too
  every += "\xc2\xa0\xc3\x9b\xc2";
  for (const LogFormat format : {LogFormat::logfmt, LogFormat::json}) {
    CaptureStderr();
    Log(format, spdlog::level::info).info("x", {{"key", every}});
    std::string line = GetCapturedStderr();
    EXPECT_THAT(line, EndsWith(format == LogFormat::json ? "\"}\n" : "\"\n"));
    line.pop_back();
    EXPECT_EQ(line.find_first_of(every.substr(0, 0x21)), std::string::npos);
    for (int c = 0x80; c < 0xa0; ++c)
      EXPECT_EQ(line.find(std::string("\xc2") + static_cast<char>(c)), std::string::npos) << c;
    EXPECT_THAT(line, HasSubstr("\\u007f\\u0080\\u0081"));
    EXPECT_THAT(line, HasSubstr("\\u009f\xc2\xa0\xc3\x9b\xEF\xBF\xBD"
                                "c2"))
        << "letters are left alone";
  }
}

TEST(Log, KeepsTextThatLooksLikeAFormat) {
  CaptureStderr();
  Log(LogFormat::logfmt, spdlog::level::info).info("%v {} {0} %n", {{"key", "%l {}"}});
  EXPECT_THAT(GetCapturedStderr(), EndsWith(" level=info msg=\"%v {} {0} %n\" key=\"%l {}\"\n"));
}

TEST(Log, IsSilentBelowItsLevel) {
  CaptureStderr();
  Log(LogFormat::logfmt, spdlog::level::err).warn("nothing");
  EXPECT_THAT(GetCapturedStderr(), IsEmpty());
}

}  // namespace
}  // namespace wgscope::exporter
