#include "wgscope/checks/attendance.hpp"

#include <functional>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace wgscope::checks {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

struct Handlers {
  std::function<void()> on_event;
};
using Events = Attendance<Handlers>;
using Attention = Events::Attention;

class AttendanceTest : public testing::Test {
 protected:
  /// Notes its number when an event comes, and then does something.
  Attention attend(int number, std::function<void()> then = [] {}) {
    return events_.add({.on_event = [this, number, then = std::move(then)] {
      called_.push_back(number);
      then();
    }});
  }

  std::vector<int> event() {
    called_.clear();
    events_.tell([](const Handlers& one) { one.on_event(); });
    return called_;
  }

  Events events_;
  std::vector<int> called_;
};

TEST_F(AttendanceTest, TellsAllInTheOrderOfBeginning) {
  const Attention first = attend(1);
  const Attention second = attend(2);
  EXPECT_THAT(event(), ElementsAre(1, 2));
}

TEST_F(AttendanceTest, EndsWithItsOwner) {
  const Attention stays = attend(1);
  {
    const Attention goes = attend(2);
    EXPECT_THAT(event(), ElementsAre(1, 2));
  }
  EXPECT_THAT(event(), ElementsAre(1));
}

TEST_F(AttendanceTest, GoesOnWhereItIsMovedTo) {
  Attention from = attend(1);
  Attention to = attend(2);
  to = std::move(from);
  EXPECT_THAT(event(), ElementsAre(1)) << "what stood before has ended";
  const Attention last(std::move(to));
  EXPECT_THAT(event(), ElementsAre(1));
}

TEST_F(AttendanceTest, OffersUntilOneTakesIt) {
  const Attention first = attend(1);
  const Attention second = attend(2);
  const Attention third = attend(3);
  const auto take_at = [&](int number) {
    called_.clear();
    return events_.offer([&](const Handlers& one) {
      one.on_event();
      return called_.back() == number;
    });
  };
  EXPECT_TRUE(take_at(2));
  EXPECT_THAT(called_, ElementsAre(1, 2));
  EXPECT_FALSE(take_at(9));
  EXPECT_THAT(called_, ElementsAre(1, 2, 3));
}

TEST_F(AttendanceTest, OneThatEndsWhileAnEventIsToldIsNotCalledForIt) {
  std::optional<Attention> second;
  const Attention first = attend(1, [&] { second.reset(); });
  second = attend(2);
  const Attention third = attend(3);
  EXPECT_THAT(event(), ElementsAre(1, 3));
}

TEST_F(AttendanceTest, OneMayEndItselfAndUsesItsOwnDataUntilItReturns) {
  std::optional<Attention> self;
  const auto data = std::make_shared<int>(7);
  const std::weak_ptr<int> watched = data;
  bool alive_at_the_end = false;
  self = attend(1, [&self, &alive_at_the_end, watched, kept = data] {
    self.reset();
    alive_at_the_end = watched.use_count() >= 2;  // `data` and what this handler keeps
  });
  const Attention other = attend(2);
  EXPECT_THAT(event(), ElementsAre(1, 2));
  EXPECT_TRUE(alive_at_the_end);
  EXPECT_EQ(watched.use_count(), 1) << "the handler is gone";
  EXPECT_THAT(event(), ElementsAre(2));
}

TEST_F(AttendanceTest, OneThatBeginsWhileAnEventIsToldIsCalledFromTheNextOn) {
  std::vector<Attention> more;
  const Attention first = attend(1, [&] {
    if (more.empty()) more.push_back(attend(3));
  });
  const Attention second = attend(2);
  EXPECT_THAT(event(), ElementsAre(1, 2));
  EXPECT_THAT(event(), ElementsAre(1, 2, 3));
}

TEST_F(AttendanceTest, OneThatTakesTheLastsPlaceIsNotCalledTwice) {
  std::optional<Attention> own;
  own = attend(1, [&] {
    own.reset();
    own = attend(2);
  });
  EXPECT_THAT(event(), ElementsAre(1));
  EXPECT_THAT(event(), ElementsAre(2));
}

TEST_F(AttendanceTest, HandlersMayOwnOtherAttentions) {
  auto inner = std::make_shared<Attention>(attend(2));
  std::optional<Attention> outer = attend(1, [inner = std::move(inner)] {});
  EXPECT_THAT(event(), ElementsAre(2, 1));
  outer.reset();
  EXPECT_THAT(event(), IsEmpty());
}

TEST_F(AttendanceTest, AnEventMayComeWhileAnotherIsTold) {
  bool nested = false;
  const Attention first = attend(1, [&] {
    if (std::exchange(nested, true)) return;
    events_.tell([](const Handlers& one) { one.on_event(); });
  });
  const Attention second = attend(2);
  EXPECT_THAT(event(), ElementsAre(1, 1, 2, 2));
}

TEST(Attendance, MayEndBeforeItsAttentions) {
  std::optional<Events> events(std::in_place);
  const auto data = std::make_shared<int>(7);
  Attention attention = events->add({.on_event = [kept = data] {}});
  EXPECT_EQ(data.use_count(), 2);
  events.reset();
  EXPECT_EQ(data.use_count(), 1);
  attention.end();
}

}  // namespace
}  // namespace wgscope::checks
