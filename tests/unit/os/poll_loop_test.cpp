#include "wgscope/os/poll_loop.hpp"

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <fcntl.h>
#include <memory>
#include <optional>
#include <string>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <thread>
#include <unistd.h>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "wgscope/base/result.hpp"
#include "wgscope/base/time.hpp"
#include "wgscope/os/clock.hpp"
#include "wgscope/os/signal_fd.hpp"
#include "wgscope/os/unique_fd.hpp"

namespace wgscope::os {
namespace {

using namespace std::chrono_literals;

struct SocketPair {
  UniqueFd left;
  UniqueFd right;
};

SocketPair make_pair() {
  std::array<int, 2> ends{};
  EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends.data()), 0);
  return {UniqueFd(ends[0]), UniqueFd(ends[1])};
}

void put(const UniqueFd& fd, const std::string& text = "x") {
  ASSERT_EQ(write(fd.get(), text.data(), text.size()), static_cast<ssize_t>(text.size()));
}

std::string take(const UniqueFd& fd) {
  std::array<char, 256> buffer{};
  const ssize_t size = read(fd.get(), buffer.data(), buffer.size());
  return {buffer.data(), size > 0 ? static_cast<std::size_t>(size) : 0U};
}

class PollLoops : public ::testing::Test {
 protected:
  PollLoop::Watch watch(int fd, FdHandlers handlers) {
    auto added = loop_.add(fd, std::move(handlers));
    EXPECT_TRUE(added) << added.error().context;
    return std::move(*added);
  }
  /// Until stop(), and no longer than a test may take.
  void run() {
    const Instant limit = boot_now() + 20s;
    ASSERT_TRUE(loop_.run_until(limit));
    ASSERT_LT(boot_now(), limit) << "nobody stopped the loop";
  }
  /// One look at what is ready now.
  void look() { ASSERT_TRUE(loop_.run_until(Instant{})); }

  PollLoop loop_ = PollLoop::open().value();
};

TEST_F(PollLoops, CallWhoeverCanRead) {
  const SocketPair pair = make_pair();
  const SocketPair quiet = make_pair();
  std::string seen;
  const auto first = watch(pair.left.get(), {.readable = [&] {
                             seen += take(pair.left);
                             loop_.stop();
                           }});
  const auto second = watch(quiet.left.get(), {.readable = [] { FAIL(); }});
  put(pair.right, "hello");
  run();
  EXPECT_EQ(seen, "hello");
}

TEST_F(PollLoops, CallAgainWhoLeftSomethingUnread) {
  const SocketPair pair = make_pair();
  int calls = 0;
  const auto watched = watch(pair.left.get(), {.readable = [&] {
                               if (++calls == 3) loop_.stop();
                             }});
  put(pair.right);
  run();
  EXPECT_EQ(calls, 3);
}

TEST_F(PollLoops, CallWritersOnlyWhileTheyWantIt) {
  const SocketPair pair = make_pair();
  int calls = 0;
  PollLoop::Watch writer;
  writer = watch(pair.left.get(), {.writable = [&] {
                   if (++calls == 2) writer.want_writable(false);
                 }});
  look();
  EXPECT_EQ(calls, 0);
  writer.want_writable(true);
  for (int i = 0; i < 5; ++i) look();
  EXPECT_EQ(calls, 2);
}

TEST_F(PollLoops, CallNoReaderThatWantsToPause) {
  const SocketPair pair = make_pair();
  int calls = 0;
  auto reader = watch(pair.left.get(), {.readable = [&] { ++calls; }});
  put(pair.right);
  reader.want_readable(false);
  look();
  EXPECT_EQ(calls, 0);
  reader.want_readable(true);
  look();
  EXPECT_EQ(calls, 1);
}

TEST_F(PollLoops, TellReadersOfTheOtherSidesEnd) {
  SocketPair pair = make_pair();
  std::optional<std::string> last;
  PollLoop::Watch reader;
  reader = watch(pair.left.get(), {.readable = [&] {
                   last = take(pair.left);
                   reader.remove();
                   loop_.stop();
                 }});
  reader.want_readable(false);  // an end is told all the same, or epoll would report it for ever
  pair.right.reset();
  run();
  EXPECT_EQ(last, "");
}

