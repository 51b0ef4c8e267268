// Clients that stay connected after an answer.

#include <chrono>
#include <optional>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "wgscope/base/time.hpp"
#include "wgscope/model/address.hpp"

#include "exporter/http/turnstile.hpp"

namespace wgscope::exporter::http {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::IsEmpty;

class TurnstileIdleTest : public testing::Test {
 protected:
  static IpAddress ip(const std::string& text) { return IpAddress::parse(text).value(); }

  Turnstile::Admission come(const std::string& address) {
    return turnstile_.admit(ip(address), now_);
  }
  Turnstile::Id enter(const std::string& address) { return come(address).id.value(); }
  Turnstile::Id serve(const std::string& address) {
    const Turnstile::Id id = enter(address);
    turnstile_.ready(id);
    EXPECT_EQ(turnstile_.next(now_), id);
    return id;
  }
  /// One that was answered and is still connected.
  Turnstile::Id stay(const std::string& address) {
    const Turnstile::Id id = serve(address);
    EXPECT_TRUE(turnstile_.answered(id, now_));
    return id;
  }

  TurnstileLimits limits_{.connections = 4,
                          .per_address = 3,
                          .serving = 4,
                          .head_time = 5s,
                          .answer_time = 60s,
                          .idle_time = 6min,
                          .request_interval = 500ms,
                          .least_rate = 1000};
  Turnstile turnstile_{limits_};
  Instant now_{1000s};
};

TEST_F(TurnstileIdleTest, TakesNoWorker) {
  const Turnstile::Id id = stay("192.0.2.1");
  EXPECT_TRUE(turnstile_.is_idle(id));
  EXPECT_EQ(turnstile_.serving(), 0U);
  EXPECT_EQ(turnstile_.connections(), 1U);
  EXPECT_THAT(turnstile_.served(), IsEmpty());
  EXPECT_EQ(turnstile_.next(now_), std::nullopt) << "it has not asked again";
}

TEST_F(TurnstileIdleTest, IsServedAgain) {
  const Turnstile::Id id = stay("192.0.2.1");
  now_ = now_ + 5min;
  turnstile_.begins(id, now_);
  EXPECT_FALSE(turnstile_.is_idle(id));
  turnstile_.ready(id);
  EXPECT_EQ(turnstile_.next(now_), id);
  EXPECT_EQ(turnstile_.serving(), 1U);
}

TEST_F(TurnstileIdleTest, LeavesWhenItsTimeIsOver) {
  const Turnstile::Id id = stay("192.0.2.1");
  EXPECT_EQ(turnstile_.next_look(now_), now_ + 6min);
  now_ = now_ + 6min - 1ns;
  EXPECT_THAT(turnstile_.overdue(now_).idle, IsEmpty());
  now_ = now_ + 1ns;
  const Turnstile::Overdue overdue = turnstile_.overdue(now_);
  EXPECT_THAT(overdue.idle, ElementsAre(id));
  EXPECT_THAT(overdue.heads, IsEmpty());
  EXPECT_THAT(overdue.readers, IsEmpty());
}

TEST_F(TurnstileIdleTest, HasTheTimeOfARequestOnceItHasBegunOne) {
  const Turnstile::Id id = stay("192.0.2.1");
  now_ = now_ + 1min;
  turnstile_.begins(id, now_);
  EXPECT_EQ(turnstile_.next_look(now_), now_ + 5s);
  now_ = now_ + 1s;
  turnstile_.begins(id, now_);  // more of it comes
  now_ = now_ + 4s;
  EXPECT_THAT(turnstile_.overdue(now_).heads, ElementsAre(id));
}

TEST_F(TurnstileIdleTest, BeginsWithACleanSlate) {
  const Turnstile::Id id = serve("192.0.2.1");
  turnstile_.progress(id, {10, true}, now_);
  now_ = now_ + 59s;
  turnstile_.progress(id, {1'000'000, true}, now_);
  ASSERT_TRUE(turnstile_.answered(id, now_));
  turnstile_.begins(id, now_);
  turnstile_.ready(id);
  ASSERT_EQ(turnstile_.next(now_), id);
  turnstile_.progress(id, {10, true}, now_);
  now_ = now_ + 9s;
  turnstile_.progress(id, {10, true}, now_);
  EXPECT_THAT(turnstile_.overdue(now_).readers, IsEmpty()) << "it has only begun to read";
}

TEST_F(TurnstileIdleTest, DoesNotStayIfItHurries) {
  const Turnstile::Id id = stay("192.0.2.1");
  const auto ask = [&](Nanoseconds pause) {
    now_ = now_ + pause;
    turnstile_.begins(id, now_);
    turnstile_.ready(id);
    EXPECT_EQ(turnstile_.next(now_), id) << "it is served nevertheless";
    return turnstile_.may_stay(id);
  };
  EXPECT_TRUE(ask(500ms));
  ASSERT_TRUE(turnstile_.answered(id, now_));
  EXPECT_FALSE(ask(499ms));
  EXPECT_FALSE(turnstile_.answered(id, now_));
}

TEST_F(TurnstileIdleTest, LeavesIfItReadTooSlowly) {
  const Turnstile::Id id = serve("192.0.2.1");
  turnstile_.progress(id, {10, true}, now_);
  now_ = now_ + 60s;
  ASSERT_THAT(turnstile_.overdue(now_).readers, ElementsAre(id));
  EXPECT_FALSE(turnstile_.answered(id, now_));
  turnstile_.end(id);
  EXPECT_EQ(turnstile_.connections(), 0U);
}

TEST_F(TurnstileIdleTest, DoesNotStayWithoutATimeForIt) {
  limits_.idle_time = 0ns;
  turnstile_ = Turnstile(limits_);
  const Turnstile::Id id = serve("192.0.2.1");
  EXPECT_FALSE(turnstile_.answered(id, now_));
}

TEST_F(TurnstileIdleTest, MakesRoomFirstAndNobodyIsRefusedForIt) {
  const Turnstile::Id waiting = enter("192.0.2.1");
  now_ = now_ + 1s;
  const Turnstile::Id idle = stay("192.0.2.1");
  enter("192.0.2.1");
  const Turnstile::Admission admission = come("192.0.2.1");
  EXPECT_EQ(admission.evicted, idle);
  EXPECT_EQ(admission.full, Turnstile::Full::no);
  EXPECT_TRUE(admission.id);
  const Turnstile::Admission next = come("192.0.2.1");
  EXPECT_EQ(next.full, Turnstile::Full::address);
  EXPECT_EQ(next.evicted, waiting) << "nobody is idle any more";
}

TEST_F(TurnstileIdleTest, MakesRoomInTheOrderOfBeingIdle) {
  const Turnstile::Id first = stay("192.0.2.1");
  now_ = now_ + 1s;
  const Turnstile::Id second = stay("192.0.2.2");
  now_ = now_ + 1s;
  turnstile_.begins(first, now_);
  turnstile_.ready(first);
  ASSERT_EQ(turnstile_.next(now_), first);
  ASSERT_TRUE(turnstile_.answered(first, now_));
  stay("192.0.2.3");
  stay("192.0.2.4");
  EXPECT_EQ(come("192.0.2.5").evicted, second);
}

TEST_F(TurnstileIdleTest, DoesNotGiveThePlaceOfOneWhoIsAloneToACrowd) {
  stay("192.0.2.1");
  const Turnstile::Id first = stay("192.0.2.9");
  stay("192.0.2.9");
  stay("192.0.2.9");
  EXPECT_EQ(come("192.0.2.9").evicted, first);
  EXPECT_EQ(come("192.0.2.2").full, Turnstile::Full::no) << "the crowd's make room for others";
  EXPECT_EQ(turnstile_.connections(), 4U);
}

}  // namespace
}  // namespace wgscope::exporter::http
