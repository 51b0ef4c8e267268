#include "exporter/http/turnstile.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include <fmt/core.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "wgscope/base/time.hpp"
#include "wgscope/model/address.hpp"

namespace wgscope::exporter::http {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

IpAddress ip(const std::string& text) { return IpAddress::parse(text).value(); }

class TurnstileTest : public testing::Test {
 protected:
  Turnstile::Id enter(const std::string& address) {
    const auto admission = turnstile_.admit(ip(address), now_);
    EXPECT_TRUE(admission.id) << address;
    return admission.id.value_or(0);
  }
  Turnstile::Id enter_ready(const std::string& address) {
    const Turnstile::Id id = enter(address);
    turnstile_.ready(id);
    return id;
  }
  Turnstile::Id serve(const std::string& address) {
    const Turnstile::Id id = enter_ready(address);
    EXPECT_EQ(turnstile_.next(now_), id);
    return id;
  }
  /// `seconds` in which a client reads `bytes` of what it is sent.
  void read(Turnstile::Id id, std::uint64_t bytes, int seconds) {
    for (int i = 0; i < seconds; ++i) {
      turnstile_.progress(id, {read_[id], true}, now_);
      now_ = now_ + 1s;
      read_[id] += bytes / static_cast<std::uint64_t>(seconds);
      turnstile_.progress(id, {read_[id], true}, now_);
    }
  }

