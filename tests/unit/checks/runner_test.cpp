// Many checks in one process: real handshakes, pings and TCP connections through tunnels on the
// loopback interface, each with a gateway of its own on the check's loop.

#include "wgscope/checks/runner.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

#include <fmt/core.h>
#include <gtest/gtest.h>

#include "wgscope/base/result.hpp"
#include "wgscope/base/time.hpp"
#include "wgscope/checks/handshake.hpp"
#include "wgscope/checks/reach.hpp"
#include "wgscope/checks/run.hpp"
#include "wgscope/checks/stamps.hpp"
#include "wgscope/config/expectations.hpp"
#include "wgscope/diagnosis/reach.hpp"
#include "wgscope/diagnosis/report.hpp"
#include "wgscope/inner/tcp.hpp"
#include "wgscope/os/clock.hpp"

#include "gateway.hpp"

namespace wgscope::checks {
namespace {

using namespace std::chrono_literals;

Instant in(Nanoseconds time) { return os::boot_now() + time; }

/// Waits until it is interrupted.
void hang(checks::Run& run, diagnosis::Report& /*report*/) { static_cast<void>(run.pass(1h)); }

/// Waits until so many checks have come to this point at the same time.
class Meeting {
 public:
  explicit Meeting(std::size_t members) : members_(members) {}

  void join(checks::Run& run) {
    ++present_;
    const Instant limit = in(60s);
    while (present_ < members_ && os::boot_now() < limit) static_cast<void>(run.pass(1ms));
    met_ = met_ || present_ >= members_;
  }
  [[nodiscard]] bool met() const { return met_; }

