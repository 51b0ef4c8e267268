#include "probe/render/events.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <fmt/core.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "wgscope/model/address.hpp"
#include "wgscope/render/redaction.hpp"

#include "probe/commands/unconfirmed.hpp"
#include "probe/render/event_limit.hpp"

namespace wgscope::probe {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using tunnel::DropReason;
using tunnel::EventKind;

constexpr WallTime kAt{milliseconds(1'700'000'000'042)};

PublicKey key() {
  PublicKey made;
  made.bytes.fill(std::byte{0x5a});
  return made;
}

NamedEvent event(EventKind kind, std::string_view name = "laptop") {
  NamedEvent made{kAt, {}, key(), name};
  made.event.kind = kind;
  made.event.address = Endpoint::parse("192.0.2.1:51820").value();
  return made;
}

NamedEvent refusal() {
  NamedEvent made{kAt, {}, std::nullopt, {}};
  made.event.kind = EventKind::dropped;
  made.event.reason = DropReason::unknown_peer;
  made.event.key = key();
  made.event.address = Endpoint::parse("[2001:db8::1]:5").value();
  return made;
}

TEST(EventAsText, NamesThePeerAndWhatHappened) {
  EXPECT_EQ(event_as_text(event(EventKind::key_confirmed), false),
            "2023-11-14T22:13:20.042Z  laptop  key confirmed  192.0.2.1:51820");
  EXPECT_EQ(event_as_text(event(EventKind::roamed, ""), false),
            "2023-11-14T22:13:20.042Z  WlpaWlpa…  roamed  192.0.2.1:51820");
  NamedEvent sent = event(EventKind::handshake_sent);
  sent.event.number = 3;
  EXPECT_THAT(event_as_text(sent, false), HasSubstr("handshake sent  192.0.2.1:51820  attempt 3"));
}

TEST(Redacted, EventsNameNobodyAndTheSameOneTheSame) {
  render::Redaction redaction(true);
  EXPECT_EQ(event_as_text(event(EventKind::key_confirmed), false, &redaction),
            "2023-11-14T22:13:20.042Z  <name-1>  key confirmed  <ipv4-1>:51820");
  EXPECT_EQ(event_as_text(event(EventKind::roamed, ""), false, &redaction),
            "2023-11-14T22:13:20.042Z  <key-1>  roamed  <ipv4-1>:51820");
  const std::string refused = event_as_text(refusal(), false, &redaction);
  EXPECT_THAT(refused, AllOf(HasSubstr("<ipv6-1>"), HasSubstr("key <key-1>")));
  EXPECT_THAT(event_as_json(event(EventKind::roamed), &redaction),
              HasSubstr(R"("peer":"<key-1>","name":"<name-1>","endpoint":"<ipv4-1>:51820")"));
  EXPECT_THAT(event_as_json(refusal(), &redaction), HasSubstr(R"("key":"<key-1>")"));
  NamedUnconfirmed waiting{.at = kAt, .peer = key(), .name = "laptop"};
  waiting.endpoint = Endpoint::parse("192.0.2.1:51820").value();
  for (const std::string& line :
       {unconfirmed_as_text(waiting, &redaction), unconfirmed_as_json(waiting, &redaction)})
    EXPECT_THAT(line, AllOf(HasSubstr("<name-1>"), HasSubstr("<ipv4-1>"), Not(HasSubstr("laptop")),
                            Not(HasSubstr("192.0.2.1"))));
  const NamedLeftOut more{.at = kAt, .left_out = {}, .peer = key(), .name = "laptop"};
  for (const std::string& line :
       {left_out_as_text(more, &redaction), left_out_as_json(more, &redaction)})
    EXPECT_THAT(line, AllOf(HasSubstr("<name-1>"), Not(HasSubstr("laptop"))));
}

TEST(Redacted, StrangersDoNotFillTheMemory) {
  render::Redaction redaction(true, 3);
  std::string last;
  for (unsigned i = 1; i <= 5; ++i) {
    NamedEvent made = refusal();
    made.event.key.reset();
    made.event.address = Endpoint::parse(fmt::format("192.0.2.{}:5", i)).value();
    last = event_as_text(made, false, &redaction);
    EXPECT_THAT(last, HasSubstr(i <= 3 ? fmt::format("<ipv4-{}>", i) : "<ipv4-other>"));
  }
}

TEST(EventAsText, TellsWhyAndWhoseADatagramWasDropped) {
  EXPECT_EQ(event_as_text(refusal(), false),
            "2023-11-14T22:13:20.042Z  -  dropped: unknown peer  [2001:db8::1]:5  key " +
                key().base64() +
                "  (no [Peer] has this key: add one, or correct the sender's key)");
  NamedEvent source = event(EventKind::dropped);
  source.event.reason = DropReason::source_not_allowed;
  source.event.inner = IpAddress::parse("10.0.0.9").value();
  EXPECT_THAT(event_as_text(source, false), HasSubstr("source 10.0.0.9"));
}

TEST(EventAsText, ColoursOnlyWhenAsked) {
  EXPECT_THAT(event_as_text(refusal(), true), HasSubstr("\x1b[31mdropped: unknown peer\x1b[0m"));
  EXPECT_THAT(event_as_text(event(EventKind::key_confirmed), true), HasSubstr("\x1b[32m"));
  EXPECT_THAT(event_as_text(event(EventKind::roamed), true), Not(HasSubstr("\x1b")));
}

TEST(EventAsText, LetsNoNameMoveTheCursor) {
  EXPECT_THAT(event_as_text(event(EventKind::roamed, "\x1b[2Jx\r"), false),
              HasSubstr("\\x1b[2Jx\\x0d"));
}

TEST(EventAsJson, HasWhatIsKnownAndNothingElse) {
  EXPECT_EQ(event_as_json(event(EventKind::key_confirmed)),
            R"({"time":"2023-11-14T22:13:20.042Z","event":"key_confirmed","peer":")" +
                key().base64() + R"(","name":"laptop","endpoint":"192.0.2.1:51820"})");
  EXPECT_EQ(event_as_json(refusal()),
            R"({"time":"2023-11-14T22:13:20.042Z","event":"dropped","endpoint":"[2001:db8::1]:5",)"
            R"("reason":"unknown_peer","key":")" +
                key().base64() + R"("})");
}

