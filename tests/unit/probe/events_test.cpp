#include "probe/render/events.hpp"

#include <chrono>
#include <optional>
#include <string_view>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "wgscope/model/address.hpp"

namespace wgscope::probe {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
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

TEST(DropLimit, ShowsTenASecondAndCountsTheOthers) {
  DropLimit limit;
  const Instant start{seconds(100)};
  for (std::uint32_t i = 0; i < DropLimit::kEachSecond; ++i) EXPECT_TRUE(limit.allow(start));
  EXPECT_FALSE(limit.allow(start));
  EXPECT_FALSE(limit.allow(start + milliseconds(999)));
  EXPECT_TRUE(limit.allow(start + seconds(1)));
  EXPECT_EQ(limit.take_suppressed(), 2U);
  EXPECT_EQ(limit.take_suppressed(), 0U);
}

}  // namespace
}  // namespace wgscope::probe