TEST_F(PollLoops, TellWritersAndErrorHandlersOfTheEndWhereNobodyReads) {
  SocketPair pair = make_pair();
  SocketPair other = make_pair();
  int writer_calls = 0;
  int error_calls = 0;
  const auto writer = watch(pair.left.get(), {.writable = [&] { ++writer_calls; }});
  const auto failing = watch(other.left.get(), {.error = [&] { ++error_calls; }});
  pair.right.reset();
  other.right.reset();
  look();
  EXPECT_EQ(writer_calls, 1);
  EXPECT_EQ(error_calls, 1);
}

TEST_F(PollLoops, TellOfErrorsByThemselves) {
  // A pipe without a reader is in error for its writer.
  std::array<int, 2> ends{};
  ASSERT_EQ(pipe2(ends.data(), O_CLOEXEC | O_NONBLOCK), 0);
  UniqueFd reader(ends[0]);
  const UniqueFd writer(ends[1]);
  std::string called;
  const auto watched =
      watch(writer.get(), {.writable = [&] { called += 'w'; }, .error = [&] { called += 'e'; }});
  reader.reset();
  look();
  EXPECT_EQ(called, "e");
}

TEST_F(PollLoops, ForgetAWatchThatAHandlerOfTheSameRoundRemoved) {
  // Both are ready; whoever is called first removes the other.
  const SocketPair one = make_pair();
  const SocketPair two = make_pair();
  PollLoop::Watch first;
  PollLoop::Watch second;
  int calls = 0;
  first = watch(one.left.get(), {.readable = [&] {
                  ++calls;
                  second.remove();
                }});
  second = watch(two.left.get(), {.readable = [&] {
                   ++calls;
                   first.remove();
                 }});
  put(one.right);
  put(two.right);
  look();
  EXPECT_EQ(calls, 1);
  look();
  EXPECT_EQ(calls, 2) << "the one that is left";
}

TEST_F(PollLoops, CallNoHandlerOfAWatchThatRemovedItself) {
  // Closed with something unread, a unix socket is in error, readable and writable at once.
  SocketPair pair = make_pair();
  put(pair.left);
  pair.right.reset();
  SocketPair other = make_pair();
  put(other.right);
  std::string called;
  PollLoop::Watch first;
  PollLoop::Watch second;
  first = watch(pair.left.get(), {.readable = [&] { called += "wrong "; },
                                  .error =
                                      [&] {
                                        called += "error ";
                                        first.remove();
                                      }});
  second = watch(other.left.get(), {.readable =
                                        [&] {
                                          called += "readable ";
                                          second.remove();
                                        },
                                    .writable = [&] { called += "wrong "; }});
  second.want_writable(true);
  look();
  EXPECT_TRUE(called == "error readable " || called == "readable error ") << called;
}

TEST_F(PollLoops, LetAHandlerRemoveItselfAndAddAnother) {
  const SocketPair pair = make_pair();
  std::string called;
  PollLoop::Watch watched;
  watched = watch(pair.left.get(), {.readable = [&, big = std::string(100, 'a')] {
                    called += "first ";
                    // Destroyed while it runs, `big` must still be there afterwards.
                    watched = watch(pair.right.get(), {.writable = [&] {
                                      called += "second";
                                      loop_.stop();
                                    }});
                    watched.want_writable(true);
                    called += big.substr(0, 1) + ' ';
                  }});
  put(pair.right);
  run();
  EXPECT_EQ(called, "first a second");
}

TEST_F(PollLoops, DoNotMistakeANewDescriptorForAnOldOneOfTheSameNumber) {
  auto one = std::make_unique<SocketPair>(make_pair());
  auto two = std::make_unique<SocketPair>(make_pair());
  std::string called;
  PollLoop::Watch first;
  PollLoop::Watch second;
  // Whoever is called first closes the other's and opens a new one, which gets its number.
  const auto swap = [&](std::unique_ptr<SocketPair>& pair, PollLoop::Watch& its) {
    const int number = pair->left.get();
    its.remove();
    pair->left.reset();
    const UniqueFd again(dup(pair->right.get()));
    EXPECT_EQ(again.get(), number);
    pair->left = UniqueFd(dup(again.get()));
    its = watch(pair->left.get(), {.readable = [&] { called += "wrong"; }});
  };
  first = watch(one->left.get(), {.readable = [&] {
                  called += "once ";
                  swap(two, second);
                }});
  second = watch(two->left.get(), {.readable = [&] {
                   called += "once ";
                   swap(one, first);
                 }});
  put(one->right);
  put(two->right);
  look();
  EXPECT_EQ(called, "once ");
}

