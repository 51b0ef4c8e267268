// A program of its own: it stands in for getaddrinfo(3), whose name servers may be silent.

#include "wgscope/checks/resolve.hpp"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <csignal>
#include <cstddef>
#include <cstdlib>
#include <dlfcn.h>
#include <mutex>
#include <netdb.h>
#include <optional>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "wgscope/base/result.hpp"
#include "wgscope/checks/resolve_all.hpp"
#include "wgscope/checks/run.hpp"
#include "wgscope/config/wg_quick.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/os/clock.hpp"

#include "wait.hpp"

namespace wgscope::checks {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

constexpr auto kPatience = 30s;

/// Keeps whoever looks up "silent.test" until it is opened.
class Gate {
 public:
  void pass() {
    std::unique_lock lock(mutex_);
    ++waiting_;
    opened_.wait(lock, [&] { return open_; });
    ++passed_;
  }
  void open() {
    const std::scoped_lock lock(mutex_);
    open_ = true;
    opened_.notify_all();
  }
  void close() {
    const std::scoped_lock lock(mutex_);
    open_ = false;
    passed_ = waiting_ = 0;
  }
  int waiting() {
    const std::scoped_lock lock(mutex_);
    return waiting_;
  }
  int passed() {
    const std::scoped_lock lock(mutex_);
    return passed_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable opened_;
  bool open_ = false;
  int waiting_ = 0;
  int passed_ = 0;
};

Gate& gate = *new Gate;  // for threads that outlive what the program's end destroys
std::atomic<bool> signals_blocked;

int look_up(const char* host, const char* service, const addrinfo* hints, addrinfo** found) {
  using Real = int (*)(const char*, const char*, const addrinfo*, addrinfo**);
  static const auto real = reinterpret_cast<Real>(dlsym(RTLD_NEXT, "getaddrinfo"));
  if (std::string_view(host) != "silent.test") return real(host, service, hints, found);
  sigset_t mask;
  pthread_sigmask(SIG_SETMASK, nullptr, &mask);
  signals_blocked = sigismember(&mask, SIGINT) == 1 && sigismember(&mask, SIGTERM) == 1;
  gate.pass();
  return EAI_NONAME;
}

config::EndpointName name(const char* text) { return config::EndpointName::parse(text).value(); }

class Resolve : public ::testing::Test {
 protected:
  void SetUp() override { gate.close(); }
  /// A look-up that was left alone is let end.
  void TearDown() override {
    gate.open();
    EXPECT_TRUE(test::wait_until([&] { return gate.passed() == gate.waiting(); }, kPatience));
  }

  checks::Run run_ = checks::Run::open().value();
};

TEST_F(Resolve, TakesAddressesAsTheyAreAndKeepsToTheFamily) {
  const Instant passed = os::boot_now() - 1s;  // so that a thread would come too late
  EXPECT_EQ(resolve(run_, name("192.0.2.1:51820"), std::nullopt, passed).value(),
            std::vector{Endpoint::parse("192.0.2.1:51820").value()});
  EXPECT_EQ(resolve(run_, name("[2001:db8::1]:1"), Family::v6, passed).value(),
            std::vector{Endpoint::parse("[2001:db8::1]:1").value()});
  EXPECT_EQ(resolve(run_, name("[2001:db8::1]:1"), Family::v4, passed).error().code,
            Errc::bad_value);
}

TEST_F(Resolve, FindsNames) {
  const auto found = resolve(run_, name("localhost:7"), Family::v4, os::boot_now() + kPatience);
  ASSERT_TRUE(found) << found.error().context;
  EXPECT_EQ(*found, std::vector{Endpoint::parse("127.0.0.1:7").value()});
}

TEST_F(Resolve, TellsWhatTheLookUpTold) {
  gate.open();
  const auto found = resolve(run_, name("silent.test:7"), std::nullopt, os::boot_now() + kPatience);
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().code, Errc::bad_value);
  EXPECT_THAT(found.error().context, HasSubstr("silent.test: the name does not exist"));
}

TEST_F(Resolve, WaitsForSilentNameServersUntilTheDeadlineOnly) {
  const Instant start = os::boot_now();
  const auto found = resolve(run_, name("silent.test:7"), std::nullopt, start + 50ms);
  EXPECT_LT(os::boot_now() - start, kPatience);
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().code, Errc::timeout);
  EXPECT_THAT(found.error().context, HasSubstr("silent.test: no name server answered in time"));
}

