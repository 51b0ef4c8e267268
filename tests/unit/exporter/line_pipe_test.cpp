#include "exporter/line_pipe.hpp"

#include <chrono>
#include <cstddef>
#include <fcntl.h>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <sys/types.h>
#include <unistd.h>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "wgscope/base/result.hpp"
#include "wgscope/base/time.hpp"
#include "wgscope/os/clock.hpp"
#include "wgscope/os/poll_loop.hpp"
#include "wgscope/os/unique_fd.hpp"

#include "temp_dir.hpp"

namespace wgscope::exporter {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class LinePipes : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(loop_);
    auto opened =
        LinePipe::open(*loop_, path_, [this](std::string_view line) { lines_.emplace_back(line); });
    ASSERT_TRUE(opened) << opened.error().context;
    pipe_.emplace(std::move(*opened));
  }

  /// Opens the pipe, writes, and closes it, as a shell's echo does.
  void write(std::string_view text) {
    const os::UniqueFd writer(open(path_.c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC));
    ASSERT_TRUE(writer) << "nobody reads the pipe";
    ASSERT_EQ(::write(writer.get(), text.data(), text.size()), static_cast<ssize_t>(text.size()));
    // A read takes as much as 512 bytes; each round of the loop makes one.
    for (std::size_t read = 0; read <= text.size(); read += 512)
      ASSERT_TRUE(loop_->run_until(Instant{}));
  }

  test::TempDir folder_;
  std::string path_ = folder_ / "faults";
  Result<os::PollLoop> loop_ = os::PollLoop::open();
  std::vector<std::string> lines_;
  std::optional<LinePipe> pipe_;
};

TEST_F(LinePipes, GivesEachLineOfOneWriterAfterTheOther) {
  write("peer-dies\n");
  EXPECT_THAT(lines_, ElementsAre("peer-dies"));
  write("replies-lost\nrepair\n");
  EXPECT_THAT(lines_, ElementsAre("peer-dies", "replies-lost", "repair"));
}

TEST_F(LinePipes, WaitsForTheEndOfALine) {
  write("rep");
  EXPECT_THAT(lines_, IsEmpty());
  write("air\n");
  EXPECT_THAT(lines_, ElementsAre("repair"));
}

TEST_F(LinePipes, DropsALineThatIsTooLongAndTakesTheNext) {
  write(std::string(256, 'a') + '\n');
  write(std::string(257, 'b') + '\n');
  write(std::string(5000, 'c') + "\nrepair\n");
  EXPECT_THAT(lines_, ElementsAre(std::string(256, 'a'), "repair"));
}

TEST_F(LinePipes, LeavesTheLoopAloneOnceTheWriterHasGone) {
  write("repair\n");
  const auto before = loop_->rounds();
  ASSERT_TRUE(loop_->run_until(os::boot_now() + std::chrono::milliseconds(20)));
  EXPECT_LE(loop_->rounds() - before, 2U);
}

TEST_F(LinePipes, IsForItsOwnerAlone) {
  EXPECT_EQ(std::filesystem::status(path_).permissions(),
            std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
}

TEST_F(LinePipes, DoesNotTakeAPathThatIsThere) {
  const auto second = LinePipe::open(*loop_, path_, [](std::string_view) {});
  ASSERT_FALSE(second);
  EXPECT_THAT(second.error().context, testing::HasSubstr(path_));
}

}  // namespace
}  // namespace wgscope::exporter
