#include "wgscope/noise/key_pair.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "wgscope/base/bytes.hpp"
#include "wgscope/base/time.hpp"
#include "wgscope/crypto/aead.hpp"
#include "wgscope/noise/constants.hpp"
#include "wgscope/wire/message.hpp"

#include "hex.hpp"
#include "random.hpp"

namespace wgscope::noise {
namespace {

using Message = std::vector<std::byte>;
using Opened = KeyPair::Opened;

class Session : public testing::Test {
 protected:
  [[nodiscard]] TransportKeys keys(Role role) const {
    const bool initiator = role == Role::initiator;
    return {.send = (initiator ? to_responder_ : to_initiator_).clone(),
            .receive = (initiator ? to_initiator_ : to_responder_).clone()};
  }
  static Message seal(KeyPair& pair, std::span<const std::byte> plain) {
    Message out(plain.size() + wire::kTransportOverhead);
    EXPECT_TRUE(pair.seal(plain, out));
    return out;
  }
  /// A message of the initiator with any counter: what a KeyPair would need 2^64 messages for.
  [[nodiscard]] Message message_with(std::uint64_t counter) const {
    Message out(wire::kKeepaliveSize);
    const wire::TransportView<std::byte> view{out};
    wire::write_type(wire::MessageType::transport, std::span(out).first<4>());
    store_le64(view.counter(), counter);
    crypto::Aead(crypto::Aead::Direction::seal, to_responder_).seal(counter, {}, view.sealed());
    return out;
  }
  static std::span<const std::byte> content(const Message& message) {
    return std::span(message).subspan(wire::kTransportHeaderSize,
                                      message.size() - wire::kTransportOverhead);
  }

  test::SeededRandom random_{3};
  Secret<32> to_responder_ = random_secret();
  Secret<32> to_initiator_ = random_secret();
  Instant now_{std::chrono::seconds(77)};
  KeyPair initiator_{keys(Role::initiator), {.local = 1, .remote = 2}, Role::initiator, now_};
  KeyPair responder_{keys(Role::responder), {.local = 2, .remote = 1}, Role::responder, now_};

 private:
  Secret<32> random_secret() {
    Secret<32> secret;
    random_.fill(secret.bytes());
    return secret;
  }
};

TEST_F(Session, CarriesContentOfEverySizeBothWays) {
  for (std::size_t size = 0; size < 1600; size += size < 70 ? 1 : 97) {
    const Message plain = random_.bytes(size);
    Message there = seal(initiator_, plain);
    ASSERT_EQ(responder_.open(there), Opened::ok) << size;
    ASSERT_TRUE(std::ranges::equal(content(there), plain)) << size;
    Message back = seal(responder_, plain);
    ASSERT_EQ(initiator_.open(back), Opened::ok) << size;
    ASSERT_TRUE(std::ranges::equal(content(back), plain)) << size;
  }
}

TEST_F(Session, WritesTheReceiversIndexAndRisingCounters) {
  for (std::uint64_t counter = 0; counter < 3; ++counter) {
    EXPECT_EQ(initiator_.sent(), counter);
    const Message message = seal(initiator_, random_.bytes(16));
    EXPECT_EQ(wire::classify(message), wire::MessageType::transport);
    EXPECT_EQ(load_le32(std::span(message).subspan<4, 4>()), 2U);
    EXPECT_EQ(load_le64(std::span(message).subspan<8, 8>()), counter);
  }
  EXPECT_EQ(initiator_.indices().local, 1U);
  EXPECT_EQ(initiator_.role(), Role::initiator);
  EXPECT_EQ(initiator_.created(), now_);
}

TEST_F(Session, SealsContentThatLiesWhereItsCiphertextGoes) {
  KeyPair apart(keys(Role::initiator), {.local = 1, .remote = 2}, Role::initiator, now_);
  for (const std::size_t size : {0U, 1U, 64U, 256U, 257U, 1360U}) {
    const Message plain = random_.bytes(size);
    Message in_place(size + wire::kTransportOverhead);
    const auto where = std::span(in_place).subspan(wire::kTransportHeaderSize, size);
    std::ranges::copy(plain, where.begin());
    ASSERT_TRUE(initiator_.seal(where, in_place));
    EXPECT_EQ(in_place, seal(apart, plain)) << size;
    ASSERT_EQ(responder_.open(in_place), Opened::ok) << size;
    EXPECT_TRUE(std::ranges::equal(content(in_place), plain)) << size;
  }
}

TEST_F(Session, RefusesAReplay) {
  const Message message = seal(initiator_, random_.bytes(32));
  Message first = message;
  Message second = message;
  EXPECT_EQ(responder_.open(first), Opened::ok);
  EXPECT_EQ(responder_.open(second), Opened::replayed);
}

TEST_F(Session, TakesMessagesOutOfOrder) {
  std::vector<Message> messages;
  for (int i = 0; i < 100; ++i) messages.push_back(seal(initiator_, random_.bytes(16)));
  std::ranges::reverse(messages);
  for (Message& message : messages) EXPECT_EQ(responder_.open(message), Opened::ok);
}

TEST_F(Session, RefusesAnyFlippedBitOfCounterAndContentAndStillTakesTheRightMessage) {
  const Message message = seal(initiator_, random_.bytes(48));
  for (std::size_t bit = 8 * 8; bit < message.size() * 8; ++bit) {
    Message flipped = message;
    flipped[bit / 8] ^= std::byte{1} << (bit % 8);
    ASSERT_NE(responder_.open(flipped), Opened::ok) << bit;
  }
  Message right = message;
  EXPECT_EQ(responder_.open(right), Opened::ok);
}

TEST_F(Session, AForgedCounterDoesNotMoveTheWindow) {
  Message right = seal(initiator_, random_.bytes(16));
  Message forged = right;
  store_le64(std::span(forged).subspan<8, 8>(), std::uint64_t{1} << 40U);
  EXPECT_EQ(responder_.open(forged), Opened::not_authentic);
  EXPECT_EQ(responder_.open(right), Opened::ok);
}

TEST_F(Session, RefusesItsOwnMessages) {
  Message message = seal(initiator_, random_.bytes(16));
  EXPECT_EQ(initiator_.open(message), Opened::not_authentic) << "the directions have two keys";
}

TEST_F(Session, TakesTheLastCounterAndNoneBeyond) {
  Message last = message_with(kRejectAfterMessages - 1);
  Message beyond = message_with(kRejectAfterMessages);
  Message highest = message_with(~std::uint64_t{0});
  EXPECT_EQ(responder_.open(beyond), Opened::exhausted);
  EXPECT_EQ(responder_.open(highest), Opened::exhausted);
  EXPECT_EQ(responder_.open(last), Opened::ok);
}

TEST_F(Session, GoesOnAfterBeingMoved) {
  Message before = seal(initiator_, random_.bytes(16));
  KeyPair moved = std::move(initiator_);
  Message after = seal(moved, random_.bytes(16));
  EXPECT_EQ(responder_.open(after), Opened::ok);
  EXPECT_EQ(responder_.open(before), Opened::ok);
  EXPECT_EQ(moved.sent(), 2U);
}

}  // namespace
}  // namespace wgscope::noise
