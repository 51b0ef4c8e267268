// Whose TLS handshake is next.

#include <chrono>
#include <optional>
#include <string>

#include <fmt/core.h>
#include <gtest/gtest.h>

#include "wgscope/base/time.hpp"
#include "wgscope/model/address.hpp"

#include "exporter/http/turnstile.hpp"

namespace wgscope::exporter::http {
namespace {

using namespace std::chrono_literals;

class TurnstileHandshakes : public testing::Test {
 protected:
  Turnstile::Id enter(const std::string& address) {
    return turnstile_.admit(IpAddress::parse(address).value(), now_).id.value();
  }
  Turnstile::Id greet(const std::string& address) {
    const Turnstile::Id id = enter(address);
    turnstile_.greets(id);
    return id;
  }
  /// One handshake that takes a millisecond. @returns whose.
  std::optional<Turnstile::Id> shake_hands() {
    const auto id = turnstile_.next_handshake(now_);
    if (!id) return id;
    now_ = now_ + 1ms;
    turnstile_.shook_hands(1ms, now_);
    return id;
  }

  Turnstile turnstile_{TurnstileLimits{}};
  Instant now_{1000s};
};

TEST_F(TurnstileHandshakes, ComeInTheOrderOfTheirAddress) {
  const auto silent = enter("192.0.2.1");
  const auto first = greet("192.0.2.1");
  const auto second = greet("192.0.2.1");
  EXPECT_EQ(shake_hands(), first);
  now_ = now_ + 10ms;
  EXPECT_EQ(shake_hands(), second);
  EXPECT_EQ(shake_hands(), std::nullopt);
  turnstile_.greets(silent);
  now_ = now_ + 10ms;
  EXPECT_EQ(shake_hands(), silent);
}

TEST_F(TurnstileHandshakes, ComeFirstForAnAddressThatHadNone) {
  for (int i = 0; i < 20; ++i) greet("192.0.2.1");
  for (int i = 0; i < 20; ++i) greet("192.0.2.2");
  EXPECT_TRUE(shake_hands());
  EXPECT_TRUE(shake_hands());
  const auto scraper = greet("192.0.2.9");
  EXPECT_EQ(shake_hands(), scraper) << "at once";
}

TEST_F(TurnstileHandshakes, TakeAQuarterOfTheTimeForWhoComesAgainAndAgain) {
  for (int address = 1; address <= 10; ++address)
    for (int i = 0; i < 60; ++i) greet(fmt::format("192.0.2.{}", address));
  for (int i = 0; i < 10; ++i) EXPECT_TRUE(shake_hands()) << "the first one of each";
  const Instant start = now_;
  int made = 0;
  while (now_ - start < 500ms) {
    if (shake_hands())
      ++made;
    else
      now_ = turnstile_.next_look(now_).value();
  }
  EXPECT_GE(made, 120);
  EXPECT_LE(made, 126);
}

TEST_F(TurnstileHandshakes, WaitNoLongerThanTheRestOfTheirClients) {
  const auto first = greet("192.0.2.1");
  const auto second = greet("192.0.2.1");
  EXPECT_EQ(turnstile_.next_look(now_), now_);
  EXPECT_EQ(shake_hands(), first);
  EXPECT_EQ(shake_hands(), std::nullopt);
  EXPECT_EQ(turnstile_.next_look(now_), now_ + 3ms);
  now_ = now_ + 3ms;
  EXPECT_EQ(shake_hands(), second);
}

TEST_F(TurnstileHandshakes, AreNotForWhoHasLeft) {
  turnstile_.end(greet("192.0.2.1"));
  EXPECT_EQ(shake_hands(), std::nullopt);
  EXPECT_EQ(turnstile_.next_look(now_), std::nullopt);
}

TEST_F(TurnstileHandshakes, LeaveTheirClientsTheTimeForARequest) {
  const auto waits = greet("192.0.2.1");
  const auto shaken = greet("192.0.2.2");
  EXPECT_TRUE(shake_hands());
  EXPECT_TRUE(shake_hands());
  turnstile_.ready(shaken);
  EXPECT_EQ(turnstile_.next(now_), shaken);
  const auto never = greet("192.0.2.1");
  now_ = now_ + 5s;
  EXPECT_EQ(turnstile_.overdue(now_).heads, (std::vector<Turnstile::Id>{waits, never}));
}

}  // namespace
}  // namespace wgscope::exporter::http
