// Pings over a path that loses packets at random, simulated: what the judgement says must never be
// more than what happened.

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/core.h>
#include <gtest/gtest.h>

#include "wgscope/base/time.hpp"
#include "wgscope/checks/ping.hpp"
#include "wgscope/diagnosis/check_kinds.hpp"
#include "wgscope/diagnosis/finding.hpp"
#include "wgscope/diagnosis/ping.hpp"
#include "wgscope/diagnosis/report.hpp"
#include "wgscope/diagnosis/session.hpp"
#include "wgscope/model/address.hpp"

#include "checks/ping/stretches.hpp"

namespace wgscope::checks {
namespace {

using namespace std::chrono_literals;
using diagnosis::FindingId;
using diagnosis::PingFacts;
using diagnosis::Status;

/// One run: pings a second apart, as ping() sends and counts them.
class Simulation {
 public:
  Simulation(std::uint32_t seed, double forward, double backward)
      : random_(seed), forward_(forward), backward_(backward) {
    facts_.gateway = Endpoint::parse("192.0.2.1:51820").value();
    facts_.target = IpAddress::parse("10.9.0.1").value();
    facts_.payload_size = 56;
    facts_.mtu = 1420;
    facts_.session.gateway = facts_.gateway;
  }

  void run(std::size_t pings) {
    do ++facts_.initiations;
    while (lost(forward_) || lost(backward_));
    for (std::size_t i = 0; i < pings; ++i) {
      rekey_if_due();
      ++facts_.inner.sent;
      if (send()) facts_.inner.round_trips.push_back(10ms);
      ++facts_.outer.sent;
      if (!lost(forward_) && !lost(backward_)) facts_.outer.round_trips.push_back(9ms);
    }
    counting_ = false;
    stretches_.count_up_to(number_);
    ask_on();
    facts_.back.missing += missing();
    facts_.back.tail = stretches_.tails();
    facts_.stretches = stretches_.ended();
    facts_.session.sessions = session_;
    facts_.session.watched = facts_.session.last_heard = 1s * pings;
  }

  [[nodiscard]] const PingFacts& facts() const { return facts_; }
  std::size_t lost_forward = 0;
  std::size_t lost_backward = 0;

 private:
  bool lost(double ratio) { return std::uniform_real_distribution(0.0, 1.0)(random_) < ratio; }
  [[nodiscard]] std::uint64_t missing() const { return seen_up_to_ - arrived_; }

  /// A session ends after 120 s, or after 15 s in which nothing came.
  void rekey_if_due() {
    if (++age_ <= 120 && silent_ < 15) return;
    facts_.back.missing += missing();
    ++session_;
    age_ = silent_ = 0;
    gateway_counter_ = seen_up_to_ = arrived_ = 0;
  }

  bool send() {
    stretches_.sent(++number_, session_);
    ++silent_;
    if (lost(forward_)) {
      if (counting_) ++lost_forward;
      return false;
    }
    ++gateway_counter_;
    if (lost(backward_)) {
      if (counting_) ++lost_backward;
      return false;
    }
    silent_ = 0;
    ++arrived_;
    seen_up_to_ = gateway_counter_;
    ++facts_.back.received;
    stretches_.answered(number_);
    return true;
  }

  void ask_on() {
    if (facts_.inner.round_trips.empty() || stretches_.last_tail() == 0) return;
    for (std::size_t sent = 1; sent <= kExtraPings; ++sent) {
      if (!send()) continue;
      facts_.back.unanswered_extra = sent - 1;
      return;
    }
  }