 private:
  std::size_t members_;
  std::atomic<std::size_t> present_ = 0;
  std::atomic<bool> met_ = false;
};

/// A handshake, then pings and TCP connections, with a gateway that runs on the same loop. All
/// tunnels have the same addresses inside, as tunnels to different networks may.
/// @param port  of a service on the gateway; of this gateway only, as all are in one process.
/// @returns whether all of it went well.
bool reaches_its_gateway(checks::Run& run, std::uint16_t port) {
  test::Gateway gateway(run);
  if (!gateway.endpoint().host().tcp().listen(port)) return false;
  const Target target = gateway.target();
  Stamps stamps;
  HandshakeOptions options;
  options.data = false;
  options.go_on = true;
  const auto session = handshake(run, target, stamps, options).session;
  if (!session) return false;
  const std::vector<config::Expectation> wanted{
      config::parse_target(config::ReachKind::icmp, "10.9.0.1").value(),
      config::parse_target(config::ReachKind::tcp, fmt::format("10.9.0.1:{}", port)).value()};
  const auto facts = reach(run, *session, wanted, reach_options(target));
  return std::all_of(facts.results.begin(), facts.results.end(), [](const auto& result) {
    return std::all_of(result.tries.begin(), result.tries.end(), [](const auto& one) {
      return one.outcome == diagnosis::ReachOutcome::answered;
    });
  });
}

TEST(Runner, ChecksThirtyTwoTunnelsAtOnce) {
  constexpr std::size_t kMany = 32;
  Meeting meeting(kMany);
  std::size_t reached = 0;
  Runner runner({.at_once = kMany, .waiting = 0});
  std::vector<Runner::Ticket> tickets;
  for (std::size_t i = 0; i < kMany; ++i)
    tickets.push_back(runner
                          .start(
                              [&, port = static_cast<std::uint16_t>(1000 + i)](checks::Run& run,
                                                                               diagnosis::Report&) {
                                meeting.join(run);
                                if (reaches_its_gateway(run, port)) ++reached;
                              },
                              in(120s))
                          .value());
  for (Runner::Ticket& ticket : tickets) EXPECT_EQ(ticket.wait().end, RunEnd::done);
  EXPECT_EQ(reached, kMany);
  EXPECT_TRUE(meeting.met());
}

TEST(Runner, RunsOneThreadAtATime) {
  Runner runner({.at_once = 8, .waiting = 8});
  std::size_t inside = 0;  // not atomic: the turn guards it, or the thread sanitizer complains
  std::size_t rounds = 0;
  std::vector<Runner::Ticket> tickets;
  for (int i = 0; i < 16; ++i)
    tickets.push_back(runner
                          .start(
                              [&](checks::Run& run, diagnosis::Report&) {
                                for (int round = 0; round < 50; ++round) {
                                  EXPECT_EQ(++inside, 1U);
                                  ++rounds;
                                  --inside;
                                  static_cast<void>(run.pass(10us));
                                }
                              },
                              in(60s))
                          .value());
  for (Runner::Ticket& ticket : tickets) EXPECT_EQ(ticket.wait().end, RunEnd::done);
  EXPECT_EQ(rounds, 16U * 50U);
}

TEST(Runner, RefusesMoreThanRunAndWait) {
  Runner runner({.at_once = 1, .waiting = 1});
  const auto first = runner.start(hang, in(1h));
  const auto second = runner.start(hang, in(1h));
  const auto third = runner.start(hang, in(1h));
  EXPECT_TRUE(first);
  EXPECT_TRUE(second);
  ASSERT_FALSE(third);
  EXPECT_EQ(third.error().code, Errc::refused);
}

TEST(Runner, StartsTheNextWhenOneHasEnded) {
  Runner runner({.at_once = 1, .waiting = 1});
  auto first = runner.start(hang, in(1h)).value();
  auto second =
      runner.start([](checks::Run&, diagnosis::Report& report) { report.verb = "second"; }, in(60s))
          .value();
  EXPECT_FALSE(second.ended());
  first.cancel();
  EXPECT_EQ(second.wait().report.verb, "second");
}

TEST(Runner, InterruptsACheckAtItsDeadline) {
  Runner runner;
  auto ticket = runner
                    .start(
                        [](checks::Run& run, diagnosis::Report& report) {
                          report.verb = "slow";
                          hang(run, report);
                        },
                        in(20ms))
                    .value();
  const Runner::Outcome outcome = ticket.wait();
  EXPECT_EQ(outcome.end, RunEnd::timed_out);
  EXPECT_TRUE(outcome.report.interrupted);
  EXPECT_EQ(outcome.report.verb, "slow");
}

TEST(Runner, EndsACheckThatNeverBeganAtItsDeadline) {
  Runner runner({.at_once = 1, .waiting = 1});
  const auto first = runner.start(hang, in(1h));
  bool began = false;
  auto second =
      runner.start([&](checks::Run&, diagnosis::Report&) { began = true; }, in(20ms)).value();
  EXPECT_EQ(second.wait().end, RunEnd::timed_out);
  EXPECT_FALSE(began);
}

TEST(Runner, CancelsFromAnotherThread) {
  Runner runner;
  Meeting meeting(1);
  auto ticket = runner
                    .start(
                        [&](checks::Run& run, diagnosis::Report& report) {
                          meeting.join(run);
                          hang(run, report);
                        },
                        in(1h))
                    .value();
  std::thread([&] { ticket.cancel(); }).join();
  EXPECT_EQ(ticket.wait().end, RunEnd::cancelled);
}

TEST(Runner, CancelsWhatRunsAndWhatWaitsWhenItEnds) {
  Runner::Ticket running;
  Runner::Ticket waiting;
  {
    Runner runner({.at_once = 1, .waiting = 1});
    running = runner.start(hang, in(1h)).value();
    waiting = runner.start(hang, in(1h)).value();
  }
  EXPECT_EQ(running.wait().end, RunEnd::cancelled);
  EXPECT_EQ(waiting.wait().end, RunEnd::cancelled);
}

TEST(Runner, ATicketThatIsDroppedCancelsItsCheck) {
  Runner runner({.at_once = 1, .waiting = 0});
  const auto alive = std::make_shared<int>(0);
  {
    const auto dropped = runner.start(
        [alive](checks::Run& run, diagnosis::Report& report) { hang(run, report); }, in(1h));
    EXPECT_TRUE(dropped);
  }
  EXPECT_EQ(alive.use_count(), 1);
}

}  // namespace
}  // namespace wgscope::checks
