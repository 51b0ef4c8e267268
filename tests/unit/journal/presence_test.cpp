#include "wgscope/journal/presence.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/core.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "wgscope/base/time.hpp"
#include "wgscope/journal/event.hpp"
#include "wgscope/model/public_key.hpp"

namespace wgscope::journal {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using enum EventKind;

constexpr std::int64_t kStart = 1'800'000'000;

WallTime at_second(std::int64_t second) { return {std::chrono::seconds(kStart + second)}; }

std::int64_t second_of(WallTime time) {
  return std::chrono::duration_cast<std::chrono::seconds>(time.since_epoch).count() - kStart;
}

PublicKey key(std::uint8_t number) {
  PublicKey made;
  made.bytes[0] = std::byte{number};
  return made;
}

/// A journal that a test writes line by line.
class Story {
 public:
  Story& exporter(int second, EventKind kind, std::optional<std::uint64_t> count = {}) {
    Event event;
    event.time = at_second(second);
    event.kind = kind;
    event.count = count;
    presences_.take(event);
    return *this;
  }
  Story& interface(int second, EventKind kind, std::string name) {
    Event event;
    event.time = at_second(second);
    event.kind = kind;
    event.interface = std::move(name);
    presences_.take(event);
    return *this;
  }
  Story& peer(int second, EventKind kind, std::uint8_t number,
              std::optional<int> handshake = std::nullopt, std::string endpoint = {}) {
    Event event;
    event.time = at_second(second);
    event.kind = kind;
    event.interface = number < 10 ? "wg0" : "wg1";
    event.key = key(number);
    if (handshake) event.handshake = at_second(*handshake);
    event.endpoint = std::move(endpoint);
    presences_.take(event);
    return *this;
  }
  Answer finish() { return presences_.finish(); }

