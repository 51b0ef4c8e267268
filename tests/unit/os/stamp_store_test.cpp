#include "wgscope/os/stamp_store.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <random>
#include <span>
#include <string>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "wgscope/base/bytes.hpp"
#include "wgscope/base/result.hpp"
#include "wgscope/model/public_key.hpp"

#include "files.hpp"
#include "temp_dir.hpp"

namespace wgscope::os {
namespace {

using std::chrono::milliseconds;
using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr std::uint64_t kEpoch = (std::uint64_t{1} << 62U) + 10;  // 1970 in TAI64

Stamp stamp(std::uint64_t milliseconds_since_epoch) {
  Stamp made;
  const std::span<std::byte, 12> bytes(made);
  store_be64(bytes.first<8>(), kEpoch + milliseconds_since_epoch / 1000);
  store_be32(bytes.last<4>(),
             static_cast<std::uint32_t>(milliseconds_since_epoch % 1000 * 1'000'000));
  return made;
}

std::uint64_t to_ms(const Stamp& from) {
  const std::span<const std::byte, 12> bytes(from);
  return (load_be64(bytes.first<8>()) - kEpoch) * 1000 + load_be32(bytes.last<4>()) / 1'000'000;
}

PublicKey key(unsigned char number) {
  PublicKey made;
  made.bytes.fill(std::byte{number});
  return made;
}

class StampStoreTest : public testing::Test {
 protected:
  [[nodiscard]] std::string folder() const { return temp_ / "a/b"; }
  [[nodiscard]] std::string file() const {
    std::string digits;
    for (int i = 0; i < 32; ++i) digits += "01";
    return folder() + "/stamp-" + digits;
  }

  [[nodiscard]] StampStore open() const {
    auto store = StampStore::open(folder(), key(1));
    EXPECT_TRUE(store) << (store ? "" : store.error().context);
    return std::move(*store);
  }

  /// Covers stamps in a process that then ends without a word, as a crash does.
  void crash_after(std::span<const std::uint64_t> stamps) const {
    const pid_t child = fork();
    if (child == 0) {
      auto store = StampStore::open(folder(), key(1));
      if (!store) _exit(1);
      for (const std::uint64_t ms : stamps)
        if (!store->cover(stamp(ms))) _exit(2);
      _exit(0);
    }
    int status = -1;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    ASSERT_EQ(status, 0);
  }

  [[nodiscard]] Error error() const {
    auto store = StampStore::open(folder(), key(1));
    EXPECT_FALSE(store);
    return store ? Error{} : store.error();
  }

