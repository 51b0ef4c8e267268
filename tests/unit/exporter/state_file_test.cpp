#include "exporter/state_file.hpp"

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <sys/stat.h>
#include <unistd.h>
#include <vector>

#include <fmt/core.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "wgscope/base/result.hpp"
#include "wgscope/base/time.hpp"
#include "wgscope/model/device.hpp"

#include "exporter/history.hpp"
#include "files.hpp"
#include "keys.hpp"
#include "temp_dir.hpp"
#include "wait.hpp"

namespace wgscope::exporter {
namespace {

using namespace std::chrono_literals;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAre;

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
  ASSERT_TRUE(StateFile(dir.path()).save(before, WallTime{20s}));
  EXPECT_FALSE(before.changed());

  History after(2);
  ASSERT_TRUE(StateFile(dir.path()).load(after));
  const InterfaceHistory& wg0 = after.of(device(), WallTime{99s});
  EXPECT_EQ(wg0.created, WallTime{10s}) << "it is the same boot";
  EXPECT_EQ(wg0.peers.entries().at(0).first_seen, WallTime{10s});
}

TEST(StateFile, IsReadableByItsGroupAndAlone) {
  const test::TempDir dir;
  History history = with_one_peer();
  const mode_t mask = umask(077);
  ASSERT_TRUE(StateFile(dir.path()).save(history, WallTime{20s}));
  umask(mask);
  EXPECT_THAT(files_in(dir.path()), ElementsAre("first-seen")) << "no temporary is left";
  struct stat status{};
  ASSERT_EQ(stat((dir / "first-seen").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777U, 0640U) << "whatever the umask";
}

TEST(StateFile, IsReplacedAsAWhole) {
  const test::TempDir dir;
  History history = with_one_peer();
  StateFile file(dir.path());
  ASSERT_TRUE(file.save(history, WallTime{20s}));
  // Whoever has the old one open still reads the old one to its end.
  std::filesystem::create_hard_link(dir / "first-seen", dir / "old");
  const std::string old = test::read_file(dir / "first-seen");
  history.of(device(8), WallTime{20s});
  ASSERT_TRUE(file.save(history, WallTime{20s}));
  EXPECT_EQ(test::read_file(dir / "old"), old);
  EXPECT_NE(test::read_file(dir / "first-seen"), old);
}

TEST(StateFile, MayBeMissing) {
  const test::TempDir dir;
  History history(1);
  EXPECT_TRUE(StateFile(dir.path()).load(history));
}

TEST(StateFile, IsSetAsideWhenItIsCorrupt) {
  const test::TempDir dir;
  constexpr std::string_view kJunk = "wgscope first sights 1\njunk\n";
  test::write_file(dir / "first-seen", kJunk);
  History history(1);
  StateFile file(dir.path());
  const auto loaded = file.load(history);
  ASSERT_FALSE(loaded);
  EXPECT_THAT(loaded.error().context,
              AllOf(HasSubstr((dir / "first-seen").string()), HasSubstr("line 2"),
                    HasSubstr("renamed it to " + (dir / "first-seen.corrupt").string())));
  history = with_one_peer();
  ASSERT_TRUE(file.save(history, WallTime{20s}));
  EXPECT_EQ(test::read_file(dir / "first-seen.corrupt"), kJunk) << "nothing was lost";
  History again(1);
  EXPECT_TRUE(file.load(again).value());
}

TEST(StateFile, IsSetAsideBesideThoseThatWereBefore) {
  const test::TempDir dir;
  for (int i = 0; i < 9; ++i) {
    test::write_file(dir / "first-seen", fmt::format("junk {}\n", i));
    History history(1);
    EXPECT_FALSE(StateFile(dir.path()).load(history));
  }
  EXPECT_THAT(files_in(dir.path()), SizeIs(9));
  EXPECT_EQ(test::read_file(dir / "first-seen.corrupt"), "junk 0\n");
  EXPECT_EQ(test::read_file(dir / "first-seen.corrupt-9"), "junk 8\n");

  test::write_file(dir / "first-seen", "one too many\n");
  History history = with_one_peer();
  StateFile file(dir.path());
  const auto loaded = file.load(history);
  ASSERT_FALSE(loaded);
  EXPECT_THAT(loaded.error().context,
              AllOf(HasSubstr("File exists"), HasSubstr("remove the file")));
  EXPECT_FALSE(file.save(history, WallTime{20s}));
  EXPECT_EQ(test::read_file(dir / "first-seen"), "one too many\n") << "it is never written over";
}

TEST(StateFile, RemovesTheTemporariesOfKilledExporters) {
  const test::TempDir dir;
  for (const char* name :
       {"first-seen.a1B2c3", "first-seen.corrupt", "first-seen.bak", "other.a1B2c3"})
    test::write_file(dir / name, "half");
  History history(1);
  EXPECT_FALSE(StateFile(dir.path()).load(history).value());
  EXPECT_THAT(files_in(dir.path()),
              UnorderedElementsAre("first-seen.corrupt", "first-seen.bak", "other.a1B2c3"));
}

TEST(StateFile, IsWrittenInTheBackgroundAndTellsWhatCameOfIt) {
  const test::TempDir dir;
  History history = with_one_peer();
  StateFile file(dir.path());
  file.save_later(history, WallTime{20s});
  EXPECT_FALSE(history.changed());
  std::optional<Result<>> outcome;
  ASSERT_TRUE(test::wait_until([&] { return (outcome = file.take_outcome()).has_value(); }, 20s));
  EXPECT_TRUE(outcome->has_value());
  EXPECT_FALSE(file.take_outcome()) << "once";
  History again(1);
  EXPECT_TRUE(StateFile(dir.path()).load(again).value());

  StateFile nowhere((dir / "gone").string());
  nowhere.save_later(history, WallTime{20s});
  ASSERT_TRUE(
      test::wait_until([&] { return (outcome = nowhere.take_outcome()).has_value(); }, 20s));
  ASSERT_FALSE(outcome->has_value());
  EXPECT_THAT(outcome->error().context, HasSubstr("No such file"));
}

TEST(StateFile, IsWrittenSeldomWhereOnlyHandshakesChanged) {
  const test::TempDir dir;
  StateFile file(dir.path());
  EXPECT_TRUE(file.due(Instant{100s}, false));
  EXPECT_FALSE(file.due(Instant{399s}, false));
  EXPECT_TRUE(file.due(Instant{399s}, true));
  EXPECT_FALSE(file.due(Instant{698s}, false));
  EXPECT_TRUE(file.due(Instant{699s}, false));
}

TEST(StateFile, SaysWhichFileCouldNotBeWrittenAndWhy) {
  const test::TempDir dir;
  History history = with_one_peer();
  const auto saved = StateFile((dir / "gone").string()).save(history, WallTime{20s});
  ASSERT_FALSE(saved);
  EXPECT_THAT(saved.error().context,
              AllOf(HasSubstr((dir / "gone/first-seen").string()), HasSubstr("No such file")));
}

TEST(StateFile, IsStillWorthWritingAfterItCouldNotBe) {
  const test::TempDir dir;
  History history = with_one_peer();
  EXPECT_FALSE(StateFile((dir / "gone").string()).save(history, WallTime{20s}));
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
          const auto saved = StateFile(dir.path()).save(history, WallTime{20s});
          if (saved) _exit(1);
          fputs(saved.error().context.c_str(), stderr);
          _exit(saved.error().code == Errc::access_denied ? 0 : 2);
        },
        ::testing::ExitedWithCode(0), "first-seen.*ermission denied");
  } else {
    History history = with_one_peer();
    const auto saved = StateFile("/proc").save(history, WallTime{20s});
    ASSERT_FALSE(saved);
    EXPECT_THAT(saved.error().context, HasSubstr("/proc/first-seen"));
  }
}

TEST(StateFile, IsDueEveryThirtySeconds) {
  const test::TempDir dir;
  StateFile file(dir.path());
  EXPECT_TRUE(file.due(Instant{100s}, true));
  EXPECT_FALSE(file.due(Instant{100s}, true));
  EXPECT_FALSE(file.due(Instant{129s}, true));
  EXPECT_TRUE(file.due(Instant{130s}, true));
  EXPECT_FALSE(file.due(Instant{159s}, true));
  EXPECT_TRUE(file.due(Instant{10'000s}, true));
}

}  // namespace
}  // namespace wgscope::exporter
