#include "exporter/http/negotiation.hpp"

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "exporter/exposition/writer.hpp"

namespace wgscope::exporter {
namespace {

using namespace std::chrono_literals;
using namespace std::string_literals;

constexpr std::string_view kText = "text/plain; version=0.0.4; charset=utf-8";
constexpr std::string_view kOpenMetrics1 =
    "application/openmetrics-text; version=1.0.0; charset=utf-8";
constexpr std::string_view kOpenMetrics0 =
    "application/openmetrics-text; version=0.0.1; charset=utf-8";

struct Case {
  std::string_view accept;
  std::string_view content_type;
};

void expect_types(const std::vector<Case>& cases) {
  for (const Case& one : cases) {
    const Negotiated negotiated = negotiate_format(one.accept);
    EXPECT_EQ(negotiated.content_type, one.content_type) << one.accept;
    EXPECT_EQ(negotiated.format == Format::text, negotiated.content_type == kText) << one.accept;
  }
}

TEST(NegotiateFormat, AnswersPrometheusAsItPrefers) {
  expect_types({
      // 2.42
      {"application/openmetrics-text;version=1.0.0,application/"
       "openmetrics-text;version=0.0.1;q=0.75,text/"
       "plain;version=0.0.4;q=0.5,*/*;q=0.1",
       kOpenMetrics1},
      // 2.5 to 2.40
      {"application/openmetrics-text; version=0.0.1,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
       kOpenMetrics0},
      // before 2.5
      {"text/plain;version=0.0.4;q=1,*/*;q=0.1", kText},
      // 3.0 to 3.7, with and without native histograms, which it asks for in protocol buffers
      {"application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,application/"
       "openmetrics-text;version=0.0.1;q=0.5,text/"
       "plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/"
       "plain;version=0.0.4;q=0.3,*/*;q=0.2",
       kOpenMetrics1},
      {"application/"
       "vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited;q=0.7,"
       "application/"
       "openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,application/"
       "openmetrics-text;version=0.0.1;q=0.5,text/"
       "plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2",
       kOpenMetrics1},
      // scrape_protocols: [PrometheusText0.0.4]
      {"text/plain;version=0.0.4;q=0.2,*/*;q=0.1", kText},
      // scrape_protocols: [PrometheusText1.0.0]
      {"text/plain;version=1.0.0;escaping=allow-utf-8;q=0.2,*/*;q=0.1", kText},
      // scrape_protocols: [PrometheusText0.0.4, OpenMetricsText1.0.0]
      {"text/plain;version=0.0.4;q=0.6,application/openmetrics-text;version=1.0.0;q=0.5,*/*;q=0.2",
       kText},
  });
}

TEST(NegotiateFormat, GivesTextToEveryoneElse) {
  expect_types({
      {"", kText},
      {"*/*", kText},  // curl
      {"text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8",
       kText},  // Firefox
      {"text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/apng,*/"
       "*;q=0.8,"
       "application/signed-exchange;v=b3;q=0.7",
       kText},  // Chrome
      {"text/plain", kText},
      {"text/*", kText},
      {"application/*", kText},
      {"application/json", kText},
      {"application/vnd.google.protobuf", kText},
  });
}

TEST(NegotiateFormat, GivesOpenMetricsToThoseWhoNameIt) {
  expect_types({
      {"application/openmetrics-text", kOpenMetrics1},
      {"APPLICATION/OpenMetrics-Text; Version=1.0.0", kOpenMetrics1},
      {"  application/openmetrics-text ; charset=utf-8 ; version = 1.0.0 ;q= 0.001", kOpenMetrics1},
      {"application/openmetrics-text;version=0.0.1", kOpenMetrics0},
      {"text/plain, application/openmetrics-text", kOpenMetrics1},
      {"*/*, application/openmetrics-text;q=0.9", kText},
      {"*/*;q=0.9, application/openmetrics-text", kOpenMetrics1},
      {"application/openmetrics-text;q=0.5, */*;q=0.5", kOpenMetrics1},
  });
}

TEST(NegotiateFormat, GivesNoVersionThatItDoesNotWrite) {
  expect_types({
      {"application/openmetrics-text;version=2.0.0", kText},
      {"application/openmetrics-text;version=2.0.0,application/"
       "openmetrics-text;version=1.0.0;q=0.1",
       kOpenMetrics1},
      {"application/openmetrics-text;version=", kOpenMetrics1},
      {"application/openmetrics-text;version=\"1.0.0\"", kText},
  });
}

TEST(NegotiateFormat, FollowsTheQualities) {
  expect_types({
      {"application/openmetrics-text;q=0.4,text/plain;q=0.5", kText},
      {"application/openmetrics-text;q=0.5,text/plain;q=0.4", kOpenMetrics1},
      {"text/plain;q=0.5,application/openmetrics-text;q=0.5", kOpenMetrics1},
      {"application/openmetrics-text;version=1.0.0;q=0.5,application/"
       "openmetrics-text;version=0.0.1;q=0.6",
       kOpenMetrics0},
      {"application/openmetrics-text;version=0.0.1;q=0.5,application/"
       "openmetrics-text;version=1.0.0;q=0.5",
       kOpenMetrics0},
      {"application/openmetrics-text;q=0.3,text/*;q=0.2,*/*;q=0.9", kOpenMetrics1},
      {"application/openmetrics-text;q=0.3,text/plain;q=0.2,text/*;q=0.9", kOpenMetrics1},
      {"application/openmetrics-text;q=1.,text/plain;q=0.9", kOpenMetrics1},
      {"application/openmetrics-text;q=7,text/plain;q=1", kOpenMetrics1},
  });
}

TEST(NegotiateFormat, TakesQualityZeroForNo) {
  expect_types({
      {"application/openmetrics-text;q=0", kText},
      {"application/openmetrics-text;q=0,*/*", kText},
      {"application/openmetrics-text;q=0.0,text/plain;q=0", kText},
      {"application/openmetrics-text;version=1.0.0;q=0,application/openmetrics-text;version=0.0.1",
       kOpenMetrics0},
      {"text/plain;q=0,application/openmetrics-text;q=0.1", kOpenMetrics1},
  });
}

TEST(NegotiateFormat, TakesAMalformedQualityForNo) {
  for (const char* q :
       {"x", "", "-1", "0,5", "0.5x", "1e0", "nan", "inf", "NaN", "+1", "\"1\"", "0x1"})
    EXPECT_EQ(negotiate_format(std::string("application/openmetrics-text;q=") + q).content_type,
              kText)
        << q;
}

TEST(NegotiateFormat, ReadsAnythingWithoutHarm) {
  for (const std::string& accept :
       {std::string(100'000, ','), std::string(100'000, ';'), std::string(100'000, '='),
        std::string(";q=0.5"), std::string(",,;,="), "\0\xff,text/plain;q=\xff"s,
        "application/openmetrics-text" + std::string(50'000, ' '),
        std::string("application/openmetrics-text;q") + std::string(50'000, '=')})
    static_cast<void>(negotiate_format(accept));
  EXPECT_EQ(negotiate_format(",, ,application/openmetrics-text,").content_type, kOpenMetrics1);
}

TEST(AcceptsGzip, AsTheClientSays) {
  for (const char* yes :
       {"gzip", "GZIP", "x-gzip", "gzip, deflate, br", "br;q=1.0, gzip;q=0.8, *;q=0.1", "*",
        "*;q=0.5", "deflate, *", "gzip;q=0.001", " gzip ; q=1 ", "identity;q=0.5, gzip;q=0.5",
        "identity;q=0, gzip;q=0.1", "identity, gzip;q=1", "gzip;q=0, x-gzip", "gzip,,",
        "*;q=0, gzip", "identity;q=0.1,*;q=0.2"})
    EXPECT_TRUE(accepts_gzip(yes)) << yes;
  for (const char* no :
       {"", "identity", "deflate, br", "gzip;q=0", "gzip;q=0.0, *", "*;q=0", "identity, gzip;q=0.9",
        "identity;q=0.6, gzip;q=0.5", "identity, *;q=0.5", "gzip;q=x", "gzip;q=", "gzip;q=nan",
        "*;q=nan", "gzip;q=-1", "gzipped", "gzip=1", ";gzip", "identity;q=1, *;q=0", "q=1"})
    EXPECT_FALSE(accepts_gzip(no)) << no;
}

TEST(ScrapeTimeout, LeavesTimeToSend) {
  EXPECT_EQ(scrape_timeout("10"), 9500ms);
  EXPECT_EQ(scrape_timeout("10.000000"), 9500ms);
  EXPECT_EQ(scrape_timeout(" 2.5 "), 2s);
  EXPECT_EQ(scrape_timeout("1"), 800ms);
  EXPECT_EQ(scrape_timeout("0.5"), 400ms);
  EXPECT_EQ(scrape_timeout("3600"), 3599500ms);
}

TEST(ScrapeTimeout, IsNoneUnlessItIsAPositiveNumber) {
  for (const char* text : {"", " ", "0", "-1", "0.0", "-0", "x", "10s", "1e3", "nan", "inf", "-inf",
                           "1,5", "3601", "1e308", "0x10"})
    EXPECT_EQ(scrape_timeout(text), std::nullopt) << text;
}

}  // namespace
}  // namespace wgscope::exporter
