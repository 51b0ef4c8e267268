#include "exporter/exposition/writer.hpp"

#include <limits>
#include <string>
#include <string_view>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "wgscope/base/text.hpp"

#include "exporter/exposition/output.hpp"
#include "exporter/metrics.hpp"

namespace wgscope::exporter {
namespace {

using ::testing::HasSubstr;

template <class Write>
std::string written(Format format, Write&& write) {
  StringSink sink;
  Output output(sink);
  Writer writer(format, output);
  write(writer);
  writer.finish();
  return sink.text;
}

std::string label(std::string_view value) {
  std::string text;
  append_label_value(text, value);
  return text;
}

std::string begun(Format format, std::string_view name, MetricType type, std::string_view unit,
                  std::string_view help) {
  return written(format, [&](Writer& writer) { writer.begin(name, type, unit, help); });
}

TEST(LabelValue, EscapesWhatTheFormatsWant) {
  EXPECT_EQ(label("plain caf\xC3\xA9 {}=, '#"), "plain caf\xC3\xA9 {}=, '#");
  EXPECT_EQ(label("\"\\\n"), "\\\"\\\\\\n");
  EXPECT_EQ(label("\\n"), "\\\\n");
  EXPECT_EQ(label("\t\r\x01"), "\t\r\x01") << "these need no escape, and have none";
  EXPECT_EQ(label(""), "");
}

TEST(LabelValue, BecomesValidUtf8) {
  EXPECT_EQ(label("a\xFF"),
            "a\xEF\xBF\xBD"
            "ff");
  EXPECT_EQ(label("\xC3\"\n"),
            "\xEF\xBF\xBD"
            "c3\\\"\\n");
  for (const std::string_view bytes :
       {"\xED\xA0\x80", "\xC0\xAF", "\xF4\x90\x80\x80", "\x80\\\xE2\x82"})
    EXPECT_TRUE(is_valid_utf8(label(bytes)));
}

TEST(LabelValue, StaysDifferentForDifferentBytes) {
  EXPECT_NE(label("\xFF"), label("\xFE"));
  EXPECT_NE(label("\xFF"), label("\xEF\xBF\xBD"
                                 "ff"))
      << "a name that looks like another one repaired";
  EXPECT_EQ(label("\xEF\xBF\xBD"), "\xEF\xBF\xBD") << "the character itself is valid";
}

TEST(LabelValue, IsAppended) {
  std::string text = "a=\"";
  append_label_value(text, "b");
  EXPECT_EQ(text, "a=\"b");
}

TEST(Writer, NamesFamiliesAsEachFormatWants) {
  EXPECT_EQ(begun(Format::text, "a_bytes_total", MetricType::counter, "bytes", "A."),
            "# HELP a_bytes_total A.\n# TYPE a_bytes_total counter\n");
  EXPECT_EQ(begun(Format::openmetrics, "a_bytes_total", MetricType::counter, "bytes", "A."),
            "# HELP a_bytes A.\n# TYPE a_bytes counter\n# UNIT a_bytes bytes\n# EOF\n");
  EXPECT_EQ(begun(Format::text, "a_info", MetricType::info, "", "A."),
            "# HELP a_info A.\n# TYPE a_info gauge\n");
  EXPECT_EQ(begun(Format::openmetrics, "a_info", MetricType::info, "", "A."),
            "# HELP a A.\n# TYPE a info\n# EOF\n");
  EXPECT_EQ(begun(Format::text, "a_seconds", MetricType::gauge, "seconds", "A."),
            "# HELP a_seconds A.\n# TYPE a_seconds gauge\n");
  EXPECT_EQ(begun(Format::openmetrics, "a_seconds", MetricType::histogram, "seconds", "A."),
            "# HELP a_seconds A.\n# TYPE a_seconds histogram\n# UNIT a_seconds seconds\n# EOF\n");
  EXPECT_EQ(begun(Format::openmetrics, "a_total", MetricType::gauge, "", "A."),
            "# HELP a_total A.\n# TYPE a_total gauge\n# EOF\n")
      << "only a counter loses its suffix";
}

TEST(Writer, EscapesHelpAsEachFormatWants) {
  constexpr std::string_view kHelp = "a \"b\" \\ \n\xFF";
  EXPECT_THAT(begun(Format::text, "a", MetricType::gauge, "", kHelp),
              HasSubstr("# HELP a a \"b\" \\\\ \\n\xEF\xBF\xBD"
                        "ff\n"));
  EXPECT_THAT(begun(Format::openmetrics, "a", MetricType::gauge, "", kHelp),
              HasSubstr("# HELP a a \\\"b\\\" \\\\ \\n\xEF\xBF\xBD"
                        "ff\n"));
}

TEST(Writer, LeavesOutEmptyLabels) {
  EXPECT_EQ(written(Format::text,
                    [](Writer& writer) {
                      writer.sample("a", {{"x", "1"}, {"y", ""}, {"z", "\"3\""}},
                                    Number::integer(1));
                      writer.sample("b", {{"y", ""}}, Number::integer(2));
                      writer.sample("c", {}, Number::integer(3));
                      writer.sample("d", {{"y", ""}, {"z", "3"}}, Number::integer(4));
                    }),
            "a{x=\"1\",z=\"\\\"3\\\"\"} 1\nb 2\nc 3\nd{z=\"3\"} 4\n");
}

TEST(Writer, WritesDoublesAsBothFormatsReadThem) {
  using Limits = std::numeric_limits<double>;
  EXPECT_EQ(
      written(Format::text,
              [](Writer& writer) {
                for (const double value :
                     {0.0, 1.0, 0.1, -2.5, 1e300, 5e-324, 9007199254740993.0, Limits::quiet_NaN(),
                      -Limits::quiet_NaN(), Limits::infinity(), -Limits::infinity()})
                  writer.sample("a", "x=\"y\"", value);
                writer.sample("b", "", 1.5);
              }),
      "a{x=\"y\"} 0\na{x=\"y\"} 1\na{x=\"y\"} 0.1\na{x=\"y\"} -2.5\na{x=\"y\"} 1e+300\na{x=\"y\"} "
      "5e-324\n"
      "a{x=\"y\"} 9007199254740992\na{x=\"y\"} NaN\na{x=\"y\"} NaN\na{x=\"y\"} +Inf\na{x=\"y\"} "
      "-Inf\nb 1.5\n");
}

TEST(Writer, EndsOpenMetricsAndOnlyThat) {
  EXPECT_EQ(written(Format::openmetrics, [](Writer&) {}), "# EOF\n");
  EXPECT_EQ(written(Format::text, [](Writer&) {}), "");
}

}  // namespace
}  // namespace wgscope::exporter