  Turnstile turnstile_{{.connections = 8,
                        .per_address = 3,
                        .serving = 4,
                        .head_time = 5s,
                        .answer_time = 60s,
                        .least_rate = 1000}};
  Instant now_{1000s};
  std::map<Turnstile::Id, std::uint64_t> read_;
};

TEST_F(TurnstileTest, ServesInTheOrderOfRequests) {
  const auto late = enter("192.0.2.1");
  const auto early = enter_ready("192.0.2.2");
  EXPECT_EQ(turnstile_.next(now_), early);
  EXPECT_EQ(turnstile_.next(now_), std::nullopt) << "the other one has not asked for anything";
  turnstile_.ready(late);
  EXPECT_EQ(turnstile_.next(now_), late);
  EXPECT_EQ(turnstile_.serving(), 2U);
  turnstile_.end(early);
  turnstile_.end(late);
  EXPECT_EQ(turnstile_.serving(), 0U);
  EXPECT_EQ(turnstile_.connections(), 0U);
}

TEST_F(TurnstileTest, GivesNoAddressMoreThanHalfOfTheWorkers) {
  for (int i = 0; i < 3; ++i) enter_ready("192.0.2.1");
  EXPECT_TRUE(turnstile_.next(now_));
  EXPECT_TRUE(turnstile_.next(now_));
  EXPECT_EQ(turnstile_.next(now_), std::nullopt);
  const auto other = enter_ready("192.0.2.9");
  EXPECT_EQ(turnstile_.next(now_), other);
}

TEST_F(TurnstileTest, ServesTheAddressThatHasLeast) {
  serve("192.0.2.1");
  const auto again = enter_ready("192.0.2.1");
  const auto other = enter_ready("192.0.2.2");
  EXPECT_EQ(turnstile_.next(now_), other) << "although it came later";
  EXPECT_EQ(turnstile_.next(now_), again);
}

TEST_F(TurnstileTest, HasNobodyWaitBehindTheQueueOfAnotherAddress) {
  turnstile_.end(serve("192.0.2.1"));
  for (const char* address : {"192.0.2.1", "192.0.2.1", "192.0.2.1"}) enter_ready(address);
  turnstile_.end(*turnstile_.next(now_));
  const auto other = enter_ready("192.0.2.2");
  EXPECT_EQ(turnstile_.next(now_), other);
}

TEST_F(TurnstileTest, HasWhoWaitsLongestLeaveForANewOneOfItsAddress) {
  const auto first = enter("192.0.2.1");
  now_ = now_ + 1ms;
  enter("192.0.2.1");
  enter("192.0.2.1");
  const auto admission = turnstile_.admit(ip("192.0.2.1"), now_);
  EXPECT_EQ(admission.full, Turnstile::Full::address);
  EXPECT_EQ(admission.evicted, first);
  EXPECT_TRUE(admission.id);
  EXPECT_EQ(turnstile_.connections(), 3U);
}

TEST_F(TurnstileTest, RefusesWhereAllOfAnAddressHaveAsked) {
  for (int i = 0; i < 3; ++i) enter_ready("192.0.2.1");
  const auto admission = turnstile_.admit(ip("192.0.2.1"), now_);
  EXPECT_EQ(admission.full, Turnstile::Full::address);
  EXPECT_FALSE(admission.id);
  EXPECT_FALSE(admission.evicted);
  enter("192.0.2.2");
}

TEST_F(TurnstileTest, TakesThePlaceFromTheAddressWithMostConnections) {
  enter("192.0.2.9");
  for (const char* address :
       {"192.0.2.1", "192.0.2.2", "192.0.2.2", "192.0.2.2", "192.0.2.3", "192.0.2.4", "192.0.2.5"})
    enter(address);
  const auto admission = turnstile_.admit(ip("192.0.2.6"), now_);
  EXPECT_EQ(admission.full, Turnstile::Full::everything);
  EXPECT_EQ(admission.evicted, 2U) << "the first of 192.0.2.2, though 192.0.2.9 has waited longer";
  EXPECT_TRUE(admission.id);
}

TEST_F(TurnstileTest, TakesThePlaceOfTheLastRequestOfACrowd) {
  for (const char* address : {"192.0.2.1", "192.0.2.2", "192.0.2.2", "192.0.2.2", "192.0.2.3",
                              "192.0.2.3", "192.0.2.4", "192.0.2.5"})
    enter_ready(address);
  const auto admission = turnstile_.admit(ip("192.0.2.6"), now_);
  EXPECT_EQ(admission.full, Turnstile::Full::everything);
  EXPECT_EQ(admission.evicted, 3U) << "the last of 192.0.2.2";
  ASSERT_TRUE(admission.id);
  turnstile_.ready(*admission.id);
  EXPECT_FALSE(turnstile_.admit(ip("192.0.2.6"), now_).id)
      << "others have no more than it then has";
}

TEST_F(TurnstileTest, LetsNoCrowdTakeThePlaceOfOneWhoIsAlone) {
  for (const char* address :
       {"192.0.2.1", "192.0.2.1", "192.0.2.2", "192.0.2.2", "192.0.2.3", "192.0.2.3", "192.0.2.4"})
    enter_ready(address);
  const auto scraper = enter("192.0.2.9");
  const auto admission = turnstile_.admit(ip("192.0.2.1"), now_);
  EXPECT_EQ(admission.full, Turnstile::Full::everything);
  EXPECT_FALSE(admission.id);
  turnstile_.ready(scraper);
  EXPECT_TRUE(turnstile_.next(now_));
}

TEST_F(TurnstileTest, CountsAnIpv6NetworkAsOneAddress) {
  for (const char* address : {"2001:db8::1", "2001:db8::2", "2001:db8:0:0:ffff::3"})
    enter_ready(address);
  EXPECT_EQ(turnstile_.admit(ip("2001:db8::4"), now_).full, Turnstile::Full::address);
  EXPECT_EQ(turnstile_.admit(ip("2001:db8:0:1::4"), now_).full, Turnstile::Full::no);
}

TEST_F(TurnstileTest, TakesAMappedAddressForTheIpv4AddressThatItIs) {
  for (const char* address : {"192.0.2.1", "::ffff:192.0.2.1", "192.0.2.1"}) enter_ready(address);
  EXPECT_EQ(turnstile_.admit(ip("::ffff:192.0.2.1"), now_).full, Turnstile::Full::address);
  EXPECT_EQ(turnstile_.admit(ip("::ffff:192.0.2.2"), now_).full, Turnstile::Full::no);
}

TEST_F(TurnstileTest, WaitsForARequestUntilItsTimeIsOver) {
  const auto silent = enter("192.0.2.1");
  const auto asked = enter_ready("192.0.2.2");
  now_ = now_ + 4999ms;
  EXPECT_THAT(turnstile_.overdue(now_).heads, IsEmpty());
  EXPECT_EQ(turnstile_.next_look(now_), now_ + 1ms);
  now_ = now_ + 1ms;
  EXPECT_THAT(turnstile_.overdue(now_).heads, ElementsAre(silent));
  turnstile_.end(silent);
  EXPECT_EQ(turnstile_.next(now_), asked);
}

TEST_F(TurnstileTest, NeedsNoLookWhileNobodyIsThere) {
  EXPECT_EQ(turnstile_.next_look(now_), std::nullopt);
  turnstile_.end(serve("192.0.2.1"));
  EXPECT_EQ(turnstile_.next_look(now_), std::nullopt);
}

TEST_F(TurnstileTest, CutsWhoReadsTooSlowly) {
  const auto slow = serve("192.0.2.1");
  const auto quick = serve("192.0.2.2");
  for (int i = 0; i < 9; ++i) {
    read(slow, 999, 1);
    read_[quick] += 1000;
    turnstile_.progress(quick, {read_[quick], true}, now_);
    EXPECT_THAT(turnstile_.overdue(now_).readers, IsEmpty()) << i;
  }
  turnstile_.progress(quick, {read_[quick] += 5000, true}, now_);
  read(slow, 999, 1);
  now_ = now_ + 1s;
  EXPECT_THAT(turnstile_.overdue(now_).readers, ElementsAre(slow));
}

TEST_F(TurnstileTest, IsPatientWithWhoHasNothingToRead) {
  const auto id = serve("192.0.2.1");
  for (int i = 0; i < 100; ++i) {
    now_ = now_ + 1s;
    turnstile_.progress(id, {0, false}, now_);  // a collection that takes its time
    EXPECT_THAT(turnstile_.overdue(now_).readers, IsEmpty()) << i;
  }
  turnstile_.progress(id, {0, true}, now_);
  now_ = now_ + 9s;
  EXPECT_THAT(turnstile_.overdue(now_).readers, IsEmpty()) << "its time begins with the answer";
}

TEST_F(TurnstileTest, EndsAnAnswerThatTakesTooLongAtAnyRate) {
  const auto id = serve("192.0.2.1");
  read(id, 59'000'000, 59);
  EXPECT_THAT(turnstile_.overdue(now_).readers, IsEmpty());
  read(id, 2'000'000, 2);
  EXPECT_THAT(turnstile_.overdue(now_).readers, ElementsAre(id));
}

class TurnstileFullTest : public TurnstileTest {
 protected:
  void SetUp() override {
    for (int i = 1; i <= 4; ++i) readers_.push_back(serve(fmt::format("192.0.2.{}", i)));
    for (const Turnstile::Id id : readers_) turnstile_.progress(id, {0, true}, now_);
  }
  /// What each has read by now.
  void after(Nanoseconds time, std::vector<std::uint64_t> read) {
    now_ = now_ + time;
    for (std::size_t i = 0; i < readers_.size(); ++i)
      turnstile_.progress(readers_[i], {read[i], true}, now_);
  }
  std::vector<Turnstile::Id> readers_;
};

TEST_F(TurnstileFullTest, HasTheSlowestLeaveOneAfterTheOther) {
  enter_ready("192.0.2.8");
  enter_ready("192.0.2.9");
  after(900ms, {0, 0, 0, 0});
  EXPECT_THAT(turnstile_.overdue(now_).readers, IsEmpty()) << "no second has passed";
  after(100ms, {3000, 10, 9000, 1500});
  EXPECT_THAT(turnstile_.overdue(now_).readers, ElementsAre(readers_[1]));
  after(249ms, {3000, 10, 9000, 1500});
  EXPECT_THAT(turnstile_.overdue(now_).readers, IsEmpty());
  after(1ms, {3000, 10, 9000, 1500});
  EXPECT_THAT(turnstile_.overdue(now_).readers, ElementsAre(readers_[3]));
}

TEST_F(TurnstileFullTest, SaysOnceWhoHasToLeaveAndCountsItsPlaceAsFree) {
  enter_ready("192.0.2.9");
  after(1s, {3000, 10, 9000, 1500});
  EXPECT_THAT(turnstile_.overdue(now_).readers, ElementsAre(readers_[1]));
  after(5s, {30000, 10, 90000, 15000});
  EXPECT_THAT(turnstile_.overdue(now_).readers, IsEmpty()) << "its end takes its time";
  EXPECT_THAT(turnstile_.cut_those_reading_since_before(now_), testing::SizeIs(3));
  EXPECT_THAT(turnstile_.cut_those_reading_since_before(now_), IsEmpty());
  for (const Turnstile::Id id : readers_) turnstile_.end(id);
  EXPECT_TRUE(turnstile_.next(now_));
}

TEST_F(TurnstileFullTest, LeavesThemAloneWhileNobodyWaits) {
  enter("192.0.2.9");
  after(5s, {0, 0, 0, 0});
  EXPECT_THAT(turnstile_.overdue(now_).readers, IsEmpty());
}

TEST_F(TurnstileFullTest, LeavesBriskReadersTenSeconds) {
  enter_ready("192.0.2.9");
  after(9s, {40'000, 50'000, 60'000, 70'000});
  EXPECT_THAT(turnstile_.overdue(now_).readers, IsEmpty());
  after(1s, {50'000, 60'000, 70'000, 80'000});
  EXPECT_THAT(turnstile_.overdue(now_).readers, ElementsAre(readers_[0]));
}

TEST_F(TurnstileFullTest, LeavesAloneWhoHasReadAllThatWasSent) {
  enter_ready("192.0.2.9");
  after(20s, {0, 0, 0, 0});
  for (const Turnstile::Id id : readers_) turnstile_.progress(id, {1, false}, now_);
  EXPECT_THAT(turnstile_.overdue(now_).readers, IsEmpty());
}

/// 16 workers, of which two are kept.
class TurnstileKeptTest : public TurnstileTest {
 protected:
  TurnstileKeptTest() {
    turnstile_ = Turnstile({.connections = 100,
                            .per_address = 9,
                            .serving = 16,
                            .head_time = 5s,
                            .answer_time = 60s,
                            .least_rate = 1000});
    for (int i = 0; i < 14; ++i) ids_.push_back(serve(fmt::format("192.0.2.{}", 1 + i / 2)));
  }
  std::vector<Turnstile::Id> ids_;
};

TEST_F(TurnstileKeptTest, ServesOnlyNewAddressesWithTheLast) {
  enter_ready("192.0.2.1");
  EXPECT_EQ(turnstile_.next(now_), std::nullopt);
  serve("192.0.2.101");
  serve("192.0.2.102");
  EXPECT_EQ(turnstile_.serving(), 16U);
}

TEST_F(TurnstileKeptTest, FreesTheLastBeforeSomebodyWaits) {
  serve("192.0.2.101");
  for (const Turnstile::Id id : ids_) turnstile_.progress(id, {0, true}, now_);
  now_ = now_ + 1s;
  EXPECT_THAT(turnstile_.overdue(now_).readers, testing::SizeIs(1)) << "one of the two is taken";
}

TEST_F(TurnstileKeptTest, RemembersForAMinuteWhoHadToLeave) {
  const auto slow = serve("192.0.2.101");
  turnstile_.progress(slow, {0, true}, now_);
  now_ = now_ + 1s;
  EXPECT_THAT(turnstile_.overdue(now_).readers, ElementsAre(slow));
  turnstile_.end(slow);
  const auto again = enter_ready("192.0.2.101");
  EXPECT_EQ(turnstile_.next(now_), std::nullopt) << "though it has no other connection";
  now_ = now_ + 60s;
  EXPECT_EQ(turnstile_.next(now_), again);
}

TEST_F(TurnstileKeptTest, DoesNotRememberMoreThanItHasRoomFor) {
  for (unsigned i = 0; i < 20'000; ++i) {
    const auto id = serve(fmt::format("10.{}.{}.1", i / 256, i % 256));
    turnstile_.progress(id, {0, true}, now_);
    now_ = now_ + 1s / 1000;
    turnstile_.progress(id, {0, true}, now_ + 10s);
    for (const auto reader : turnstile_.overdue(now_ + 10s).readers) turnstile_.end(reader);
  }
  EXPECT_LE(turnstile_.remembered(), 4096U);
}

/// Clients of 16 addresses that do not read, or never finish their requests, beside one that does
/// as a scraper does.
class Crowd {
 public:
  explicit Crowd(unsigned seed) : random_(seed) {}

