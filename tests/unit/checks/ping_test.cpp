// Pings through a real tunnel on the loopback interface, with a way in between that loses exactly
// what a test says.

#include "wgscope/checks/ping.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include <gtest/gtest.h>

#include "wgscope/base/time.hpp"
#include "wgscope/checks/run.hpp"
#include "wgscope/checks/session.hpp"
#include "wgscope/checks/stamps.hpp"
#include "wgscope/checks/target.hpp"
#include "wgscope/diagnosis/ping.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/os/clock.hpp"

#include "gateway.hpp"
#include "relay.hpp"

namespace wgscope::checks {
namespace {

using namespace std::chrono_literals;
using diagnosis::PingFacts;
using diagnosis::PingLoss;
using diagnosis::PingObstacle;
using test::Fate;
using test::Gateway;
using test::Relay;

/// Loses each packet of whose number, from 0, `every` is a divisor.
Relay::Rule lose_each(std::size_t every, std::size_t from = 0) {
  return [=](std::size_t n) { return n % every == from ? Fate::lose : Fate::pass; };
}

class PingCheck : public testing::Test {
 protected:
  void SetUp() override {
    session_ = Session::open(run_, target_,
                             Endpoint{*IpAddress::parse("127.0.0.1"), 0, relay_.port()}, stamps_)
                   .value();
    session_->initiate();
    ASSERT_TRUE(run_.wait([&] { return session_->established(); }, os::boot_now() + 10s));
  }

  PingFacts ping(std::uint64_t count, PingObserver* observer = nullptr) {
    PingOptions options = options_;
    options.count = count;
    options.interval = 1ms;
    return checks::ping(run_, *session_, target_, options, observer);
  }

  /// The same key on another device, straight to the gateway.
  void take_over() {
    other_ = Session::open(run_, target_,
                           Endpoint{*IpAddress::parse("127.0.0.1"), 0, gateway_.port()}, stamps_)
                 .value();
    other_->initiate();
  }

