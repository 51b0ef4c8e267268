// Which of a gateway's addresses a report's figures are of.

#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "wgscope/base/time.hpp"
#include "wgscope/checks/handshake.hpp"
#include "wgscope/diagnosis/handshake.hpp"
#include "wgscope/diagnosis/report.hpp"

#include "handshake_facts.hpp"

namespace wgscope::checks {
namespace {

using namespace std::chrono_literals;

diagnosis::Report report_of(std::vector<diagnosis::AttemptFacts> attempts) {
  diagnosis::HandshakeFacts facts;
  facts.attempts = std::move(attempts);
  diagnosis::Report report;
  report_handshake(facts, report);
  return report;
}

double figure(const diagnosis::Report& report, const std::string& name) {
  for (const diagnosis::Measurement& measurement : report.measurements)
    if (measurement.name == name) return measurement.value;
  return 0;
}

constexpr const char* kDuration = "wireguard_probe_handshake_duration_seconds";

diagnosis::AttemptFacts carrying(const char* address, Nanoseconds after, Nanoseconds round_trip) {
  diagnosis::AttemptFacts attempt = diagnosis::answered_at(address, after);
  attempt.data.emplace();
  attempt.data->round_trips = {round_trip};
  return attempt;
}

TEST(ReportHandshake, MeasuresTheAddressThatCarriesData) {
  const diagnosis::Report report = report_of({diagnosis::answered_at(diagnosis::kGatewayV6, 30ms),
                                              carrying(diagnosis::kGateway, 12ms, 5ms)});
  EXPECT_DOUBLE_EQ(figure(report, kDuration), 0.012);
  ASSERT_EQ(report.distributions.size(), 1U);
  EXPECT_EQ(report.distributions[0].samples, (std::vector<Nanoseconds>{5ms}));
}

TEST(ReportHandshake, MeasuresTheFirstThatRespondedWhereNoneCarries) {
  const diagnosis::Report report = report_of({diagnosis::attempt_at(diagnosis::kGatewayV6),
                                              diagnosis::answered_at(diagnosis::kGateway, 12ms)});
  EXPECT_DOUBLE_EQ(figure(report, kDuration), 0.012);
  EXPECT_TRUE(report.distributions.empty());
}

TEST(ReportHandshake, MeasuresNothingWhereNoneResponded) {
  const diagnosis::Report report = report_of({diagnosis::attempt_at()});
  EXPECT_TRUE(report.measurements.empty());
}

}  // namespace
}  // namespace wgscope::checks