TEST(EventAsJson, IsValidWhateverBytesANameHas) {
  EXPECT_THAT(event_as_json(event(EventKind::roamed, "a\xff\"\n")), HasSubstr(R"(\"\n")"));
}

tunnel::Event of(EventKind kind, Instant at, std::optional<std::uint32_t> peer = {}) {
  tunnel::Event made{.kind = kind, .at = at};
  if (peer) made.peer = tunnel::PeerId{*peer};
  return made;
}

tunnel::Event refusal_of(DropReason reason, Instant at) {
  return {.kind = EventKind::dropped, .at = at, .reason = reason};
}

constexpr Instant kStart{seconds(100)};

TEST(EventLimit, ShowsTenASecondAndCountsTheOthers) {
  EventLimit limit;
  const auto event = [](Instant at) { return refusal_of(DropReason::bad_mac1, at); };
  for (std::uint32_t i = 0; i < Ration::kEachSecond; ++i) EXPECT_TRUE(limit.allow(event(kStart)));
  EXPECT_EQ(limit.next(), std::nullopt);
  EXPECT_FALSE(limit.allow(event(kStart)));
  EXPECT_FALSE(limit.allow(event(kStart + milliseconds(999))));
  EXPECT_TRUE(limit.take(kStart + milliseconds(999)).empty()) << "the second is not over";
  EXPECT_EQ(limit.next(), kStart + seconds(1));
  const auto left_out = limit.take(kStart + seconds(1));
  ASSERT_EQ(left_out.size(), 1U);
  EXPECT_EQ(left_out[0].count, 2U);
  EXPECT_EQ(left_out[0].sort.reason, DropReason::bad_mac1);
  EXPECT_EQ(limit.next(), std::nullopt);
  EXPECT_TRUE(limit.take(kStart + seconds(2)).empty());
  EXPECT_TRUE(limit.allow(event(kStart + seconds(1))));
}

/// How many of a thousand events within a millisecond are shown.
int shown_of(EventLimit& limit, const tunnel::Event& event) {
  int shown = 0;
  for (int i = 0; i < 1000; ++i) shown += limit.allow(event) ? 1 : 0;
  return shown;
}

TEST(EventLimit, RationsEveryKindByItself) {
  EventLimit limit;
  constexpr int kTen = Ration::kEachSecond;
  EXPECT_EQ(shown_of(limit, refusal_of(DropReason::under_load, kStart)), kTen);
  EXPECT_EQ(shown_of(limit, refusal_of(DropReason::unknown_peer, kStart)), kTen);
  EXPECT_EQ(shown_of(limit, of(EventKind::cookie_sent, kStart)), kTen) << "everybody can cause it";
  EXPECT_EQ(shown_of(limit, of(EventKind::roamed, kStart, 1)), kTen);
  EXPECT_EQ(shown_of(limit, of(EventKind::roamed, kStart, 2)), kTen) << "of another peer";
  std::uint64_t count = 0;
  for (const auto& left_out : limit.take(kStart + seconds(1))) count += left_out.count;
  EXPECT_EQ(count, 5U * 990);
}

TEST(EventLimit, RationsRefusalsWhicheverPeerTheyAreAbout) {
  EventLimit limit;
  int shown = 0;
  for (std::uint32_t peer = 0; peer < 1000; ++peer) {
    tunnel::Event event = refusal_of(DropReason::replayed, kStart);
    event.peer = tunnel::PeerId{peer};
    shown += limit.allow(event) ? 1 : 0;
  }
  EXPECT_EQ(shown, static_cast<int>(Ration::kEachSecond));
}

TEST(LeftOut, IsSaidWithItsKind) {
  NamedLeftOut left_out{kAt, {{EventKind::dropped, DropReason::bad_mac1}, 7}, std::nullopt, {}};
  EXPECT_EQ(left_out_as_text(left_out),
            "2023-11-14T22:13:20.042Z  -  dropped: bad mac1: 7 more not shown");
  EXPECT_EQ(left_out_as_json(left_out),
            R"({"time":"2023-11-14T22:13:20.042Z","event":"dropped_more","reason":"bad_mac1",)"
            R"("count":7})");
  left_out = {kAt, {{EventKind::roamed, {}, 1}, 7}, key(), "laptop"};
  EXPECT_THAT(left_out_as_text(left_out), HasSubstr("  laptop  roamed: 7 more not shown"));
  EXPECT_THAT(left_out_as_json(left_out),
              HasSubstr(R"("event":"roamed_more","peer":")" + key().base64() +
                        R"(","name":"laptop","count":7})"));
}