TEST_F(Resolve, EndsAtAnInterruptWhileNameServersAreSilent) {
  const auto interrupt =
      run_.loop().add({.next = [&]() -> std::optional<Instant> { return Instant{}; },
                       .expired = [&](Instant /*now*/) { run_.interrupt(); }});
  const Instant start = os::boot_now();
  const auto found = resolve(run_, name("silent.test:7"), std::nullopt, start + kPatience);
  EXPECT_LT(os::boot_now() - start, kPatience);
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().code, Errc::interrupted);
}

TEST_F(Resolve, LeavesSignalsToTheThreadThatWaits) {
  signals_blocked = false;
  static_cast<void>(resolve(run_, name("silent.test:7"), std::nullopt, os::boot_now() + 10ms));
  EXPECT_TRUE(test::wait_until([] { return signals_blocked.load(); }, kPatience));
  sigset_t mask;
  ASSERT_EQ(pthread_sigmask(SIG_SETMASK, nullptr, &mask), 0);
  EXPECT_EQ(sigismember(&mask, SIGINT), 0);
}

TEST_F(Resolve, LooksManyNamesUpAtTheSameTime) {
  gate.open();
  std::vector<std::string> names{"localhost", "silent.test"};
  for (int i = 1; i <= 40; ++i) names.push_back("192.0.2." + std::to_string(i));
  const Instant start = os::boot_now();
  const std::vector<LookedUp> found = resolve_all(run_, names, start + kPatience);
  EXPECT_LT(os::boot_now() - start, kPatience);
  ASSERT_EQ(found.size(), names.size());
  EXPECT_THAT(found[0].addresses, ::testing::Contains(IpAddress::parse("127.0.0.1").value()));
  EXPECT_FALSE(found[1].failed) << "it is known that there is no such name";
  EXPECT_TRUE(found[1].addresses.empty());
  for (std::size_t i = 2; i < names.size(); ++i) {
    EXPECT_EQ(found[i].name, names[i]);
    EXPECT_EQ(found[i].addresses, std::vector{IpAddress::parse(names[i]).value()});
  }
  EXPECT_TRUE(resolve_all(run_, {}, start).empty());
}

TEST_F(Resolve, LeavesUnknownWhichNamesNoServerAnsweredFor) {
  const std::vector<LookedUp> found = resolve_all(run_, {"silent.test"}, os::boot_now() + 50ms);
  ASSERT_EQ(found.size(), 1);
  EXPECT_TRUE(found[0].failed);
  EXPECT_EQ(found[0].name, "silent.test");
}

using ResolveDeathTest = Resolve;

TEST_F(ResolveDeathTest, LetsTheProgramEndWhileALookUpStillRuns) {
  testing::GTEST_FLAG(death_test_style) = "threadsafe";
  const auto leave_one = [&] {
    static_cast<void>(resolve(run_, name("silent.test:7"), std::nullopt, os::boot_now() + 10ms));
    std::atexit([] { gate.open(); });  // it comes back in the midst of the end
    std::exit(7);
  };
  EXPECT_EXIT(leave_one(), testing::ExitedWithCode(7), "");
}

}  // namespace
}  // namespace wgscope::checks

extern "C" int getaddrinfo(const char* host, const char* service, const addrinfo* hints,
                           addrinfo** found) {
  return wgscope::checks::look_up(host, service, hints, found);
}
