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

TEST(MakeProgress, IsForTerminalsOnly) {
  // The test's own standard error may be one.
  EXPECT_EQ(make_progress({.json = true}), nullptr);
  ASSERT_EQ(setenv("TERM", "dumb", 1), 0);
  EXPECT_EQ(make_progress({}), nullptr);
}

}  // namespace
}  // namespace wgscope::probe
