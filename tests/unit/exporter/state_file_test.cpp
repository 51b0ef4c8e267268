#include "exporter/state_file.hpp"

#include <chrono>
#include <filesystem>
#include <string>
#include <sys/stat.h>
#include <unistd.h>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "wgscope/base/time.hpp"
#include "wgscope/model/device.hpp"

#include "exporter/history.hpp"
#include "files.hpp"
#include "keys.hpp"
#include "temp_dir.hpp"

namespace wgscope::exporter {
namespace {

using namespace std::chrono_literals;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

Device device(std::uint32_t ifindex = 7) {
  Device made;
  made.name = "wg0";
  made.link.emplace().ifindex = ifindex;
  return made;
}

History with_one_peer() {
  History history(1);
  PeerTable& peers = history.of(device(), WallTime{10s}).peers;
  peers.begin_reading();
  EXPECT_NE(peers.find(key(1), WallTime{10s}), nullptr);
  return history;
}

std::vector<std::string> files_in(const std::filesystem::path& folder) {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(folder))
    names.push_back(entry.path().filename());
  return names;
}

TEST(StateFile, BringsFirstSightsThroughARestart) {
  const test::TempDir dir;
  History before = with_one_peer();
  ASSERT_TRUE(StateFile(dir.path()).save(before));
  EXPECT_FALSE(before.changed());

  History after(2);
  ASSERT_TRUE(StateFile(dir.path()).load(after));
  const InterfaceHistory& wg0 = after.of(device(), WallTime{99s});
  EXPECT_EQ(wg0.created, WallTime{10s}) << "it is the same boot";
  EXPECT_EQ(wg0.peers.entries().at(0).first_seen, WallTime{10s});
}

TEST(StateFile, IsReadableByAllAndAlone) {
  const test::TempDir dir;
  History history = with_one_peer();
  const mode_t mask = umask(077);
  ASSERT_TRUE(StateFile(dir.path()).save(history));
  umask(mask);
  EXPECT_THAT(files_in(dir.path()), ElementsAre("first-seen")) << "no temporary is left";
  struct stat status{};
  ASSERT_EQ(stat((dir / "first-seen").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777U, 0644U) << "whatever the umask";
}

TEST(StateFile, IsReplacedAsAWhole) {
  const test::TempDir dir;
  History history = with_one_peer();
  StateFile file(dir.path());
  ASSERT_TRUE(file.save(history));
  // Whoever has the old one open still reads the old one to its end.
  std::filesystem::create_hard_link(dir / "first-seen", dir / "old");
  const std::string old = test::read_file(dir / "first-seen");
  history.of(device(8), WallTime{20s});
  ASSERT_TRUE(file.save(history));
  EXPECT_EQ(test::read_file(dir / "old"), old);
  EXPECT_NE(test::read_file(dir / "first-seen"), old);
}

TEST(StateFile, MayBeMissing) {
  const test::TempDir dir;
  History history(1);
  EXPECT_TRUE(StateFile(dir.path()).load(history));
}

TEST(StateFile, IsReportedWhenItIsCorruptAndWrittenAnew) {
  const test::TempDir dir;
  test::write_file(dir / "first-seen", "wgscope first sights 1\njunk\n");
  History history(1);
  StateFile file(dir.path());
  const auto loaded = file.load(history);
  ASSERT_FALSE(loaded);
  EXPECT_THAT(loaded.error().context, AllOf(HasSubstr((dir / "first-seen").string()),
                                            HasSubstr("line 2"), HasSubstr("will rewrite it")));
  history = with_one_peer();
  ASSERT_TRUE(file.save(history));
  History again(1);
  EXPECT_TRUE(file.load(again));
}

TEST(StateFile, IsReportedWhenItIsNoFile) {
  const test::TempDir dir;
  std::filesystem::create_directory(dir / "first-seen");
  History history(1);
  const auto loaded = StateFile(dir.path()).load(history);
  ASSERT_FALSE(loaded);
  EXPECT_THAT(loaded.error().context, HasSubstr("Is a directory"));
  History full = with_one_peer();
  EXPECT_FALSE(StateFile(dir.path()).save(full));
  EXPECT_THAT(files_in(dir.path()), ElementsAre("first-seen")) << "no temporary is left";
}

TEST(StateFile, SaysWhichFileCouldNotBeWrittenAndWhy) {
  const test::TempDir dir;
  History history = with_one_peer();
  const auto saved = StateFile((dir / "gone").string()).save(history);
  ASSERT_FALSE(saved);
  EXPECT_THAT(saved.error().context,
              AllOf(HasSubstr((dir / "gone/first-seen").string()), HasSubstr("No such file")));
}

TEST(StateFile, IsStillWorthWritingAfterItCouldNotBe) {
  const test::TempDir dir;
  History history = with_one_peer();
  EXPECT_FALSE(StateFile((dir / "gone").string()).save(history));
  EXPECT_TRUE(history.changed()) << "or what is known now would be lost at the end";
}

TEST(StateFile, SaysThatAFolderIsNotWritable) {
  if (geteuid() == 0) {
    // Root writes anywhere; nobody does not.
    const test::TempDir dir;
    EXPECT_EXIT(
        {
          History history = with_one_peer();
          if (setegid(65534) != 0 || seteuid(65534) != 0) _exit(3);
          const auto saved = StateFile(dir.path()).save(history);
          if (saved) _exit(1);
          fputs(saved.error().context.c_str(), stderr);
          _exit(saved.error().code == Errc::access_denied ? 0 : 2);
        },
        ::testing::ExitedWithCode(0), "first-seen.*ermission denied");
  } else {
    History history = with_one_peer();
    const auto saved = StateFile("/proc").save(history);
    ASSERT_FALSE(saved);
    EXPECT_THAT(saved.error().context, HasSubstr("/proc/first-seen"));
  }
}

TEST(StateFile, IsDueEveryThirtySeconds) {
  const test::TempDir dir;
  StateFile file(dir.path());
  EXPECT_TRUE(file.due(Instant{100s}));
  EXPECT_FALSE(file.due(Instant{100s}));
  EXPECT_FALSE(file.due(Instant{129s}));
  EXPECT_TRUE(file.due(Instant{130s}));
  EXPECT_FALSE(file.due(Instant{159s}));
  EXPECT_TRUE(file.due(Instant{10'000s}));
}

}  // namespace
}  // namespace wgscope::exporter