  checks::Run run_ = *checks::Run::open();
  Gateway gateway_{run_};
  Relay relay_{run_, gateway_.port()};
  Target target_ = gateway_.target();
  Stamps stamps_;
  PingOptions options_;
  std::unique_ptr<Session> session_;
  std::unique_ptr<Session> other_;
};

TEST_F(PingCheck, CountsWhatIsAnsweredAndGuessesTheTarget) {
  const PingFacts facts = ping(10);
  EXPECT_EQ(facts.target, *IpAddress::parse("10.9.0.1"));
  EXPECT_TRUE(facts.target_guessed);
  EXPECT_EQ(facts.inner.sent, 10U);
  ASSERT_EQ(facts.inner.round_trips.size(), 10U);
  for (const Nanoseconds time : facts.inner.round_trips) EXPECT_GT(time, 0ns);
  EXPECT_EQ(facts.back.received, 10U);
  EXPECT_EQ(facts.back.missing, 0U);
  EXPECT_EQ(diagnosis::loss_of(facts), PingLoss{});
}

TEST_F(PingCheck, TellsExactlyWhatIsLostOnTheWayThere) {
  relay_.forward = lose_each(7);
  const PingFacts facts = ping(50);
  EXPECT_EQ(facts.inner.round_trips.size(), 42U);
  EXPECT_EQ(diagnosis::loss_of(facts),
            (PingLoss{.forward = 8, .backward = 0, .unknown_direction = 0}));
}

TEST_F(PingCheck, TellsExactlyWhatIsLostOnTheWayBack) {
  relay_.backward = lose_each(7);
  const PingFacts facts = ping(50);
  EXPECT_EQ(facts.inner.round_trips.size(), 42U);
  EXPECT_EQ(diagnosis::loss_of(facts),
            (PingLoss{.forward = 0, .backward = 8, .unknown_direction = 0}));
}

TEST_F(PingCheck, TellsBothDirectionsApart) {
  relay_.forward = lose_each(5, 1);
  relay_.backward = lose_each(4, 2);
  const PingFacts facts = ping(50);
  EXPECT_EQ(diagnosis::loss_of(facts),
            (PingLoss{.forward = 10, .backward = 10, .unknown_direction = 0}));
}

TEST_F(PingCheck, LearnsOfTheLastOnesByAskingOn) {
  relay_.backward = [](std::size_t n) { return n >= 7 && n < 10 ? Fate::lose : Fate::pass; };
  PingFacts facts = ping(10);
  EXPECT_EQ(facts.inner.sent, 10U);
  EXPECT_EQ(diagnosis::loss_of(facts),
            (PingLoss{.forward = 0, .backward = 3, .unknown_direction = 0}));
  relay_.backward = lose_each(1'000'000, 1);
  relay_.forward = [](std::size_t n) { return n >= 18 && n < 21 ? Fate::lose : Fate::pass; };
  facts = ping(10);  // numbers 11 to 20 of what the relay saw
  EXPECT_EQ(facts.inner.round_trips.size(), 7U);
  EXPECT_EQ(diagnosis::loss_of(facts),
            (PingLoss{.forward = 3, .backward = 0, .unknown_direction = 0}));
}

TEST_F(PingCheck, SaysOfWhichThatCannotBeTold) {
  relay_.backward = [](std::size_t n) { return n >= 7 ? Fate::lose : Fate::pass; };
  const PingFacts facts = ping(10);
  EXPECT_EQ(diagnosis::loss_of(facts),
            (PingLoss{.forward = 0, .backward = 0, .unknown_direction = 3}));
}

TEST_F(PingCheck, TellsDoublesAndOrderOfTheWayBack) {
  relay_.backward = [](std::size_t n) {
    if (n % 10 == 3) return Fate::twice;
    return n % 10 == 6 ? Fate::late : Fate::pass;
  };
  const PingFacts facts = ping(20);
  EXPECT_EQ(facts.inner.round_trips.size(), 20U);
  EXPECT_EQ(facts.inner.duplicates, 0U);
  EXPECT_EQ(facts.back.replayed, 2U);
  EXPECT_EQ(facts.back.reordered, 2U);
  EXPECT_EQ(facts.inner.reordered, 2U);
  EXPECT_EQ(diagnosis::loss_of(facts), PingLoss{});
}

TEST_F(PingCheck, TellsTheOrderOfTheWayThere) {
  relay_.forward = [](std::size_t n) { return n % 10 == 6 ? Fate::late : Fate::pass; };
  const PingFacts facts = ping(20);
  EXPECT_EQ(facts.inner.reordered, 2U);
  EXPECT_EQ(facts.back.reordered, 0U);
}

TEST_F(PingCheck, WaitsByTheHandshakesRoundTrip) {
  relay_.backward_delay = 1300ms;  // longer than ping waits where nothing is known
  session_ = Session::open(run_, target_, session_->gateway(), stamps_).value();
  session_->initiate();
  ASSERT_TRUE(run_.wait([&] { return session_->established(); }, os::boot_now() + 10s));
  EXPECT_GE(session_->round_trip(), 1300ms);
  const PingFacts facts = ping(1);
  EXPECT_EQ(facts.inner.round_trips.size(), 1U);
}

TEST_F(PingCheck, AsksInSmallWhereNothingLargeIsAnswered) {
  options_.payload_size = 1300;
  relay_.forward_mtu = 1000;
  PingFacts facts = ping(3);
  ASSERT_TRUE(facts.smaller);
  EXPECT_EQ(facts.smaller->sent, 1U);
  EXPECT_EQ(facts.smaller->answered, 1U);
  EXPECT_EQ(facts.inner.sent, 3U);
  EXPECT_TRUE(facts.inner.round_trips.empty());
  EXPECT_EQ(facts.back.missing, 0U);
  relay_.forward_mtu = 65535;
  relay_.backward_mtu = 1000;
  facts = ping(3);
  EXPECT_EQ(facts.back.missing, 3U) << "the gateway's counter tells the direction";
  relay_.backward_mtu = 65535;
  EXPECT_FALSE(ping(3).smaller) << "nothing more is sent where all is well";
}

TEST_F(PingCheck, AnotherDeviceThatHandshakesTakesTheSession) {
  relay_.forward = [&](std::size_t n) {
    if (n == 5) take_over();
    return Fate::pass;
  };
  PingOptions options = options_;
  options.interval = 20ms;
  options.count = 20;
  const PingFacts facts = checks::ping(run_, *session_, target_, options);
  EXPECT_GE(facts.session.taken.foreign, 2U);
  EXPECT_EQ(facts.session.taken.sessions, 1U);
  EXPECT_LT(facts.inner.round_trips.size(), 20U);
  EXPECT_EQ(diagnosis::loss_of(facts).unknown_direction, 20U - facts.inner.round_trips.size());
}

TEST_F(PingCheck, AWayThatIsDeadIsNoReply) {
  relay_.forward = lose_each(1);
  const PingFacts facts = ping(3);
  EXPECT_EQ(facts.inner.sent, 3U);
  EXPECT_TRUE(facts.inner.round_trips.empty());
}

TEST_F(PingCheck, GoesOnBeyondTheSequenceNumbersThereAre) {
  relay_.backward = lose_each(1000, 999);
  constexpr std::uint64_t kMany = 66'000;
  PingOptions options = options_;
  options.interval = 0ms;
  options.count = kMany;
  const PingFacts facts = checks::ping(run_, *session_, target_, options);
  EXPECT_EQ(facts.inner.sent, kMany);
  EXPECT_EQ(facts.inner.duplicates, 0U);
  EXPECT_EQ(facts.inner.round_trips.size(), kMany - 66);
  EXPECT_EQ(diagnosis::loss_of(facts).backward, 66U);
}

TEST_F(PingCheck, SaysWhatCannotBePingedAndSendsNothing) {
  const auto obstacle = [&](const char* address) {
    options_.target = *IpAddress::parse(address);
    return ping(1).obstacle;
  };
  EXPECT_EQ(obstacle("192.0.2.1"), PingObstacle::outside_allowed_ips);
  EXPECT_EQ(obstacle("10.9.0.2"), PingObstacle::own_address);
  options_.payload_size = 1393;
  EXPECT_EQ(obstacle("10.9.0.1"), PingObstacle::too_large);
  options_.payload_size = static_cast<std::size_t>(-4);
  EXPECT_EQ(obstacle("10.9.0.1"), PingObstacle::too_large);
  options_.payload_size = 1392;
  EXPECT_EQ(obstacle("10.9.0.1"), std::nullopt);
  options_.payload_size = 56;
  target_.addresses.erase(target_.addresses.begin() + 1);
  EXPECT_EQ(obstacle("fd09::1"), PingObstacle::no_such_family);
  EXPECT_EQ(obstacle("10.9.0.1"), std::nullopt);
  options_.target.reset();
  target_.allowed_ips.clear();
  EXPECT_EQ(ping(1).obstacle, PingObstacle::no_target);
  EXPECT_EQ(session_->interface().receive_loss(session_->peer()).received, 2U);
}

class Interrupter final : public PingObserver {
 public:
  Interrupter(Run& run, std::uint64_t at) : run_(run), at_(at) {}
  void on_round(const PingRound& round) override {
    rounds.push_back(round);
    if (round.number == at_) run_.interrupt();
  }
  std::vector<PingRound> rounds;