TEST(Gap, IsSaidWhereTheLinesAreMissing) {
  EXPECT_EQ(gap_as_text(kAt, kNotWritten, 1),
            "2023-11-14T22:13:20.042Z  -  1 event not written: this output was not read in time");
  EXPECT_EQ(gap_as_json(kAt, kEventsLost, 5),
            R"({"time":"2023-11-14T22:13:20.042Z","event":"events_lost","count":5})");
}

TEST(UnconfirmedResponses, AreSaidOnceTheyHaveHadTheirTime) {
  UnconfirmedResponses unconfirmed;
  EXPECT_EQ(unconfirmed.next(), std::nullopt);
  for (const int second : {0, 5, 10}) {
    tunnel::Event event = of(EventKind::initiation_accepted, kStart + seconds(second), 3);
    event.address = Endpoint::parse("192.0.2.1:51820").value();
    unconfirmed.note(event);
  }
  EXPECT_EQ(unconfirmed.next(), kStart + UnconfirmedResponses::kPatience);
  EXPECT_TRUE(unconfirmed.take(kStart + seconds(9)).empty());
  const auto reports = unconfirmed.take(kStart + seconds(10));
  ASSERT_EQ(reports.size(), 1U);
  EXPECT_EQ(reports[0].peer.value, 3U);
  EXPECT_EQ(reports[0].responses, 3U);
  EXPECT_EQ(reports[0].since, kStart);
  EXPECT_EQ(unconfirmed.next(), std::nullopt) << "nothing new happened";
  unconfirmed.note(of(EventKind::initiation_accepted, kStart + seconds(15), 3));
  EXPECT_EQ(unconfirmed.next(), kStart + seconds(10) + UnconfirmedResponses::kSaidAgain);
  EXPECT_EQ(unconfirmed.take(kStart + seconds(70)).size(), 1U);
}

TEST(UnconfirmedResponses, AreNoneOnceThePeerUsesTheSession) {
  UnconfirmedResponses unconfirmed;
  unconfirmed.note(of(EventKind::initiation_accepted, kStart, 3));
  unconfirmed.note(of(EventKind::initiation_accepted, kStart, 4));
  unconfirmed.note(of(EventKind::key_confirmed, kStart + milliseconds(20), 3));
  const auto reports = unconfirmed.take(kStart + seconds(60));
  ASSERT_EQ(reports.size(), 1U);
  EXPECT_EQ(reports[0].peer.value, 4U);
}

TEST(Unconfirmed, SaysWhatToLookAt) {
  const NamedUnconfirmed unconfirmed{
      kAt, key(), "laptop", Endpoint::parse("192.0.2.1:51820").value(), 3, seconds(10), 51821};
  EXPECT_EQ(
      unconfirmed_as_text(unconfirmed),
      "2023-11-14T22:13:20.042Z  laptop  response not confirmed  192.0.2.1:51820  3 responses "
      "in 10 s  (the peer sent nothing by the new session: compare PresharedKey on both "
      "sides; on the peer, see whether responses arrive: tcpdump -ni any udp port 51821)");
  EXPECT_EQ(unconfirmed_as_json(unconfirmed),
            R"({"time":"2023-11-14T22:13:20.042Z","event":"response_unconfirmed","peer":")" +
                key().base64() + R"(","name":"laptop","endpoint":"192.0.2.1:51820","count":3})");
}

}  // namespace
}  // namespace wgscope::probe