TEST_F(PollLoops, RefuseWhatCannotBePolled) {
  const UniqueFd file(open("/proc/self/exe", O_RDONLY | O_CLOEXEC));
  const auto regular = loop_.add(file.get(), {.readable = [] {}});
  ASSERT_FALSE(regular);
  EXPECT_EQ(regular.error().sys_errno, EPERM);
  const SocketPair pair = make_pair();
  const auto first = watch(pair.left.get(), {.readable = [] {}});
  const auto again = loop_.add(pair.left.get(), {.readable = [] {}});
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().sys_errno, EEXIST);
}

TEST_F(PollLoops, ServeManyMoreThanOneRoundReports) {
  std::vector<SocketPair> pairs;
  std::vector<PollLoop::Watch> watches;
  std::size_t calls = 0;
  for (int i = 0; i < 200; ++i) {
    pairs.push_back(make_pair());
    const int fd = pairs.back().left.get();
    watches.push_back(watch(fd, {.readable = [&, fd] {
                              char byte = 0;
                              ASSERT_EQ(read(fd, &byte, 1), 1);
                              if (++calls == 200) loop_.stop();
                            }}));
    put(pairs.back().right);
  }
  run();
  EXPECT_EQ(calls, 200U);
}

TEST_F(PollLoops, CallTimersWhenTheirTimeHasComeAndNotBefore) {
  const Instant when = boot_now() + 30ms;
  std::optional<Instant> called;
  const auto timer = loop_.add(Timer{
      .next = [&] { return called ? std::nullopt : std::optional(when); },
      .expired =
          [&](Instant now) {
            called = now;
            loop_.stop();
          },
  });
  run();
  ASSERT_TRUE(called);
  EXPECT_GE(*called, when);
}

TEST_F(PollLoops, WakeOnceForEachTimeAndNotInBetween) {
  int left = 5;
  Instant next = boot_now() + 20ms;
  const auto timer = loop_.add(Timer{
      .next = [&] { return std::optional(next); },
      .expired =
          [&](Instant now) {
            next = now + 20ms;
            if (--left == 0) loop_.stop();
          },
  });
  const SocketPair quiet = make_pair();
  const auto watched = watch(quiet.left.get(), {.readable = [] { FAIL(); }});
  run();
  // One waking for each time; the last is called before its round waits for nothing.
  EXPECT_LE(loop_.rounds(), 6U);
}

TEST_F(PollLoops, SleepAfterTheLastTime) {
  bool expired = false;
  const auto timer = loop_.add(Timer{
      .next = [&, when = boot_now() + 5ms] { return expired ? std::nullopt : std::optional(when); },
      .expired = [&](Instant) { expired = true; }});
  // Ends the test, by a clock of its own.
  const UniqueFd alarm(timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK));
  itimerspec when{};
  when.it_value.tv_nsec = 50'000'000;
  ASSERT_EQ(timerfd_settime(alarm.get(), 0, &when, nullptr), 0);
  const auto watched = watch(alarm.get(), {.readable = [&] { loop_.stop(); }});
  ASSERT_TRUE(loop_.run());
  EXPECT_TRUE(expired);
  EXPECT_LE(loop_.rounds(), 3U);
}

TEST_F(PollLoops, WakeAtMostOnceTooOftenWhenATimeMovesAway) {
  // Each packet puts off a session's timers: the kernel's timer is not set anew for each.
  const SocketPair pair = make_pair();
  Instant next = boot_now() + 20ms;
  const Instant end = boot_now() + 100ms;
  bool expired = false;
  const auto timer = loop_.add(Timer{.next = [&] { return std::optional(next); },
                                     .expired =
                                         [&](Instant now) {
                                           EXPECT_GE(now, end);
                                           expired = true;
                                           loop_.stop();
                                         }});
  const auto watched = watch(pair.left.get(), {.readable = [&] {
                               take(pair.left);
                               next = end;
                             }});
  put(pair.right);
  run();
  EXPECT_TRUE(expired);
  EXPECT_LE(loop_.rounds(), 4U) << "the packet, 20 ms, 100 ms, and stop()";
}