  void step() {
    now_ = now_ + std::chrono::milliseconds(below(100));
    let_one_in();
    if (!honest_asks() && now_ - honest_since_ > 2s && below(20) == 0) have_the_honest_one_ask();
    have_one_ask_again();
    serve();
    for (const Turnstile::Id id : turnstile_.served()) turnstile_.progress(id, {0, true}, now_);
    end_overdue();
  }

  void expect_bounds() const {
    EXPECT_LE(turnstile_.connections(), kLimits.connections);
    EXPECT_LE(turnstile_.serving(), kLimits.serving);
    EXPECT_EQ(turnstile_.connections(), hostile_.size() + (honest_ ? 1 : 0));
    std::map<std::uint32_t, std::size_t> of;
    for (const auto& [id, address] : hostile_) EXPECT_LE(++of[address], kLimits.per_address);
  }

  /// A worker was kept for it, once the first of the others were found out.
  void expect_prompt_service() const {
    if (!honest_asks()) return;
    EXPECT_LT(now_ - honest_since_, honest_since_ < Instant{4s} ? 1500ms : 200ms);
  }

 private:
  static constexpr TurnstileLimits kLimits{.connections = 60,
                                           .per_address = 9,
                                           .serving = 16,
                                           .head_time = 5s,
                                           .answer_time = 60s,
                                           .idle_time = 3s,
                                           .least_rate = 1000};