  std::mt19937 random_;
  double forward_;
  double backward_;
  PingFacts facts_;
  Stretches stretches_;
  bool counting_ = true;
  std::uint64_t number_ = 0;
  std::size_t session_ = 1;
  int age_ = 0;
  int silent_ = 0;
  std::uint64_t gateway_counter_ = 0;  ///< packets that it sent in this session
  std::uint64_t seen_up_to_ = 0;
  std::uint64_t arrived_ = 0;
};

const diagnosis::Check* find(const diagnosis::Report& report, std::string_view name) {
  const auto found = std::ranges::find(report.checks, name, &diagnosis::Check::name);
  return found == report.checks.end() ? nullptr : &*found;
}

std::vector<std::string> causes(const diagnosis::Report& report) {
  std::vector<std::string> all;
  for (const diagnosis::Check& check : report.checks) {
    if (!check.finding) continue;
    for (const auto& cause : check.finding->hypotheses) all.push_back(cause.cause.plain());
  }
  return all;
}

diagnosis::Report report_of(const PingFacts& facts) {
  diagnosis::Report report;
  report.checks = {
      make_check(diagnosis::CheckKind::key_use, Status::ok, "free"),
      make_check(diagnosis::CheckKind::path_icmp, Status::ok, "no ICMP error arrived")};
  diagnosis::add(facts, report);
  diagnosis::amend(facts.session, report);
  return report;
}

/// Nothing is said to be lost, or fine, in a direction where it was not.
void expect_no_lie(const Simulation& run) {
  const PingFacts& facts = run.facts();
  const auto loss = diagnosis::loss_of(facts);
  EXPECT_LE(loss.forward, run.lost_forward);
  EXPECT_LE(loss.backward, run.lost_backward);
  EXPECT_EQ(loss.forward + loss.backward + loss.unknown_direction,
            run.lost_forward + run.lost_backward);
  const diagnosis::Report report = report_of(facts);
  const auto fine = [&](std::string_view name) {
    const diagnosis::Check* check = find(report, name);
    return check != nullptr && check->status == Status::ok &&
           check->summary.plain().starts_with("no packets lost");
  };
  EXPECT_TRUE(!fine("ping.loss_forward") || run.lost_forward == 0);
  EXPECT_TRUE(!fine("ping.loss_backward") || run.lost_backward == 0);
  EXPECT_EQ(find(report, "key.use")->status, Status::ok);
  EXPECT_EQ(find(report, "path.icmp")->status, Status::ok);
}

/// @returns whether a cause was named that random loss is not, as far as the chance of it tells.
bool blames_something(const Simulation& run) {
  const auto all = causes(report_of(run.facts()));
  return std::ranges::any_of(all, [](const std::string& cause) {
    return cause.find("another device") != std::string::npos ||
           cause.find("cuts the flow") != std::string::npos ||
           cause.find("datagrams of this size") != std::string::npos;
  });
}

class RandomLoss : public testing::TestWithParam<double> {};
INSTANTIATE_TEST_SUITE_P(, RandomLoss, testing::Values(0.1, 0.3, 0.5), [](const auto& test) {
  return fmt::format("Percent{}", static_cast<int>(100 * test.param));
});

TEST_P(RandomLoss, IsNeverCalledMoreThanItIs) {
  constexpr std::array<std::size_t, 5> kCounts{1, 3, 10, 60, 400};
  std::size_t blamed = 0;
  std::size_t runs = 0;
  for (const std::size_t pings : kCounts) {
    for (std::uint32_t seed = 0; seed < 300; ++seed) {
      SCOPED_TRACE(fmt::format("{} pings, seed {}", pings, seed));
      const double there = seed % 3 == 0 ? 0 : GetParam();
      const double back = seed % 3 == 1 ? 0 : GetParam();
      Simulation run(seed, there, back);
      run.run(pings);
      expect_no_lie(run);
      if (HasFailure()) return;
      if (blames_something(run)) ++blamed;
      ++runs;
    }
  }
  EXPECT_LE(blamed, runs / 1000) << "what chance does in one of a thousand sessions";
}

TEST_P(RandomLoss, IsAmongTheCausesWhereNothingIsAnswered) {
  std::size_t silent = 0;
  for (std::uint32_t seed = 0; seed < 2000; ++seed) {
    Simulation run(seed, GetParam(), GetParam());
    run.run(3);
    if (!run.facts().inner.round_trips.empty()) continue;
    ++silent;
    const auto all = causes(report_of(run.facts()));
    EXPECT_TRUE(std::ranges::any_of(all, [](const std::string& cause) {
      return cause.starts_with("packet loss: ");
    })) << seed;
  }
  EXPECT_GT(silent, 5U);
}

}  // namespace
}  // namespace wgscope::checks