 private:
  Run& run_;
  std::uint64_t at_;
};

TEST_F(PingCheck, WithoutACountAnInterruptIsTheEndAndWhatIsUnderWayIsNotLost) {
  Interrupter interrupter(run_, 20);  // as number 20 goes out
  const PingFacts facts = ping(0, &interrupter);
  EXPECT_FALSE(run_.interrupted());
  EXPECT_EQ(facts.inner.sent, facts.inner.round_trips.size());
  EXPECT_GE(facts.inner.sent, 10U);
  EXPECT_LE(facts.inner.sent, 19U) << "the last was not answered yet";
  EXPECT_EQ(diagnosis::loss_of(facts), PingLoss{});
}

TEST_F(PingCheck, WithACountAnInterruptStaysOne) {
  Interrupter interrupter(run_, 5);
  const PingFacts facts = ping(1000, &interrupter);
  EXPECT_TRUE(run_.interrupted());
  EXPECT_LE(facts.inner.sent, 5U);
}

TEST_F(PingCheck, ADeadlineEndsIt) {
  options_.deadline = os::boot_now() + 200ms;
  const PingFacts facts = ping(0);
  EXPECT_FALSE(run_.interrupted());
  EXPECT_GE(facts.inner.sent, 1U);
  EXPECT_EQ(facts.inner.sent, facts.inner.round_trips.size());
  EXPECT_LT(os::boot_now() - *options_.deadline, 10s);
}

TEST_F(PingCheck, ShowsEachRoundWhenItBeginsAndWhenItIsAnswered) {
  Interrupter nobody(run_, 0);
  options_.target = *IpAddress::parse("fd09::1");
  const PingFacts facts = ping(2, &nobody);
  EXPECT_EQ(facts.inner.round_trips.size(), 2U);
  ASSERT_GE(nobody.rounds.size(), 4U);
  EXPECT_EQ(nobody.rounds.front().number, 1U);
  EXPECT_FALSE(nobody.rounds.front().inner);
  EXPECT_EQ(nobody.rounds.back().number, 2U);
}

}  // namespace
}  // namespace wgscope::checks