 private:
  Presences presences_;
};

/// "1: 8..308 session_expired", with "by" where it may have begun earlier.
std::vector<std::string> shown(const Answer& answer) {
  std::vector<std::string> lines;
  for (const Presence& presence : answer.presences)
    lines.push_back(fmt::format("{}: {}{}..{} {}", std::to_integer<int>(presence.peer.key.bytes[0]),
                                presence.from_at_latest ? "by " : "", second_of(presence.from),
                                second_of(presence.until), to_string(presence.end)));
  return lines;
}

std::vector<std::string> gaps(const Answer& answer) {
  std::vector<std::string> lines;
  for (const Gap& gap : answer.gaps)
    lines.push_back(fmt::format("{}..{} {}{}", second_of(gap.from),
                                gap.until ? fmt::format("{}", second_of(*gap.until)) : "",
                                to_string(gap.why),
                                gap.interface.empty() ? "" : " " + gap.interface));
  return lines;
}

Story begun() {
  Story story;
  story.exporter(0, exporter_started).exporter(0, connections_listed, 0);
  return story;
}

TEST(PresencesTest, GoFromTheFirstHandshakeToTheSessionsEnd) {
  Story story = begun();
  story.peer(5, peer_added, 1)
      .peer(10, first_handshake, 1, 8, "a")
      .peer(140, endpoint_changed, 1, 128, "b")
      .peer(310, went, 1, 128)
      .peer(400, came_back, 1, 399, "a")
      .exporter(500, exporter_running);
  const Answer answer = story.finish();
  EXPECT_THAT(shown(answer),
              ElementsAre("1: 8..308 session_expired", "1: 399..500 still_connected"));
  EXPECT_THAT(gaps(answer), IsEmpty());
  ASSERT_EQ(answer.presences[0].addresses.size(), 2U);
  EXPECT_EQ(answer.presences[0].addresses[1].endpoint, "b");
  EXPECT_EQ(answer.presences[0].addresses[1].from, at_second(140));
}

TEST(PresencesTest, EndWithThePeer) {
  Story story = begun();
  story.peer(10, first_handshake, 1, 8).peer(50, peer_removed, 1, 8).peer(60, peer_added, 1);
  story.peer(70, came_back, 1, 68).exporter(80, exporter_running);
  EXPECT_THAT(shown(story.finish()),
              ElementsAre("1: 8..50 peer_removed", "1: 68..80 still_connected"));
}

TEST(PresencesTest, AreUnknownWhileTheExporterDoesNotRun) {
  Story story = begun();
  story.peer(10, first_handshake, 1, 8)
      .exporter(100, exporter_stopped)
      .exporter(1000, exporter_started)
      .peer(1001, found_connected, 2, 990)
      .exporter(1001, connections_listed, 1)
      .exporter(1100, exporter_running);
  const Answer answer = story.finish();
  EXPECT_THAT(shown(answer),
              ElementsAre("1: 8..100 exporter_stopped", "2: by 990..1100 still_connected"));
  EXPECT_THAT(gaps(answer), ElementsAre("100..1001 exporter_stopped"));
}

TEST(PresencesTest, AreUnknownFromTheLastLineBeforeAKill) {
  Story story = begun();
  story.peer(10, first_handshake, 1, 8).peer(60, peer_added, 2);
  story.exporter(1000, exporter_started).exporter(1000, connections_listed, 0);
  const Answer answer = story.finish();
  EXPECT_THAT(shown(answer), ElementsAre("1: 8..60 exporter_killed"));
  EXPECT_THAT(gaps(answer), ElementsAre("60..1000 exporter_killed"));
}

TEST(PresencesTest, GoOnOverAGapThatOneSessionOutlived) {
  Story story = begun();
  story.peer(10, first_handshake, 1, 8)
      .exporter(100, exporter_stopped)
      .exporter(120, exporter_started)
      .peer(120, found_connected, 1, 8)
      .exporter(120, connections_listed, 1)
      .peer(190, went, 1, 8);
  EXPECT_THAT(shown(story.finish()), ElementsAre("1: 8..188 session_expired"))
      << "the handshake is the same: it was connected throughout";
}

TEST(PresencesTest, EndInAGapWhereTheExporterLearnsOfItLater) {
  Story story = begun();
  story.peer(10, first_handshake, 1, 8)
      .peer(10, first_handshake, 2, 8)
      .exporter(100, exporter_stopped)
      .exporter(1000, exporter_started)
      .peer(1000, went, 1, 8)
      .peer(1000, went, 2, 500)
      .exporter(1000, connections_listed, 0);
  EXPECT_THAT(shown(story.finish()),
              ElementsAre("1: 8..188 session_expired", "2: 8..100 exporter_stopped",
                          "2: by 500..680 session_expired"));
}

TEST(PresencesTest, AreUnknownBeforeTheFirstListAndAfterALoss) {
  Story story;
  story.peer(0, endpoint_changed, 1, -20, "a")
      .peer(5, went, 2, -175)
      .exporter(10, connections_listed, 0)
      .peer(20, first_handshake, 3, 18)
      .exporter(90, exporter_running)
      .exporter(100, events_dropped, 7)
      .peer(105, found_connected, 3, 18)
      .exporter(105, connections_listed, 1);
  const Answer answer = story.finish();
  EXPECT_THAT(shown(answer),
              ElementsAre("2: by -175..5 session_expired", "3: 18..105 still_connected"));
  EXPECT_THAT(gaps(answer), ElementsAre("0..10 connections_not_listed", "90..105 events_lost"));
  EXPECT_EQ(answer.dropped_events, 7U);
}

TEST(PresencesTest, AreUnknownOnAnInterfaceThatCannotBeRead) {
  Story story = begun();
  story.peer(10, first_handshake, 1, 8)
      .peer(10, first_handshake, 11, 8)
      .interface(50, reading_failed, "wg0")
      .peer(90, found_connected, 2, 80)
      .interface(90, reading_resumed, "wg0")
      .exporter(100, exporter_running);
  const Answer answer = story.finish();
  EXPECT_THAT(shown(answer),
              ElementsAre("1: 8..50 interface_unreadable", "11: 8..100 still_connected",
                          "2: by 80..100 still_connected"));
  EXPECT_THAT(gaps(answer), ElementsAre("50..90 interface_unreadable wg0"));
}

TEST(PresencesTest, SurviveNonsense) {
  Story story;
  story.exporter(0, exporter_stopped)
      .exporter(0, connections_listed)
      .peer(-50, went, 1)
      .peer(-100, peer_removed, 1)
      .peer(-900, came_back, 1, 7'000'000)
      .peer(-950, came_back, 1, -960)
      .interface(-5000, reading_resumed, "wg0")
      .exporter(-6000, exporter_stopped)
      .peer(-7000, went, 1, 100)
      .peer(-7000, peer_removed, 1);
  const Answer answer = story.finish();
  for (const Presence& presence : answer.presences) EXPECT_LE(presence.from, presence.until);
  for (const Gap& gap : answer.gaps) EXPECT_TRUE(!gap.until || gap.from <= *gap.until);
}

TEST(PresencesTest, KeepABoundedNumberOfAddresses) {
  Story story = begun();
  story.peer(10, first_handshake, 1, 8, "a");
  for (int i = 0; i < 1500; ++i) story.peer(11 + i, endpoint_changed, 1, 8, i % 2 ? "a" : "b");
  const Answer answer = story.finish();
  EXPECT_EQ(answer.presences[0].addresses.size(), Presences::kMostAddresses);
  EXPECT_EQ(answer.presences[0].more_addresses, 501U);
}

std::vector<int> numbers(const std::vector<const Presence*>& presences) {
  std::vector<int> made;
  for (const Presence* presence : presences)
    made.push_back(std::to_integer<int>(presence->peer.key.bytes[0]));
  return made;
}

TEST(MomentTest, TellsConnectedFromUnknown) {
  Story story = begun();
  story.peer(10, first_handshake, 1, 8)
      .peer(20, first_handshake, 2, 18)
      .peer(200, went, 2, 18)
      .exporter(300, exporter_stopped)
      .exporter(1000, exporter_started)
      .peer(1000, found_connected, 3, 900)
      .exporter(1000, connections_listed, 1)
      .peer(1090, went, 3, 900)
      .exporter(1200, exporter_running);
  const Answer answer = story.finish();
  const auto look = [&](int second) { return at(answer, at_second(second)); };

  EXPECT_FALSE(look(-1).covered);
  EXPECT_THAT(numbers(look(5).connected), IsEmpty());
  EXPECT_TRUE(look(5).covered);
  EXPECT_THAT(look(5).gaps, IsEmpty());
  EXPECT_THAT(numbers(look(100).connected), ElementsAre(1, 2));
  EXPECT_THAT(numbers(look(250).connected), ElementsAre(1));
  EXPECT_THAT(numbers(look(500).connected), IsEmpty());
  EXPECT_THAT(numbers(look(500).unknown), ElementsAre(1)) << "2 had gone before";
  EXPECT_EQ(look(500).gaps.size(), 1U);
  EXPECT_THAT(numbers(look(950).connected), ElementsAre(3)) << "its handshake was in the gap";
  EXPECT_THAT(numbers(look(950).unknown), ElementsAre(1));
  EXPECT_THAT(numbers(look(1000).connected), ElementsAre(3));
  EXPECT_THAT(look(1000).gaps, IsEmpty());
  EXPECT_THAT(numbers(look(1000).unknown), IsEmpty()) << "it was not in the list";
  EXPECT_THAT(numbers(look(1100).connected), IsEmpty());
  EXPECT_FALSE(look(1201).covered);
}

}  // namespace
}  // namespace wgscope::journal
