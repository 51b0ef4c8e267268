#include "exporter/exposition/registry.hpp"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>

#include "exporter/exposition/output.hpp"
#include "exporter/exposition/writer.hpp"
#include "exposition_checker.hpp"

namespace wgscope::exporter {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

std::string written(const prometheus::Registry& registry, Format format) {
  StringSink sink;
  Output output(sink);
  Writer writer(format, output);
  write_registry(registry.Collect(), writer);
  writer.finish();
  EXPECT_THAT(test::check_exposition(sink.text, format == Format::text ? test::Syntax::text
                                                                       : test::Syntax::openmetrics),
              IsEmpty())
      << sink.text;
  return sink.text;
}

TEST(WriteRegistry, WritesHistogramsWithBucketsThatAddUp) {
  prometheus::Registry registry;
  auto& family = prometheus::BuildHistogram().Name("a_seconds").Help("A.").Register(registry);
  auto& histogram = family.Add(
      {{"path", "/x"}}, prometheus::Histogram::BucketBoundaries{0.001, 0.5, 1, 2.5, 10, 1e9});
  for (const double value : {0.0005, 0.5, 0.75, 3.0, 1e12}) histogram.Observe(value);
  EXPECT_EQ(written(registry, Format::openmetrics),
            "# HELP a_seconds A.\n"
            "# TYPE a_seconds histogram\n"
            "a_seconds_bucket{path=\"/x\",le=\"0.001\"} 1\n"
            "a_seconds_bucket{path=\"/x\",le=\"0.5\"} 2\n"
            "a_seconds_bucket{path=\"/x\",le=\"1.0\"} 3\n"
            "a_seconds_bucket{path=\"/x\",le=\"2.5\"} 3\n"
            "a_seconds_bucket{path=\"/x\",le=\"10.0\"} 4\n"
            "a_seconds_bucket{path=\"/x\",le=\"1e+09\"} 4\n"
            "a_seconds_bucket{path=\"/x\",le=\"+Inf\"} 5\n"
            "a_seconds_sum{path=\"/x\"} 1000000000004.2505\n"
            "a_seconds_count{path=\"/x\"} 5\n"
            "# EOF\n");
}

TEST(WriteRegistry, WritesHistogramsWithoutLabels) {
  prometheus::Registry registry;
  prometheus::BuildHistogram().Name("a").Help("A.").Register(registry).Add(
      {}, prometheus::Histogram::BucketBoundaries{1});
  EXPECT_EQ(written(registry, Format::text),
            "# HELP a A.\n# TYPE a histogram\na_bucket{le=\"1.0\"} 0\na_bucket{le=\"+Inf\"} "
            "0\na_sum 0\na_count 0\n");
}

TEST(WriteRegistry, EscapesLabelsAndHelp) {
  prometheus::Registry registry;
  auto& family =
      prometheus::BuildGauge().Name("a").Help("one\ntwo \"three\" \\").Register(registry);
  family.Add({{"path", "\"\\\n\xFF"}}).Set(-1.5);
  EXPECT_EQ(written(registry, Format::text),
            "# HELP a one\\ntwo \"three\" \\\\\n# TYPE a gauge\na{path=\"\\\"\\\\\\n\xEF\xBF\xBD"
            "ff\"} -1.5\n");
  EXPECT_THAT(written(registry, Format::openmetrics),
              HasSubstr("# HELP a one\\ntwo \\\"three\\\" \\\\\n"));
}

TEST(WriteRegistry, NamesCountersAsEachFormatWants) {
  prometheus::Registry registry;
  auto& family = prometheus::BuildCounter().Name("a_total").Help("A.").Register(registry);
  family.Add({{"code", "200"}}).Increment(3);
  family.Add({{"code", "404"}});
  EXPECT_THAT(written(registry, Format::text), HasSubstr("# TYPE a_total counter\n"));
  const std::string openmetrics = written(registry, Format::openmetrics);
  EXPECT_THAT(openmetrics, HasSubstr("# TYPE a counter\n"));
  EXPECT_THAT(openmetrics, HasSubstr("a_total{code=\"200\"} 3\n"));
  EXPECT_THAT(openmetrics, HasSubstr("a_total{code=\"404\"} 0\n"));
}

TEST(WriteRegistry, TakesUnitAndHelpFromTheTableOfMetrics) {
  prometheus::Registry registry;
  prometheus::BuildHistogram()
      .Name("wireguard_exporter_http_request_duration_seconds")
      .Help("something else")
      .Register(registry)
      .Add({{"path", "/"}}, prometheus::Histogram::BucketBoundaries{1});
  const std::string text = written(registry, Format::openmetrics);
  EXPECT_THAT(text, HasSubstr("# UNIT wireguard_exporter_http_request_duration_seconds seconds\n"));
  EXPECT_THAT(text, Not(HasSubstr("something else")));
}

TEST(WriteRegistry, LeavesOutFamiliesWithoutSamples) {
  prometheus::Registry registry;
  prometheus::BuildCounter().Name("a_total").Help("A.").Register(registry);
  EXPECT_EQ(written(registry, Format::text), "");
}

}  // namespace
}  // namespace wgscope::exporter
