#include "exporter/http/logins.hpp"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include <fmt/core.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "wgscope/base/secret_string.hpp"
#include "wgscope/base/time.hpp"
#include "wgscope/model/address.hpp"

#include "exporter/http/credentials.hpp"
#include "wait.hpp"

namespace wgscope::exporter::http {
namespace {

using namespace std::chrono_literals;
using Verdict = Logins::Verdict;

/// Passwords are verified by being the "hash" itself; each can be held up.
class LoginsTest : public testing::Test {
 protected:
  ~LoginsTest() override { hold(false); }

  Logins::Settings settings(Nanoseconds patience = 20s) {
    return {.verify =
                [state = state_](const SecretString& password, const std::string& hash) {
                  std::unique_lock lock(state->mutex);
                  state->hashes.push_back(hash);
                  state->let_go.wait(lock, [&] { return !state->held; });
                  return password.view() == hash;
                },
            .patience = patience,
            .clock = [state = state_] { return Instant(state->now.load()); }};
  }
  void hold(bool held) {
    const std::lock_guard lock(state_->mutex);
    state_->held = held;
    state_->let_go.notify_all();
  }
  void pass(Nanoseconds time) { state_->now = state_->now.load() + time; }
  std::vector<std::string> verified() {
    const std::lock_guard lock(state_->mutex);
    return state_->hashes;
  }

  static Credentials login(std::string user, std::string_view password) {
    return {std::move(user), SecretString(password)};
  }
  static IpAddress address(int number) {
    return *IpAddress::parse(fmt::format("192.0.2.{}", number));
  }

