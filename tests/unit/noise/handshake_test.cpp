#include "wgscope/noise/handshake.hpp"

#include <algorithm>
#include <cstddef>
#include <initializer_list>
#include <optional>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <fmt/core.h>
#include <gtest/gtest.h>

#include "wgscope/base/keys.hpp"
#include "wgscope/base/result.hpp"
#include "wgscope/wire/message.hpp"

#include "hex.hpp"
#include "sides.hpp"

namespace wgscope::noise {
namespace {

using Verdict = SentInitiation::Verdict;

static_assert(!std::is_copy_constructible_v<TransportKeys>);
static_assert(!std::is_copy_constructible_v<SentInitiation>);
static_assert(!std::is_copy_constructible_v<OpenedInitiation>);
static_assert(!fmt::is_formattable<TransportKeys>::value);

// Of order 8 (RFC 7748 §7 has all zeros): the shared secret is zero with any private key.
constexpr std::string_view kLowOrder =
    "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800";

void expect_same_keys(const TransportKeys& initiator, const TransportKeys& responder) {
  EXPECT_EQ(test::hex(initiator.send.bytes()), test::hex(responder.receive.bytes()));
  EXPECT_EQ(test::hex(initiator.receive.bytes()), test::hex(responder.send.bytes()));
  EXPECT_NE(test::hex(initiator.send.bytes()), test::hex(initiator.receive.bytes()));
}

class Handshake : public testing::Test {
 protected:
  Sides sides_;
  PresharedKey none_;
  InitiationBytes initiation_{};
};

TEST_F(Handshake, GivesBothSidesTheSameKeysWithoutAPresharedKey) {
  const SentInitiation sent = sides_.initiate(initiation_);
  const auto answer = sides_.answer(initiation_, none_);
  ASSERT_TRUE(answer);
  const auto outcome = sent.consume_response(sides_.initiator, none_, {answer->bytes});
  ASSERT_EQ(outcome.verdict, Verdict::accepted);
  EXPECT_FALSE(outcome.trial);
  expect_same_keys(*outcome.keys, answer->keys);
}

TEST_F(Handshake, GivesBothSidesTheSameKeysWithAPresharedKey) {
  const PresharedKey key = random_preshared_key(sides_.random);
  const SentInitiation sent = sides_.initiate(initiation_);
  const auto answer = sides_.answer(initiation_, key);
  ASSERT_TRUE(answer);
  const auto outcome = sent.consume_response(sides_.initiator, key, {answer->bytes});
  ASSERT_EQ(outcome.verdict, Verdict::accepted);
  expect_same_keys(*outcome.keys, answer->keys);
}

TEST_F(Handshake, WritesMessagesOfTheirTypeForTheirReceiver) {
  const SentInitiation sent = sides_.initiate(initiation_);
  const auto answer = sides_.answer(initiation_, none_);
  ASSERT_TRUE(answer);
  EXPECT_EQ(wire::classify(initiation_), wire::MessageType::initiation);
  EXPECT_EQ(wire::classify(answer->bytes), wire::MessageType::response);
  EXPECT_EQ(test::hex(wire::Response{answer->bytes}.receiver()),
            test::hex(wire::Initiation{initiation_}.sender()));
  EXPECT_EQ(test::hex(wire::Response{answer->bytes}.sender()), "88776655");
}

TEST_F(Handshake, GivesOtherKeysEachTime) {
  const SentInitiation sent = sides_.initiate(initiation_);
  const auto first = sides_.answer(initiation_, none_);
  const auto second = sides_.answer(initiation_, none_);
  ASSERT_TRUE(first && second);
  EXPECT_NE(test::hex(first->keys.send.bytes()), test::hex(second->keys.send.bytes()));
  EXPECT_NE(first->bytes, second->bytes);
  InitiationBytes again{};
  (void)sides_.initiate(again);
  EXPECT_NE(again, initiation_);
}

TEST_F(Handshake, IsNotDecryptedWithAnotherPresharedKey) {
  const PresharedKey theirs = random_preshared_key(sides_.random);
  const PresharedKey ours = random_preshared_key(sides_.random);
  const SentInitiation sent = sides_.initiate(initiation_);
  const auto answer = sides_.answer(initiation_, theirs);
  ASSERT_TRUE(answer);
  for (const PresharedKey* wrong : std::initializer_list<const PresharedKey*>{&none_, &ours}) {
    const auto outcome = sent.consume_response(sides_.initiator, *wrong, {answer->bytes});
    EXPECT_EQ(outcome.verdict, Verdict::not_decrypted);
    EXPECT_FALSE(outcome.keys);
    EXPECT_TRUE(outcome.trial);
  }
}

TEST_F(Handshake, TrialFindsTheRightPresharedKeyAmongMany) {
  std::vector<PresharedKey> candidates;
  for (int i = 0; i < 20; ++i) candidates.push_back(random_preshared_key(sides_.random));
  const SentInitiation sent = sides_.initiate(initiation_);
  const auto answer = sides_.answer(initiation_, candidates[13]);
  ASSERT_TRUE(answer);
  const auto outcome = sent.consume_response(sides_.initiator, none_, {answer->bytes});
  ASSERT_TRUE(outcome.trial);
  for (std::size_t i = 0; i < candidates.size(); ++i)
    EXPECT_EQ(outcome.trial->fits(candidates[i]), i == 13) << i;
  EXPECT_FALSE(outcome.trial->fits(none_));
}

TEST_F(Handshake, TrialFindsThatTheResponderHasNoPresharedKey) {
  const PresharedKey ours = random_preshared_key(sides_.random);
  const SentInitiation sent = sides_.initiate(initiation_);
  const auto answer = sides_.answer(initiation_, none_);
  ASSERT_TRUE(answer);
  const auto outcome = sent.consume_response(sides_.initiator, ours, {answer->bytes});
  ASSERT_TRUE(outcome.trial);
  EXPECT_TRUE(outcome.trial->fits(none_));
  EXPECT_FALSE(outcome.trial->fits(ours));
}

TEST_F(Handshake, TrialFitsNoKeyForAForgedResponse) {
  const PresharedKey key = random_preshared_key(sides_.random);
  const SentInitiation sent = sides_.initiate(initiation_);
  auto answer = sides_.answer(initiation_, key);
  ASSERT_TRUE(answer);
  answer->bytes[50] ^= std::byte{1};  // in the sealed field
  const auto outcome = sent.consume_response(sides_.initiator, key, {answer->bytes});
  ASSERT_EQ(outcome.verdict, Verdict::not_decrypted);
  EXPECT_FALSE(outcome.trial->fits(key));
  EXPECT_FALSE(outcome.trial->fits(none_));
}

TEST_F(Handshake, AResponseTakenTwiceGivesTheSameKeysAndAForgedOneSpoilsNothing) {
  const SentInitiation sent = sides_.initiate(initiation_);
  const auto answer = sides_.answer(initiation_, none_);
  ASSERT_TRUE(answer);
  const auto first = sent.consume_response(sides_.initiator, none_, {answer->bytes});
  const auto forged =
      sent.consume_response(sides_.initiator, none_, {with_bit_flipped(answer->bytes, 12 * 8)});
  const auto second = sent.consume_response(sides_.initiator, none_, {answer->bytes});
  EXPECT_NE(forged.verdict, Verdict::accepted);
  ASSERT_EQ(first.verdict, Verdict::accepted);
  ASSERT_EQ(second.verdict, Verdict::accepted);
  expect_same_keys(*first.keys, answer->keys);
  expect_same_keys(*second.keys, answer->keys);
}

TEST_F(Handshake, RefusesAnInitiationWithAnyBitOfItsFieldsFlipped) {
  // Without mac1's help, which covers the header too (cookies_test.cpp).
  (void)sides_.initiate(initiation_);
  ASSERT_TRUE(sides_.answer(initiation_, none_));
  for (std::size_t bit = 8 * 8; bit < 116 * 8; ++bit)
    ASSERT_FALSE(sides_.answer(with_bit_flipped(initiation_, bit), none_)) << bit;
}

TEST_F(Handshake, RefusesAResponseWithAnyBitOfItsFieldsFlipped) {
  const SentInitiation sent = sides_.initiate(initiation_);
  const auto answer = sides_.answer(initiation_, none_);
  ASSERT_TRUE(answer);
  for (std::size_t bit = 12 * 8; bit < 60 * 8; ++bit) {
    const ResponseBytes flipped = with_bit_flipped(answer->bytes, bit);
    ASSERT_NE(sent.consume_response(sides_.initiator, none_, {flipped}).verdict, Verdict::accepted)
        << bit;
  }
}

TEST_F(Handshake, RefusesAnInitiationToAnotherResponder) {
  (void)sides_.initiate(initiation_);
  const Identity other = random_identity(sides_.random);
  EXPECT_FALSE(open_initiation(other, {initiation_}));
}

TEST_F(Handshake, RefusesAResponseToAnotherInitiation) {
  const SentInitiation sent = sides_.initiate(initiation_);
  InitiationBytes later_bytes{};
  const SentInitiation later = sides_.initiate(later_bytes);
  const auto answer = sides_.answer(initiation_, none_);
  ASSERT_TRUE(answer);
  EXPECT_EQ(later.consume_response(sides_.initiator, none_, {answer->bytes}).verdict,
            Verdict::not_decrypted);
  EXPECT_EQ(sent.consume_response(sides_.initiator, none_, {answer->bytes}).verdict,
            Verdict::accepted);
}

TEST_F(Handshake, RefusesTheTimestampOfWhoOnlyKnowsTheInitiatorsPublicKey) {
  // An impostor writes the initiator's public key but has not the secret that both
  // static keys share.
  const Identity impostor = random_identity(sides_.random);
  const RemoteStatic remote = must(RemoteStatic::create(impostor, sides_.responder.public_key()));
  (void)must(noise::initiate(sides_.initiator, remote, sides_.stamp, sides_.random, {initiation_}));
  auto opened = open_initiation(sides_.responder, {initiation_});
  ASSERT_TRUE(opened);
  EXPECT_EQ(opened->initiator(), sides_.initiator.public_key()) << "as it claims";
  EXPECT_FALSE(opened->read_timestamp(sides_.to_initiator, {initiation_}));
}

TEST_F(Handshake, RefusesALowOrderEphemeralKeyInAnInitiation) {
  (void)sides_.initiate(initiation_);
  std::ranges::copy(test::unhex(kLowOrder),
                    wire::InitiationView<std::byte>{initiation_}.ephemeral().begin());
  EXPECT_FALSE(open_initiation(sides_.responder, {initiation_}));
}

TEST_F(Handshake, TellsALowOrderEphemeralKeyInAResponseFromAnotherPresharedKey) {
  const SentInitiation sent = sides_.initiate(initiation_);
  auto answer = sides_.answer(initiation_, none_);
  ASSERT_TRUE(answer);
  std::ranges::copy(test::unhex(kLowOrder),
                    wire::ResponseView<std::byte>{answer->bytes}.ephemeral().begin());
  EXPECT_EQ(sent.consume_response(sides_.initiator, none_, {answer->bytes}).verdict,
            Verdict::low_order);
}

TEST_F(Handshake, RefusesAPeerWhosePublicKeyIsOfLowOrder) {
  const PublicKey low{test::unhex_array<32>(kLowOrder)};
  const auto remote = RemoteStatic::create(sides_.initiator, low);
  ASSERT_FALSE(remote);
  EXPECT_EQ(remote.error().code, Errc::bad_value);
}

TEST_F(Handshake, SurvivesBeingMoved) {
  SentInitiation sent = sides_.initiate(initiation_);
  const auto answer = sides_.answer(initiation_, none_);
  ASSERT_TRUE(answer);
  std::optional<SentInitiation> kept(std::move(sent));
  const SentInitiation moved = std::move(*kept);
  kept.reset();  // what was moved from can be destroyed
  EXPECT_EQ(moved.consume_response(sides_.initiator, none_, {answer->bytes}).verdict,
            Verdict::accepted);
}

}  // namespace
}  // namespace wgscope::noise