  test::TempDir temp_;
};

TEST_F(StampStoreTest, StartsAtZeroInAFolderOfItsOwn) {
  const StampStore store = open();
  EXPECT_EQ(store.last(), Stamp{});
  struct stat status{};
  for (const char* made : {"a", "a/b"}) {
    ASSERT_EQ(stat((temp_ / made).c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 07777U, 0700U) << made;
  }
}

TEST_F(StampStoreTest, GivesBackTheVeryStampThatWasUsedLast) {
  {
    StampStore store = open();
    ASSERT_TRUE(store.cover(stamp(1'700'000'000'123)));
    EXPECT_EQ(store.last(), stamp(1'700'000'000'123));
  }
  EXPECT_EQ(open().last(), stamp(1'700'000'000'123));
  EXPECT_EQ(test::read_file(file()), "@400000006553f10a0754d4c0\n");  // 123 ms are 0x754d4c0 ns
  struct stat status{};
  ASSERT_EQ(stat(file().c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777U, 0600U);
}

TEST_F(StampStoreTest, GivesAStampAboveAllThatWereUsedAfterACrash) {
  std::mt19937 random(1);
  std::uint64_t highest = 1'700'000'000'000;
  for (int life = 0; life < 12; ++life) {
    std::vector<std::uint64_t> used;
    for (int i = 0; i < 8; ++i)
      used.push_back(highest += 1 + random() % (life % 2 == 0 ? 30 : 30'000));
    crash_after(used);
    const std::uint64_t last = to_ms(open().last());
    ASSERT_GE(last, highest);
    ASSERT_LE(last, highest + 60'000);
    highest = last;  // the clock is set back: stamps go on from here
  }
}

TEST_F(StampStoreTest, MovesAKeyThatCrashesAgainAndAgainOnlyALittleAhead) {
  constexpr std::uint64_t kStart = 1'700'000'000'000;
  std::uint64_t next = kStart;
  for (int life = 0; life < 10; ++life) {
    crash_after(std::vector<std::uint64_t>{next, next + 11, next + 32});
    next = to_ms(open().last()) + 1;
  }
  EXPECT_LE(next, kStart + 10 * (32 + 40 + 1));
}

TEST_F(StampStoreTest, WritesOnceAMinuteInALongLife) {
  StampStore store = open();
  int writes = 0;
  std::string before;
  for (std::uint64_t second = 0; second < 900; ++second) {
    ASSERT_TRUE(store.cover(stamp(1'700'000'000'000 + 1000 * second)));
    const std::string now = test::read_file(file());
    writes += now != before ? 1 : 0;
    before = now;
  }
  EXPECT_LE(writes, 15 + 13);
  EXPECT_GE(writes, 14);
}

TEST_F(StampStoreTest, NeverGoesBack) {
  StampStore store = open();
  ASSERT_TRUE(store.cover(stamp(5'000)));
  const std::string before = test::read_file(file());
  ASSERT_TRUE(store.cover(stamp(4'000)));
  EXPECT_EQ(store.last(), stamp(5'000));
  EXPECT_EQ(test::read_file(file()), before);
}

TEST_F(StampStoreTest, LeavesTheFileAloneWhenNoStampWasUsed) {
  crash_after(std::vector<std::uint64_t>{5'000});
  const std::string before = test::read_file(file());
  {
    const StampStore store = open();
  }
  EXPECT_EQ(test::read_file(file()), before);
}

TEST_F(StampStoreTest, LeavesAKeyToOneProcess) {
  std::optional<StampStore> first(open());
  EXPECT_EQ(error().code, Errc::refused);
  EXPECT_THAT(error().context,
              AllOf(HasSubstr("another process uses this private key"), HasSubstr(file())));
  EXPECT_TRUE(StampStore::open(folder(), key(2)));
  const StampStore moved = std::move(*first);
  first.reset();
  EXPECT_EQ(error().code, Errc::refused);
}

TEST_F(StampStoreTest, IsFreeAgainAfterACrash) {
  crash_after(std::vector<std::uint64_t>{1});
  EXPECT_TRUE(StampStore::open(folder(), key(1)));
}

TEST_F(StampStoreTest, RefusesADamagedFileAndSaysWhatToDo) {
  {
    const StampStore made = open();
  }
  for (const char* damaged : {"", "\n", "@400000006553f10a0754d4c0", "@400000006553f10a0754d4cx\n",
                              "@c00000006553f10a0754d4c0\n", "@400000006553f10a3b9aca00\n",
                              "@400000006553f10a0754d4c0\n\n", "400000006553f10a0754d4c0\n"}) {
    test::write_file(file(), damaged);
    EXPECT_EQ(error().code, Errc::bad_value) << damaged;
    EXPECT_THAT(error().context, AllOf(HasSubstr(file()), HasSubstr("use a new private key")));
    EXPECT_EQ(test::read_file(file()), damaged) << "it must stay for whoever looks";
  }
}

TEST_F(StampStoreTest, RefusesAFolderThatCannotBe) {
  test::write_file(temp_ / "a", "a file");
  EXPECT_EQ(error().code, Errc::io);
  EXPECT_THAT(error().context, HasSubstr(folder()));
}

TEST_F(StampStoreTest, RefusesAStampThatCannotBeWrittenDown) {
  StampStore store = open();
  ASSERT_TRUE(store.cover(stamp(1'000)));
  std::filesystem::remove_all(folder());
  const auto covered = store.cover(stamp(100'000));
  ASSERT_FALSE(covered);
  EXPECT_THAT(covered.error().context, HasSubstr(file()));
  EXPECT_EQ(store.last(), stamp(1'000));
  EXPECT_FALSE(store.cover(stamp(100'000))) << "it was not on disk the first time either";
}

TEST(StampFolder, IsWhereTheSystemKeepsState) {
  EXPECT_EQ(stamp_folder({0, "/x", "/root"}).value(), "/var/lib/wgscope");
  EXPECT_EQ(stamp_folder({1000, "/x", "/home/a"}).value(), "/x/wgscope");
  EXPECT_EQ(stamp_folder({1000, nullptr, "/home/a"}).value(), "/home/a/.local/state/wgscope");
  EXPECT_EQ(stamp_folder({1000, "", "/home/a"}).value(), "/home/a/.local/state/wgscope");
  EXPECT_EQ(stamp_folder({1000, "x", "/home/a"}).value(), "/home/a/.local/state/wgscope");
  EXPECT_EQ(stamp_folder({1000, nullptr, nullptr}).error().code, Errc::bad_value);
  EXPECT_EQ(stamp_folder({1000, "x", "y"}).error().code, Errc::bad_value);
}

}  // namespace
}  // namespace wgscope::os