  std::uint32_t below(std::uint32_t bound) { return static_cast<std::uint32_t>(random_() % bound); }

  std::optional<Turnstile::Id> admit(const std::string& address) {
    const auto admission = turnstile_.admit(ip(address), now_);
    if (admission.evicted) {
      hostile_.erase(*admission.evicted);
      if (admission.evicted == honest_) {
        EXPECT_EQ(admission.full, Turnstile::Full::no) << "it was idle";
        honest_.reset();
      }
    }
    return admission.id;
  }
  void let_one_in() {
    const std::uint32_t from = below(16);
    const auto id = admit(fmt::format("192.0.2.{}", from + 1));
    if (!id) return;
    hostile_[*id] = from;
    if (below(2) == 0) turnstile_.ready(*id);
  }
  [[nodiscard]] bool honest_asks() const { return honest_ && !turnstile_.is_idle(*honest_); }
  /// On the connection that it has, or a new one.
  void have_the_honest_one_ask() {
    if (!honest_) honest_ = admit("198.51.100.1");
    EXPECT_TRUE(honest_ || turnstile_.connections() == kLimits.connections);
    if (!honest_) return;
    turnstile_.begins(*honest_, now_);
    turnstile_.ready(*honest_);
    honest_since_ = now_;
  }
  void have_one_ask_again() {
    const auto idle = std::ranges::find_if(
        hostile_, [&](const auto& entry) { return turnstile_.is_idle(entry.first); });
    if (idle == hostile_.end() || below(4) != 0) return;
    turnstile_.begins(idle->first, now_);
    if (below(2) == 0) turnstile_.ready(idle->first);
  }
  /// The honest one reads its answer at once; of the others, some do.
  void serve() {
    while (const auto next = turnstile_.next(now_))
      if (next == honest_ || (below(8) == 0 && turnstile_.may_stay(*next))) {
        EXPECT_TRUE(turnstile_.answered(*next, now_));
      }
  }
  void end_overdue() {
    const auto overdue = turnstile_.overdue(now_);
    for (const auto* list : {&overdue.heads, &overdue.readers})
      for (const Turnstile::Id id : *list) {
        EXPECT_NE(honest_, id);
        turnstile_.end(id);
        hostile_.erase(id);
      }
    for (const Turnstile::Id id : overdue.idle) {
      if (honest_ == id) honest_.reset();
      turnstile_.end(id);
      hostile_.erase(id);
    }
  }

  std::mt19937 random_;
  Turnstile turnstile_{kLimits};
  Instant now_{1s};
  std::map<Turnstile::Id, std::uint32_t> hostile_;  // and its address
  std::optional<Turnstile::Id> honest_;
  Instant honest_since_{};
};

TEST(TurnstileProperty, HoldsItsBoundsAndServesWhoAsksAtOnce) {
  for (unsigned seed = 0; seed < 60; ++seed) {
    Crowd crowd(seed);
    for (int step = 0; step < 2000; ++step) {
      crowd.step();
      crowd.expect_bounds();
      crowd.expect_prompt_service();
      if (HasFailure()) FAIL() << "seed " << seed << ", step " << step;
    }
  }
}

}  // namespace
}  // namespace wgscope::exporter::http
