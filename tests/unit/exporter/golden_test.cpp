#include "golden.hpp"

#include <cstdlib>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "exporter/collectors/collectors.hpp"
#include "exporter/exposition/writer.hpp"
#include "exposition_checker.hpp"
#include "files.hpp"
#include "metrics.hpp"
#include "sample_collection.hpp"

namespace wgscope::exporter {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

struct Variant {
  const char* name;
  RenderOptions options;
};

class Golden : public ::testing::TestWithParam<Variant> {};

TEST_P(Golden, TextIsAsRecorded) {
  const std::string text = render(sample_collection(), GetParam().options, Format::text);
  EXPECT_THAT(test::check_exposition(text, test::Syntax::text), IsEmpty());
  test::expect_as_recorded(text, std::string("tests/golden/") + GetParam().name + ".txt");
}

TEST_P(Golden, OpenMetricsIsAsRecorded) {
  const std::string text = render(sample_collection(), GetParam().options, Format::openmetrics);
  EXPECT_THAT(test::check_exposition(text, test::Syntax::openmetrics), IsEmpty());
  test::expect_as_recorded(text,
                           std::string("tests/golden/") + GetParam().name + ".openmetrics.txt");
}

INSTANTIATE_TEST_SUITE_P(
    Exposition, Golden,
    ::testing::Values(Variant{"default", {}},
                      Variant{"endpoint_off", {.endpoint = EndpointDetail::off}},
                      Variant{"endpoint_ip", {.endpoint = EndpointDetail::ip}},
                      Variant{"endpoint_subnet", {.endpoint = EndpointDetail::subnet}},
                      Variant{"allowed_ip_info", {.allowed_ip_info = true}},
                      Variant{"name_label", {.name_label = true}},
                      Variant{"name_label_allowed_ip_info",
                              {.allowed_ip_info = true, .name_label = true}}),
    [](const auto& instance) { return std::string(instance.param.name); });

TEST(GoldenDeclared, IsAsRecorded) {
  for (const Format format : {Format::text, Format::openmetrics}) {
    const bool is_text = format == Format::text;
    const std::string text = render(declared_sample_collection(), {.name_label = true}, format);
    EXPECT_THAT(
        test::check_exposition(text, is_text ? test::Syntax::text : test::Syntax::openmetrics),
        IsEmpty());
    test::expect_as_recorded(
        text, is_text ? "tests/golden/declared.txt" : "tests/golden/declared.openmetrics.txt");
  }
}

TEST(GoldenAggregated, IsAsRecorded) {
  Collection collection = sample_collection();
  collection.peers_limited = true;
  collection.views.at(0).aggregated = true;
  const std::string text = render(collection, {}, Format::text);
  EXPECT_THAT(test::check_exposition(text, test::Syntax::text), IsEmpty());
  test::expect_as_recorded(text, "tests/golden/aggregated.txt");
}

/// The default exposition, parsed without the exporter's own code.
test::Metrics parsed(Format format, const RenderOptions& options = {}) {
  return test::Metrics::parse(render(sample_collection(), options, format));
}

TEST(Exposition, HasTheSameSamplesInBothFormats) {
  const auto text = parsed(Format::text).samples();
  const auto openmetrics = parsed(Format::openmetrics).samples();
  ASSERT_EQ(text.size(), openmetrics.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    EXPECT_EQ(text[i].name, openmetrics[i].name);
    EXPECT_EQ(text[i].labels, openmetrics[i].labels);
    EXPECT_EQ(text[i].text, openmetrics[i].text);
  }
}

TEST(Exposition, KeepsCountersExactBeyondWhatADoubleHolds) {
  const auto metrics = parsed(Format::text);
  const test::Labels wg0{{"interface", "wg0"},
                         {"public_key", "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE="}};
  EXPECT_EQ(metrics.sample("wireguard_peer_receive_bytes_total", wg0)->text, "9223372036854775815");
  EXPECT_EQ(metrics.sample("wireguard_peer_transmit_bytes_total", wg0)->text, "9007199254740993");
  EXPECT_EQ(
      metrics.find("wireguard_interface_transmit_bytes_total", {{"interface", "wg0"}}).at(0).text,
      "18446744073709551615");
}

TEST(Exposition, LeavesOutWhatIsNotKnown) {
  const auto metrics = parsed(Format::text);
  const test::Labels never{{"public_key", "AgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgI="}};
  EXPECT_THAT(metrics.find("wireguard_peer_last_handshake_timestamp_seconds", never), IsEmpty());
  EXPECT_THAT(metrics.find("wireguard_peer_handshake_age_seconds", never), IsEmpty());
  EXPECT_EQ(metrics.value("wireguard_peer_session_live", never), 0);
  EXPECT_EQ(metrics.find("wireguard_peer_info", never).at(0).labels.count("endpoint"), 0U);
  const test::Labels no_link{{"netns", "net:[4026532001]"}};
  for (const char* name :
       {"wireguard_interface_up", "wireguard_interface_mtu_bytes",
        "wireguard_interface_receive_bytes_total", "wireguard_interface_created_timestamp_seconds",
        "wireguard_interface_socket_receive_drops_total"})
    EXPECT_THAT(metrics.find(name, no_link), IsEmpty()) << name;
  EXPECT_THAT(metrics.find("wireguard_exporter_collector_success", {{"collector", "links"}}),
              IsEmpty());
}

TEST(Exposition, CountsAndShowsAPeerOnceThatASourceListsTwice) {
  const auto metrics = parsed(Format::text);
  EXPECT_EQ(metrics.value("wireguard_interface_peers", {{"interface", "wg0"}, {"public_key", ""}}),
            std::nullopt);
  std::vector<double> counts;
  for (const auto& sample : metrics.find("wireguard_interface_peers", {{"interface", "wg0"}}))
    counts.push_back(sample.value);
  EXPECT_EQ(counts, (std::vector<double>{3, 2})) << "of wg0 here and in namespace blue";
}

TEST(Exposition, SaysNoEndpointWhereItIsSwitchedOff) {
  const std::string text =
      render(sample_collection(), {.endpoint = EndpointDetail::off}, Format::text);
  for (const char* part : {"endpoint=", "192.0.2", "2001:db8", "198.51.100", "fe80"})
    EXPECT_THAT(text, Not(HasSubstr(part)));
  for (const auto& sample :
       parsed(Format::text, {.endpoint = EndpointDetail::subnet}).find("wireguard_peer_info")) {
    const auto endpoint = sample.labels.find("endpoint");
    if (endpoint != sample.labels.end()) {
      EXPECT_THAT((std::vector<std::string>{"192.0.2.0/24", "2001:db8:1::/48", "fe80::/48",
                                            "198.51.100.0/24"}),
                  ::testing::Contains(endpoint->second));
    }
  }
}

TEST(Exposition, HasNoEventsWhereNobodyCountsThem) {
  Collection uncounted = sample_collection();
  uncounted.events_counted = false;
  const auto metrics = test::Metrics::parse(render(uncounted, {}, Format::text));
  for (const char* name :
       {"wireguard_peer_handshakes_total", "wireguard_peer_endpoint_changes_total",
        "wireguard_peer_endpoint_alternations_total"}) {
    EXPECT_THAT(metrics.find(name), IsEmpty()) << "0 would say that there were none";
    EXPECT_THAT(parsed(Format::text).find(name), SizeIs(6)) << "and where they are, 0 is known";
  }
}

TEST(Exposition, OfNothingIsWhole) {
  for (const Format format : {Format::text, Format::openmetrics}) {
    const std::string text = render(Collection(), {}, format);
    EXPECT_THAT(test::check_exposition(
                    text, format == Format::text ? test::Syntax::text : test::Syntax::openmetrics),
                IsEmpty());
  }
}

}  // namespace
}  // namespace wgscope::exporter
