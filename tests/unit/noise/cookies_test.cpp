#include "wgscope/noise/cookies.hpp"

#include <array>
#include <chrono>
#include <cstddef>
#include <span>
#include <string>

#include <gtest/gtest.h>

#include "wgscope/base/time.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/model/public_key.hpp"
#include "wgscope/wire/message.hpp"

#include "hex.hpp"
#include "random.hpp"
#include "sides.hpp"

namespace wgscope::noise {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using ReplyBytes = std::array<std::byte, wire::kCookieReplySize>;

/// A responder under load and a sender that asks for its attention.
class Cookies : public testing::Test {
 protected:
  Cookies() { random_.fill(message_); }

  [[nodiscard]] ReplyBytes reply_to(std::span<const std::byte> message, Instant now,
                                    const Endpoint& from) {
    ReplyBytes reply{};
    issuer_.write_reply(now, from, {message}, message.subspan<4, 4>(), random_, reply);
    return reply;
  }
  /// The sender gets a cookie for what it sent last.
  void exchange(Instant now) {
    jar_.add_macs(now, {message_});
    ASSERT_TRUE(jar_.take_reply(now, {reply_to(message_, now, source_)}));
  }
  [[nodiscard]] bool mac2_is_zero() const {
    return MacedMessage<const std::byte>{message_}.mac2().size() == 16 &&
           test::hex(MacedMessage<const std::byte>{message_}.mac2()) == std::string(32, '0');
  }

