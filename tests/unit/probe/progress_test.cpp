#include "probe/render/progress.hpp"

#include <array>
#include <chrono>
#include <cstdlib>
#include <fcntl.h>
#include <optional>
#include <pty.h>
#include <string>
#include <string_view>
#include <unistd.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "wgscope/base/time.hpp"
#include "wgscope/checks/run.hpp"
#include "wgscope/diagnosis/text.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/os/clock.hpp"
#include "wgscope/os/unique_fd.hpp"

namespace wgscope::probe {
namespace {

using namespace std::chrono_literals;
using diagnosis::text;
using ::testing::AllOf;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

const diagnosis::Text kWait =
    text("waiting for a response from {}", Endpoint::parse("192.0.2.1:51820").value());

TEST(ProgressLine, SaysWhatIsWaitedForAndHowLongAtMost) {
  EXPECT_EQ(progress_line(kWait, 11'200ms, false, 0),
            "waiting for a response from 192.0.2.1:51820, 12 s left");
  EXPECT_EQ(progress_line(kWait, 1ms, false, 0),
            "waiting for a response from 192.0.2.1:51820, 1 s left");
  for (const auto none : {std::optional<Nanoseconds>(), std::optional<Nanoseconds>(0s),
                          std::optional<Nanoseconds>(-1s)})
    EXPECT_EQ(progress_line(kWait, none, false, 0), "waiting for a response from 192.0.2.1:51820");
}

TEST(ProgressLine, LeavesOutWhatIsSomebodys) {
  EXPECT_EQ(progress_line(kWait, 12s, true, 0), "waiting for a response from …:51820, 12 s left");
}

TEST(ProgressLine, StaysWithinTheTerminalAndKeepsTheTime) {
  EXPECT_EQ(progress_line(kWait, 12s, false, 30), "waiting for a res…, 12 s left");
  EXPECT_EQ(progress_line(kWait, 12s, false, 10), "waiting …");
  EXPECT_EQ(progress_line(kWait, 12s, false, 1), "");
}

TEST(ProgressLine, MovesNoCursor) {
  EXPECT_EQ(progress_line(diagnosis::Text("a\n\x1b[A"), {}, false, 0), "a\\x0a\\x1b[A");
}

/// A pseudo-terminal, and a run whose progress goes there.
class LiveLineTest : public ::testing::Test {
 protected:
  void SetUp() override {
    int ours = -1;
    int theirs = -1;
    const winsize size{.ws_row = 24, .ws_col = 80, .ws_xpixel = 0, .ws_ypixel = 0};
    ASSERT_EQ(openpty(&ours, &theirs, nullptr, nullptr, &size), 0);
    ours_ = os::UniqueFd(ours);
    theirs_ = os::UniqueFd(theirs);
    ASSERT_EQ(fcntl(ours, F_SETFL, O_NONBLOCK), 0);
    line_.emplace(theirs, false);
    run_.emplace(checks::Run::open(&*line_).value());
    line_->attach(run_->loop());
    reader_ = run_->loop()
                  .add(ours, {.readable =
                                  [this] {
                                    take();
                                    run_->wake();
                                  },
                              .writable = {},
                              .error = {}})
                  .value();
  }
  void TearDown() override { reader_.remove(); }

  void take() {
    std::array<char, 4096> piece{};
    for (ssize_t got = 0; (got = read(ours_.get(), piece.data(), piece.size())) > 0;)
      seen_.append(piece.data(), static_cast<std::size_t>(got));
  }
  [[nodiscard]] bool see(std::string_view what) {
    return run_->wait([&] { return seen_.find(what) != std::string::npos; }, os::boot_now() + 20s);
  }

  os::UniqueFd ours_;
  os::UniqueFd theirs_;
  std::optional<LiveLine> line_;
  std::optional<checks::Run> run_;
  os::PollLoop::Watch reader_;
  std::string seen_;
};

TEST_F(LiveLineTest, CountsTheSecondsDownWhileACheckWaits) {
  run_->say(kWait, os::boot_now() + 3s);
  EXPECT_TRUE(see("\r\x1b[Kwaiting for a response from 192.0.2.1:51820, 3 s left")) << seen_;
  EXPECT_TRUE(see("\r\x1b[Kwaiting for a response from 192.0.2.1:51820, 2 s left")) << seen_;
  EXPECT_TRUE(see("\r\x1b[Kwaiting for a response from 192.0.2.1:51820, 1 s left")) << seen_;
}

TEST_F(LiveLineTest, ShowsTheLastOfWhatIsWaitedForAndNothingAtFirst) {
  const Instant begin = os::boot_now();
  run_->say(kWait, begin + 30s);
  run_->say("looking up a name");
  EXPECT_TRUE(see("looking up a name")) << seen_;
  EXPECT_GE(os::boot_now() - begin, LiveLine::kDelay);
  EXPECT_THAT(seen_, Not(HasSubstr("waiting")));
  run_->say(kWait);
  EXPECT_TRUE(see("\r\x1b[Kwaiting for a response from 192.0.2.1:51820")) << seen_;
}

TEST_F(LiveLineTest, LeavesNothingBehind) {
  run_->say("looking up a name");
  EXPECT_TRUE(see("looking up a name"));
  line_->clear();
  take();
  EXPECT_THAT(seen_, EndsWith("\r\x1b[K"));
  seen_.clear();
  run_->say("looking up another name");
  EXPECT_TRUE(see("looking up another name"));
  run_->say({});  // what goes on now is shown otherwise
  take();
  EXPECT_THAT(seen_, EndsWith("\r\x1b[K"));
  seen_.clear();
  line_.reset();
  take();
  EXPECT_THAT(seen_, IsEmpty()) << "nothing to take away a second time";
}

TEST_F(LiveLineTest, DoesNotFlickerInARunThatTakesNoTime) {
  run_->say(kWait, os::boot_now() + 30s);
  ASSERT_TRUE(run_->pass(10ms));
  line_.reset();
  take();
  EXPECT_THAT(seen_, IsEmpty());
}

TEST_F(LiveLineTest, DoesNotMindATerminalThatHasGone) {
  reader_.remove();
  ours_ = os::UniqueFd();
  run_->say(kWait, os::boot_now() + 30s);
  EXPECT_TRUE(run_->pass(LiveLine::kDelay + 50ms));
}

/// Lines of a log at times that the test chooses, in seconds from the first wait.
class ProgressLogTest : public ::testing::Test {
 protected:
  void wait(const diagnosis::Text& what, std::chrono::seconds at,
            std::optional<std::chrono::seconds> until = {}) {
    log_.wait(what, until ? std::optional(begin_ + *until) : std::nullopt, begin_ + at);
  }
  /// What the loop does up to that time.
  void pass_until(std::chrono::seconds end) {
    for (auto due = log_.due(); due && *due <= begin_ + end; due = log_.due()) log_.say(*due);
  }

  const Instant begin_ = os::boot_now();
  std::string seen_;
  ProgressLog log_{"nat", true, [this](const std::string& line) { seen_ += line; }};
};

TEST_F(ProgressLogTest, SaysNothingOfARunThatIsSoonOver) {
  wait(kWait, 0s, 20s);
  wait("looking up a name", 3s);
  pass_until(4s);
  EXPECT_EQ(seen_, "");
  EXPECT_EQ(log_.due(), begin_ + ProgressLog::kFirst);
}

TEST_F(ProgressLogTest, SaysWhatARunThatTakesLongWaitsFor) {
  wait(kWait, 0s, 20s);
  pass_until(9s);
  EXPECT_EQ(seen_, "wgscope nat: waiting for a response from …:51820, 15 s left\n");
}

TEST_F(ProgressLogTest, SaysTheSameOnceAMinuteAndSomethingElseSooner) {
  wait("waiting", 0s);
  pass_until(64s);
  EXPECT_EQ(seen_, "wgscope nat: waiting\n");
  pass_until(65s);
  EXPECT_EQ(seen_, "wgscope nat: waiting\nwgscope nat: waiting\n");
  wait("searching", 66s);
  wait("counting", 67s);
  pass_until(74s);
  EXPECT_THAT(seen_, Not(HasSubstr("counting")));
  pass_until(75s);
  EXPECT_THAT(seen_,
              AllOf(EndsWith("waiting\nwgscope nat: counting\n"), Not(HasSubstr("searching"))));
}

TEST_F(ProgressLogTest, SaysNothingWhileACheckShowsByItselfWhatGoesOn) {
  wait("waiting", 0s);
  wait({}, 1s);
  pass_until(1000s);
  EXPECT_EQ(seen_, "");
}

TEST_F(LiveLineTest, IsNotForALogWhoseLinesComeByThemselves) {
  std::string seen;
  ProgressLog log("nat", false, [&](const std::string& line) {
    seen = line;
    run_->wake();
  });
  log.attach(run_->loop());
  log.wait("waiting", {}, os::boot_now() - ProgressLog::kFirst);
  EXPECT_TRUE(run_->wait([&] { return !seen.empty(); }, os::boot_now() + 20s));
  EXPECT_EQ(seen, "wgscope nat: waiting\n");
}

TEST(MakeProgress, IsALogWhereNoCursorCanMove) {
  // The test's own standard error may be a terminal.
  ASSERT_EQ(setenv("TERM", "dumb", 1), 0);
  EXPECT_NE(dynamic_cast<ProgressLog*>(make_progress("nat", {}).get()), nullptr);
}

}  // namespace
}  // namespace wgscope::probe