  /// Its thread outlives what it serves, so it shares this.
  struct State {
    std::mutex mutex;
    std::condition_variable let_go;
    bool held = false;
    std::vector<std::string> hashes;
    std::atomic<Nanoseconds> now = Nanoseconds(1h);
  };
  std::shared_ptr<State> state_ = std::make_shared<State>();
  const Users users_{{"alice", "a"}, {"bob", "b"}};
  const IpAddress client_ = address(1);
};

TEST_F(LoginsTest, AcceptsTheRightPasswordOfTheRightUserAlone) {
  Logins logins(settings());
  EXPECT_EQ(logins.check(users_, login("alice", "a"), client_), Verdict::accepted);
  EXPECT_EQ(logins.check(users_, login("bob", "b"), client_), Verdict::accepted);
  EXPECT_EQ(logins.check(users_, login("alice", "b"), client_), Verdict::rejected);
  EXPECT_EQ(logins.check(users_, login("", ""), client_), Verdict::rejected);
}

TEST_F(LoginsTest, RemembersBothOutcomes) {
  Logins logins(settings());
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(logins.check(users_, login("alice", "a"), client_), Verdict::accepted);
    EXPECT_EQ(logins.check(users_, login("alice", "x"), client_), Verdict::rejected);
  }
  EXPECT_EQ(verified().size(), 2U);
}

TEST_F(LoginsTest, ForgetsWhenTheHashChanges) {
  Logins logins(settings());
  EXPECT_EQ(logins.check(users_, login("alice", "a"), client_), Verdict::accepted);
  EXPECT_EQ(logins.check({{"alice", "other"}}, login("alice", "a"), client_), Verdict::rejected);
  EXPECT_EQ(logins.check({{"bob", "a"}}, login("alice", "a"), client_), Verdict::rejected);
}

/// C9: as much work as for a known user, whatever the password; always against the same hash.
TEST_F(LoginsTest, UnknownUsersTakeAsLongAndNeverGetIn) {
  Logins logins(settings());
  for (const char* password : {"a", "b", "a", "b"})
    EXPECT_EQ(logins.check(users_, login("mallory", password), client_), Verdict::rejected);
  const auto hashes = verified();
  ASSERT_EQ(hashes.size(), 2U);
  EXPECT_EQ(hashes[0], hashes[1]);
}

/// C10: CVE-2022-46146. Two logins whose parts have the same bytes one after the other.
TEST_F(LoginsTest, DoesNotTakeOneLoginForAnother) {
  Logins logins(settings());
  const Users users{{"alice", "aa"}, {"alicea", "a"}};
  EXPECT_EQ(logins.check(users, login("alice", "aa"), client_), Verdict::accepted);
  EXPECT_EQ(logins.check(users, login("alicea", "aa"), client_), Verdict::rejected);
  EXPECT_EQ(logins.check({{"alice", "a"}}, login("alice", "aaa"), client_), Verdict::rejected);
}

TEST_F(LoginsTest, LimitsFailuresOfOneAddressAndLetsRememberedLoginsPass) {
  Logins logins(settings());
  EXPECT_EQ(logins.check(users_, login("alice", "a"), client_), Verdict::accepted);
  for (unsigned i = 0; i < Logins::kMostFailures; ++i)
    EXPECT_EQ(logins.check(users_, login("alice", fmt::format("wrong {}", i)), client_),
              Verdict::rejected);
  EXPECT_EQ(logins.check(users_, login("alice", "another"), client_), Verdict::limited);
  EXPECT_EQ(logins.check(users_, login("bob", "b"), client_), Verdict::limited);
  EXPECT_EQ(logins.check(users_, login("alice", "a"), client_), Verdict::accepted);
  EXPECT_EQ(logins.check(users_, login("bob", "x"), address(2)), Verdict::rejected);
  pass(61s);
  EXPECT_EQ(logins.check(users_, login("bob", "b"), client_), Verdict::accepted);
}

TEST_F(LoginsTest, AnIpv6ClientIsItsWholeNetwork) {
  Logins logins(settings());
  for (unsigned i = 0; i < Logins::kMostFailures; ++i)
    logins.check(users_, login("alice", fmt::format("{}", i)),
                 *IpAddress::parse(fmt::format("2001:db8::{:x}", i + 1)));
  EXPECT_EQ(logins.check(users_, login("alice", "a"), *IpAddress::parse("2001:db8::ffff")),
            Verdict::limited);
  EXPECT_EQ(logins.check(users_, login("alice", "a"), *IpAddress::parse("2001:db8:0:1::1")),
            Verdict::accepted);
}

TEST_F(LoginsTest, DoesNotForgetTheRightOnesBecauseOfWrongOnes) {
  Logins logins(settings());
  EXPECT_EQ(logins.check(users_, login("alice", "a"), client_), Verdict::accepted);
  for (std::size_t i = 0; i < 2 * Logins::kRemembered; ++i) {
    logins.check(users_, login("alice", fmt::format("wrong {}", i)), client_);
    if (i % 5 == 0) pass(61s);
  }
  const std::size_t before = verified().size();
  EXPECT_EQ(logins.check(users_, login("alice", "a"), client_), Verdict::accepted);
  EXPECT_EQ(verified().size(), before);
}

class StuckLogins : public LoginsTest {
 protected:
  /// Begins a login that is not answered.
  void begin(Logins& logins, std::string password, int from) {
    waiting_.emplace_back([&logins, this, password = std::move(password), from] {
      logins.check(users_, login("alice", password), address(from));
      ++answered_;
    });
  }
  bool wait_for_verified(std::size_t count) {
    return test::wait_until([&] { return verified().size() == count; }, 20s);
  }
  void finish() {
    hold(false);
    waiting_.clear();
  }
  std::atomic<int> answered_ = 0;
  std::vector<std::jthread> waiting_;
};

TEST_F(StuckLogins, RememberedOnesWaitForNobody) {
  Logins logins(settings());
  EXPECT_EQ(logins.check(users_, login("alice", "a"), client_), Verdict::accepted);
  hold(true);
  begin(logins, "slow", 2);
  ASSERT_TRUE(wait_for_verified(2));
  EXPECT_EQ(logins.check(users_, login("alice", "a"), client_), Verdict::accepted);
  finish();
}

TEST_F(StuckLogins, OneClientCannotFillTheQueue) {
  Logins logins(settings(1ms));
  hold(true);
  for (int i = 0; i < 10; ++i)
    EXPECT_EQ(logins.check(users_, login("alice", fmt::format("{}", i)), client_), Verdict::busy);
  finish();
  ASSERT_TRUE(wait_for_verified(Logins::kMostOfOne));
  // The queue is empty again, and nothing else of this client was in it.
  EXPECT_TRUE(test::wait_until(
      [&] { return logins.check(users_, login("bob", "wrong"), address(2)) == Verdict::rejected; },
      20s));
  EXPECT_EQ(verified().size(), Logins::kMostOfOne + 1);
}

TEST_F(StuckLogins, TheQueueIsBounded) {
  Logins logins(settings(1ms));
  hold(true);
  for (int i = 0; i < 20; ++i)
    EXPECT_EQ(logins.check(users_, login("alice", fmt::format("{}", i)), address(1 + i)),
              Verdict::busy);
  finish();
  ASSERT_TRUE(wait_for_verified(Logins::kMostQueued));
}

TEST_F(StuckLogins, TheSameLoginIsVerifiedOnce) {
  Logins logins(settings());
  hold(true);
  for (int i = 0; i < 10; ++i) begin(logins, "a", 1 + i);
  ASSERT_TRUE(wait_for_verified(1));
  finish();
  EXPECT_EQ(answered_, 10);
  EXPECT_EQ(verified().size(), 1U);
}

TEST_F(StuckLogins, WhatComesTooLateIsRememberedAllTheSame) {
  Logins logins(settings(1ms));
  hold(true);
  EXPECT_EQ(logins.check(users_, login("alice", "a"), client_), Verdict::busy);
  finish();
  EXPECT_TRUE(test::wait_until(
      [&] { return logins.check(users_, login("alice", "a"), client_) == Verdict::accepted; },
      20s));
  EXPECT_EQ(verified().size(), 1U);
}

TEST_F(StuckLogins, TheEndDoesNotWait) {
  {
    Logins logins(settings(1ms));
    hold(true);
    EXPECT_EQ(logins.check(users_, login("alice", "a"), client_), Verdict::busy);
    ASSERT_TRUE(wait_for_verified(1));
  }
  EXPECT_EQ(verified().size(), 1U);
}

}  // namespace
}  // namespace wgscope::exporter::http