  test::SeededRandom random_{7};
  PublicKey key_ = random_identity(random_).public_key();
  CookieIssuer issuer_{key_};
  CookieJar jar_{key_};
  InitiationBytes message_{};
  Endpoint source_ = Endpoint::parse("192.0.2.1:51820").value();
  Instant start_{seconds(1000)};
};

TEST_F(Cookies, Mac1IsValidForTheKeyItWasMadeFor) {
  jar_.add_macs(start_, {message_});
  EXPECT_TRUE(mac1_is_valid(MacKeys::of(key_), {message_}));
  EXPECT_FALSE(mac1_is_valid(MacKeys::of(random_identity(random_).public_key()), {message_}));
}

TEST_F(Cookies, Mac1CoversEveryBitBeforeMac2) {
  jar_.add_macs(start_, {message_});
  const MacKeys keys = MacKeys::of(key_);
  for (std::size_t bit = 0; bit < message_.size() * 8; ++bit) {
    const InitiationBytes flipped = with_bit_flipped(message_, bit);
    ASSERT_EQ(mac1_is_valid(keys, {flipped}), bit >= 132 * 8) << bit;
  }
}

TEST_F(Cookies, MacsServeResponsesToo) {
  ResponseBytes response{};
  jar_.add_macs(start_, {response});
  EXPECT_TRUE(mac1_is_valid(MacKeys::of(key_), {response}));
  ASSERT_TRUE(jar_.take_reply(start_, {reply_to(response, start_, source_)}));
  jar_.add_macs(start_, {response});
  EXPECT_TRUE(issuer_.mac2_is_valid(start_, source_, {response}));
}

TEST_F(Cookies, Mac2IsZeroWithoutACookieAndThenNeverValid) {
  jar_.add_macs(start_, {message_});
  EXPECT_TRUE(mac2_is_zero());
  EXPECT_FALSE(issuer_.mac2_is_valid(start_, source_, {message_})) << "no secret yet";
  (void)reply_to(message_, start_, source_);
  EXPECT_FALSE(issuer_.mac2_is_valid(start_, source_, {message_}));
}

TEST_F(Cookies, Mac2IsValidForTheSourceThatGotTheCookieAlone) {
  exchange(start_);
  jar_.add_macs(start_, {message_});
  EXPECT_FALSE(mac2_is_zero());
  EXPECT_TRUE(issuer_.mac2_is_valid(start_, source_, {message_}));
  for (const char* other : {"192.0.2.2:51820", "192.0.2.1:51821", "[::ffff:192.0.2.1]:51820",
                            "[c000:201::]:51820", "192.0.2.1:52076"})
    EXPECT_FALSE(issuer_.mac2_is_valid(start_, Endpoint::parse(other).value(), {message_}))
        << other;
}

TEST_F(Cookies, KnowsSourcesOfIpv6) {
  source_ = Endpoint::parse("[2001:db8::1]:51820").value();
  exchange(start_);
  jar_.add_macs(start_, {message_});
  EXPECT_TRUE(issuer_.mac2_is_valid(start_, source_, {message_}));
  EXPECT_FALSE(
      issuer_.mac2_is_valid(start_, Endpoint::parse("[2001:db8::2]:51820").value(), {message_}));
  EXPECT_FALSE(
      issuer_.mac2_is_valid(start_, Endpoint::parse("[2001:db8::1]:51821").value(), {message_}));
}

TEST_F(Cookies, Mac2CoversEveryBitBeforeIt) {
  exchange(start_);
  jar_.add_macs(start_, {message_});
  for (std::size_t bit = 0; bit < message_.size() * 8; ++bit)
    ASSERT_FALSE(issuer_.mac2_is_valid(start_, source_, {with_bit_flipped(message_, bit)})) << bit;
}

TEST_F(Cookies, ACookieEndsWithTheSecretItWasMadeWith) {
  exchange(start_);
  jar_.add_macs(start_, {message_});
  EXPECT_TRUE(issuer_.mac2_is_valid(start_ + seconds(120) - milliseconds(1), source_, {message_}));
  EXPECT_FALSE(issuer_.mac2_is_valid(start_ + seconds(120), source_, {message_}));
}

TEST_F(Cookies, TheSecretStaysFor120SecondsAndThenIsAnother) {
  exchange(start_);
  jar_.add_macs(start_, {message_});
  const InitiationBytes first = message_;
  const Instant late = start_ + seconds(119);
  (void)reply_to(message_, late, source_);
  EXPECT_TRUE(issuer_.mac2_is_valid(late, source_, {first})) << "the same secret";
  const Instant later = start_ + seconds(120);
  (void)reply_to(message_, later, source_);
  EXPECT_FALSE(issuer_.mac2_is_valid(later, source_, {first})) << "a new one";

  exchange(later);
  jar_.add_macs(later, {message_});
  EXPECT_TRUE(issuer_.mac2_is_valid(later, source_, {message_}));
}

TEST_F(Cookies, TheJarUsesACookieFor115Seconds) {
  exchange(start_);
  jar_.add_macs(start_ + seconds(115) - milliseconds(1), {message_});
  EXPECT_FALSE(mac2_is_zero());
  jar_.add_macs(start_ + seconds(115), {message_});
  EXPECT_TRUE(mac2_is_zero());
}

TEST_F(Cookies, TheJarTakesOneReplyToAMessage) {
  jar_.add_macs(start_, {message_});
  const ReplyBytes first = reply_to(message_, start_, source_);
  const ReplyBytes second = reply_to(message_, start_, source_);
  EXPECT_NE(first, second) << "another nonce";
  EXPECT_TRUE(jar_.take_reply(start_, {first}));
  EXPECT_FALSE(jar_.take_reply(start_, {first}));
  EXPECT_FALSE(jar_.take_reply(start_, {second}));
}

TEST_F(Cookies, TheJarTakesNoReplyBeforeItSent) {
  CookieJar other(key_);
  other.add_macs(start_, {message_});
  EXPECT_FALSE(jar_.take_reply(start_, {reply_to(message_, start_, source_)}));
}

TEST_F(Cookies, TheJarTakesAReplyToItsLastMessageOnly) {
  jar_.add_macs(start_, {message_});
  const ReplyBytes stale = reply_to(message_, start_, source_);
  message_[20] ^= std::byte{1};
  jar_.add_macs(start_, {message_});
  EXPECT_FALSE(jar_.take_reply(start_, {stale}));
  EXPECT_TRUE(jar_.take_reply(start_, {reply_to(message_, start_, source_)}))
      << "what it refused did no harm";
}

TEST_F(Cookies, TheJarRefusesAReplyWithAnyBitOfNonceOrCookieFlipped) {
  jar_.add_macs(start_, {message_});
  const ReplyBytes reply = reply_to(message_, start_, source_);
  for (std::size_t bit = 8 * 8; bit < reply.size() * 8; ++bit)
    ASSERT_FALSE(jar_.take_reply(start_, {with_bit_flipped(reply, bit)})) << bit;
  EXPECT_TRUE(jar_.take_reply(start_, {reply}));
}

TEST_F(Cookies, TheJarRefusesAReplyOfWhoHasAnotherKey) {
  jar_.add_macs(start_, {message_});
  CookieIssuer stranger(random_identity(random_).public_key());
  ReplyBytes reply{};
  stranger.write_reply(start_, source_, {message_}, std::span(message_).subspan<4, 4>(), random_,
                       reply);
  EXPECT_FALSE(jar_.take_reply(start_, {reply}));
}

TEST_F(Cookies, AReplyNamesItsReceiver) {
  jar_.add_macs(start_, {message_});
  const ReplyBytes reply = reply_to(message_, start_, source_);
  EXPECT_EQ(wire::classify(reply), wire::MessageType::cookie_reply);
  EXPECT_EQ(test::hex(std::span(reply).subspan<4, 4>()),
            test::hex(std::span(message_).subspan<4, 4>()));
}

}  // namespace
}  // namespace wgscope::noise
