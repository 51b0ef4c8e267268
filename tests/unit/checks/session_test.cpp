// Who attends to a session, through a real tunnel on the loopback interface.

#include "wgscope/checks/session.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <variant>

#include <gtest/gtest.h>

#include "wgscope/base/time.hpp"
#include "wgscope/checks/run.hpp"
#include "wgscope/checks/stamps.hpp"
#include "wgscope/endpoint/measuring_service.hpp"
#include "wgscope/inner/event.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/os/clock.hpp"

#include "gateway.hpp"

namespace wgscope::checks {
namespace {

using namespace std::chrono_literals;
using test::Gateway;

class SessionAttention : public testing::Test {
 protected:
  void SetUp() override {
    session_ = Session::open(run_, gateway_.target(),
                             Endpoint{*IpAddress::parse("127.0.0.1"), 0, gateway_.port()}, stamps_)
                   .value();
    session_->initiate();
    ASSERT_TRUE(run_.wait([&] { return session_->established(); }, os::boot_now() + 10s));
  }

  void ping() {
    ASSERT_TRUE(session_->host().send_echo({.to = *IpAddress::parse("10.9.0.1"), .id = echo_}));
    session_->pump();
  }

  /// Counts replies.
  Session::Attention count_replies(std::size_t& replies) {
    return session_->attend({.on_inner = [&replies](const inner::Event& event) {
      if (std::holds_alternative<inner::EchoReplied>(event)) ++replies;
    }});
  }

  checks::Run run_ = *checks::Run::open();
  Gateway gateway_{run_};
  Stamps stamps_;
  std::unique_ptr<Session> session_;
  std::uint16_t echo_ = 0;
};

TEST_F(SessionAttention, TellsEveryAttendantOfAnInnerEvent) {
  echo_ = session_->host().open_echo();
  std::size_t first = 0;
  std::size_t second = 0;
  const auto stays = count_replies(first);
  {
    const auto goes = count_replies(second);
    ping();
    ASSERT_TRUE(run_.wait([&] { return first == 1 && second == 1; }, os::boot_now() + 10s));
  }
  ping();
  ASSERT_TRUE(run_.wait([&] { return first == 2; }, os::boot_now() + 10s));
  EXPECT_EQ(second, 1U);
}

TEST_F(SessionAttention, GivesAPacketToTheFirstThatTakesIt) {
  echo_ = session_->host().open_echo();
  std::size_t replies = 0;
  std::size_t seen = 0;
  std::size_t taken = 0;
  std::size_t behind = 0;
  const auto counting = count_replies(replies);
  const auto looks = session_->attend({.on_arrival = [&](const endpoint::Arrived&) {
    ++seen;
    return false;
  }});
  auto takes = session_->attend({.on_arrival = [&](const endpoint::Arrived&) {
    ++taken;
    return true;
  }});
  const auto waits = session_->attend({.on_arrival = [&](const endpoint::Arrived&) {
    ++behind;
    return false;
  }});
  ping();
  ASSERT_TRUE(run_.wait([&] { return taken == 1; }, os::boot_now() + 10s));
  EXPECT_EQ(seen, 1U);
  EXPECT_EQ(behind, 0U);
  EXPECT_EQ(replies, 0U) << "what is taken, the host does not get";
  takes.end();
  ping();
  ASSERT_TRUE(run_.wait([&] { return replies == 1; }, os::boot_now() + 10s));
  EXPECT_EQ(seen, 2U);
  EXPECT_EQ(behind, 1U);
}

TEST_F(SessionAttention, CallsThoseWhoseTimeHasCome) {
  const Instant begun = os::boot_now();
  const auto at = [&](std::optional<Instant>& due, std::size_t& calls) {
    return session_->attend({.next = [&due] { return due; },
                             .expired =
                                 [&due, &calls](Instant now) {
                                   EXPECT_GE(now, *due);
                                   due.reset();
                                   ++calls;
                                 }});
  };
  std::optional<Instant> soon = begun + 20ms;
  std::optional<Instant> later = begun + 60ms;
  std::optional<Instant> never;
  std::size_t soon_calls = 0;
  std::size_t later_calls = 0;
  std::size_t never_calls = 0;
  const auto first = at(later, later_calls);
  const auto second = at(soon, soon_calls);
  const auto third = at(never, never_calls);
  ASSERT_TRUE(run_.wait([&] { return soon_calls == 1; }, begun + 10s));
  ASSERT_TRUE(run_.wait([&] { return later_calls == 1; }, begun + 10s));
  EXPECT_GE(os::boot_now() - begun, 60ms);
  EXPECT_EQ(soon_calls, 1U);
  EXPECT_EQ(never_calls, 0U);
}

TEST_F(SessionAttention, SendsWhatAnExpiredTimeHasAskedFor) {
  echo_ = session_->host().open_echo();
  session_->run_timers(false);  // which would send it as well, in a while
  std::size_t replies = 0;
  std::optional<Instant> due = os::boot_now();
  const auto counting = count_replies(replies);
  const auto timer =
      session_->attend({.next = [&] { return due; },
                        .expired =
                            [&](Instant) {
                              due.reset();
                              static_cast<void>(session_->host().send_echo(
                                  {.to = *IpAddress::parse("10.9.0.1"), .id = echo_}));
                            }});
  EXPECT_TRUE(run_.wait([&] { return replies == 1; }, os::boot_now() + 10s));
}

TEST_F(SessionAttention, OneMayEndAnotherWhileAnEventIsTold) {
  echo_ = session_->host().open_echo();
  std::size_t replies = 0;
  std::size_t late = 0;
  Session::Attention ended;
  Session::Attention begun;
  const auto first = session_->attend({.on_inner = [&](const inner::Event&) {
    ended.end();
    if (replies++ == 0) begun = count_replies(late);
  }});
  std::size_t ended_replies = 0;
  ended = count_replies(ended_replies);
  ping();
  ASSERT_TRUE(run_.wait([&] { return replies == 1; }, os::boot_now() + 10s));
  EXPECT_EQ(ended_replies, 0U);
  EXPECT_EQ(late, 0U) << "it began with this event, and attends from the next on";
  ping();
  ASSERT_TRUE(run_.wait([&] { return replies == 2; }, os::boot_now() + 10s));
  EXPECT_EQ(late, 1U);
}

TEST_F(SessionAttention, MayOutliveItsSession) {
  std::size_t calls = 0;
  const auto attention = session_->attend(
      {.next = [] { return std::optional(os::boot_now()); }, .expired = [&](Instant) { ++calls; }});
  session_.reset();
  EXPECT_TRUE(run_.pass(20ms));
  EXPECT_EQ(calls, 0U);
}

}  // namespace
}  // namespace wgscope::checks
