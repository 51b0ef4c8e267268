// Which of a gateway's addresses a report's figures are of.

#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "wgscope/base/time.hpp"
#include "wgscope/diagnosis/handshake.hpp"
#include "wgscope/diagnosis/report.hpp"

#include "handshake_facts.hpp"

namespace wgscope::diagnosis {
namespace {

using namespace std::chrono_literals;

Report report_of(std::vector<AttemptFacts> attempts) {
  HandshakeFacts facts;
  facts.attempts = std::move(attempts);
  Report report;
  measure(facts, report);
  return report;
}

double figure(const Report& report, const std::string& name) {
  for (const Measurement& measurement : report.measurements)
    if (measurement.name == name) return measurement.value;
  return 0;
}

constexpr const char* kDuration = "wireguard_probe_handshake_duration_seconds";

AttemptFacts carrying(const char* address, Nanoseconds after, Nanoseconds round_trip) {
  AttemptFacts attempt = answered_at(address, after);
  attempt.data.emplace();
  attempt.data->round_trips = {round_trip};
  return attempt;
}

TEST(HandshakeFigures, AreOfTheAddressThatCarriesData) {
  const Report report = report_of({answered_at(kGatewayV6, 30ms), carrying(kGateway, 12ms, 5ms)});
  EXPECT_DOUBLE_EQ(figure(report, kDuration), 0.012);
  ASSERT_EQ(report.distributions.size(), 1U);
  EXPECT_EQ(report.distributions[0].samples, (std::vector<Nanoseconds>{5ms}));
}

TEST(HandshakeFigures, AreOfTheFirstThatRespondedWhereNoneCarries) {
  const Report report = report_of({attempt_at(kGatewayV6), answered_at(kGateway, 12ms)});
  EXPECT_DOUBLE_EQ(figure(report, kDuration), 0.012);
  EXPECT_TRUE(report.distributions.empty());
}

TEST(HandshakeFigures, AreAbsentWhereNoneResponded) {
  const Report report = report_of({attempt_at()});
  EXPECT_TRUE(report.measurements.empty());
}

}  // namespace
}  // namespace wgscope::diagnosis