TEST_F(PollLoops, WakeEarlierWhenATimeMovesNearer) {
  const SocketPair pair = make_pair();
  Instant next = boot_now() + 1h;
  const auto timer = loop_.add(Timer{.next = [&] { return std::optional(next); },
                                     .expired = [&](Instant) { loop_.stop(); }});
  const auto watched = watch(pair.left.get(), {.readable = [&] {
                               take(pair.left);
                               next = boot_now() + 10ms;
                             }});
  put(pair.right);
  run();
}

TEST_F(PollLoops, ServeDescriptorsThoughATimerIsAlwaysDue) {
  const SocketPair pair = make_pair();
  const auto timer =
      loop_.add(Timer{.next = [] { return std::optional(Instant{}); }, .expired = [](Instant) {}});
  const auto watched = watch(pair.left.get(), {.readable = [&] { loop_.stop(); }});
  put(pair.right);
  run();
}

TEST_F(PollLoops, ForgetATimerThatAnotherRemoved) {
  int calls = 0;
  PollLoop::Watch first;
  PollLoop::Watch second;
  const auto due = [] { return std::optional(Instant{}); };
  first = loop_.add(Timer{.next = due, .expired = [&](Instant) {
                            ++calls;
                            second.remove();
                            first.remove();
                          }});
  second = loop_.add(Timer{.next = due, .expired = [&](Instant) { ++calls; }});
  look();
  EXPECT_EQ(calls, 1);
}

TEST_F(PollLoops, ReturnAtTheirLimit) {
  const Instant limit = boot_now() + 20ms;
  ASSERT_TRUE(loop_.run_until(limit));
  EXPECT_GE(boot_now(), limit);
  EXPECT_LE(loop_.rounds(), 2U);
}

TEST_F(PollLoops, AreStoppedFromAnotherThreadWhileTheyWait) {
  std::thread other([&] { loop_.stop(); });
  run();
  other.join();
}

TEST_F(PollLoops, AreStoppedBeforeTheyRun) {
  loop_.stop();
  run();
  EXPECT_EQ(loop_.rounds(), 0U);
  // And that is forgotten afterwards.
  const Instant limit = boot_now() + 5ms;
  ASSERT_TRUE(loop_.run_until(limit));
  EXPECT_GE(boot_now(), limit);
  EXPECT_LE(loop_.rounds(), 3U);
}

TEST_F(PollLoops, AreStoppedByASignal) {
  auto signals = SignalFd::open({SIGINT, SIGTERM});
  ASSERT_TRUE(signals) << signals.error().context;
  std::vector<int> seen;
  const auto watched = watch(signals->fd(), {.readable = [&] {
                               while (const auto signal = signals->next()) seen.push_back(*signal);
                               loop_.stop();
                             }});
  ASSERT_EQ(raise(SIGTERM), 0);
  run();
  EXPECT_EQ(seen, std::vector<int>{SIGTERM});
}

TEST(SignalFds, PutTheMaskBack) {
  const auto blocked = [] {
    sigset_t mask;
    pthread_sigmask(SIG_SETMASK, nullptr, &mask);
    return sigismember(&mask, SIGUSR1) == 1;
  };
  ASSERT_FALSE(blocked());
  {
    auto signals = SignalFd::open({SIGUSR1});
    ASSERT_TRUE(signals);
    EXPECT_TRUE(blocked());
    const SignalFd moved = std::move(*signals);
    EXPECT_TRUE(blocked());
  }
  EXPECT_FALSE(blocked());
}

TEST(PollLoopWatch, MayOutliveItsLoop) {
  const SocketPair pair = make_pair();
  std::optional<PollLoop> loop(PollLoop::open().value());
  auto watched = loop->add(pair.left.get(), {.readable = [] {}});
  ASSERT_TRUE(watched);
  loop.reset();
  watched->want_writable(true);
  watched->remove();
}

}  // namespace
}  // namespace wgscope::os
