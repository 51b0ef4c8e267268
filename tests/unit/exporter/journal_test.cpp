#include "exporter/journal.hpp"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "wgscope/base/result.hpp"
#include "wgscope/base/time.hpp"
#include "wgscope/journal/event.hpp"

#include "exporter/journal_file.hpp"
#include "files.hpp"
#include "keys.hpp"
#include "process.hpp"
#include "temp_dir.hpp"
#include "wait.hpp"

namespace wgscope::exporter {
namespace {

using namespace std::chrono_literals;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

journal::Event event(std::uint32_t number) {
  journal::Event made;
  made.time = WallTime{std::chrono::seconds(1'800'000'000 + number)};
  made.kind = journal::EventKind::peer_added;
  made.interface = "wg0";
  made.key = key(number);
  return made;
}

std::string line(std::uint32_t number) {
  std::string text;
  journal::write_event(event(number), text);
  return text;
}

/// A disk that the test stops, fills and repairs.
class Disk {
 public:
  Result<> write(std::string_view lines, std::size_t& done) {
    std::unique_lock lock(mutex_);
    ++writes_;
    changed_.notify_all();
    changed_.wait(lock, [this] { return !stopped_; });
    done = std::min(lines.size(), room_);
    done = lines.substr(0, done).rfind('\n') + 1;
    text_ += lines.substr(0, done);
    room_ -= done;
    if (done < lines.size()) return fail(Errc::io, "the disk is full");
    return {};
  }
  void set(bool stopped, std::size_t room) {
    const std::lock_guard lock(mutex_);
    stopped_ = stopped;
    room_ = room;
    changed_.notify_all();
  }
  void wait_for_writes(int count) {
    std::unique_lock lock(mutex_);
    EXPECT_TRUE(changed_.wait_for(lock, 20s, [&] { return writes_ >= count; }));
  }
  std::string text() {
    const std::lock_guard lock(mutex_);
    return text_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool stopped_ = false;
  std::size_t room_ = SIZE_MAX;
  int writes_ = 0;
  std::string text_;
};

class DiskOutput final : public JournalOutput {
 public:
  explicit DiskOutput(Disk& disk) : disk_(&disk) {}
  Result<> write(std::string_view lines, std::size_t& done) override {
    return disk_->write(lines, done);
  }

 private:
  Disk* disk_;
};

class JournalTest : public ::testing::Test {
 protected:
  std::unique_ptr<Journal> start(std::size_t most_waiting = 1'000'000) {
    return std::make_unique<Journal>(
        std::make_unique<DiskOutput>(disk_),
        Journal::Settings{.most_waiting = most_waiting,
                          .retry = 10ms,
                          .clock = [] { return WallTime{1'900'000'000s}; }},
        [this](const std::string& message) {
          const std::lock_guard lock(mutex_);
          warnings_.push_back(message);
        });
  }
  static void tell(Journal& journal, std::uint32_t number) {
    journal.take(event(number));
    journal.flush();
  }
  std::vector<std::string> warnings() {
    const std::lock_guard lock(mutex_);
    return std::exchange(warnings_, {});
  }

  Disk disk_;

 private:
  std::mutex mutex_;
  std::vector<std::string> warnings_;
};

TEST_F(JournalTest, WritesEventsInTheirOrderAndAtTheLatestWhenItEnds) {
  auto journal = start();
  for (std::uint32_t i = 0; i < 100; ++i) tell(*journal, i);
  journal.reset();
  std::string expected;
  for (std::uint32_t i = 0; i < 100; ++i) expected += line(i);
  EXPECT_EQ(disk_.text(), expected);
  EXPECT_THAT(warnings(), IsEmpty());
}

TEST_F(JournalTest, DoesNotWaitForADiskThatHangs) {
  disk_.set(true, SIZE_MAX);
  auto journal = start();
  tell(*journal, 1);
  disk_.wait_for_writes(1);
  tell(*journal, 2);  // returns, though the disk still hangs
  EXPECT_EQ(journal->report().events, 0U);
  disk_.set(false, SIZE_MAX);
  EXPECT_TRUE(test::wait_until([&] { return journal->report().events == 2; }, 20s));
  EXPECT_EQ(disk_.text(), line(1) + line(2));
}

TEST_F(JournalTest, TriesAgainWhenTheDiskWasFullAndWarnsOnce) {
  disk_.set(false, line(1).size() + 3);
  auto journal = start();
  journal->take(event(1));
  journal->take(event(2));
  journal->flush();
  disk_.wait_for_writes(4);
  EXPECT_FALSE(journal->report().success);
  EXPECT_EQ(disk_.text(), line(1)) << "whole lines only";
  EXPECT_THAT(warnings(), ElementsAre(HasSubstr("the disk is full")));
  tell(*journal, 3);
  disk_.set(false, SIZE_MAX);
  EXPECT_TRUE(test::wait_until([&] { return journal->report().events == 3; }, 20s));
  EXPECT_TRUE(journal->report().success);
  journal.reset();
  EXPECT_EQ(disk_.text(), line(1) + line(2) + line(3));
  EXPECT_THAT(warnings(), ElementsAre(HasSubstr("can be written again")));
}

TEST_F(JournalTest, DropsWhatIsTooMuchAndSaysHowManyInTheJournal) {
  disk_.set(true, SIZE_MAX);
  auto journal = start(3 * line(1).size() + 100);
  tell(*journal, 0);
  disk_.wait_for_writes(1);
  for (std::uint32_t i = 1; i < 10; ++i) journal->take(event(i));
  journal->flush();
  journal::Event small = event(10);
  small.key.reset();
  small.kind = journal::EventKind::exporter_running;
  journal->take(small);
  journal->flush();
  EXPECT_EQ(journal->report().dropped, 7U)
      << "of one batch what does not fit, and what is later, although it would fit";
  EXPECT_FALSE(journal->begun_anew());
  disk_.set(false, SIZE_MAX);
  EXPECT_TRUE(test::wait_until([&] { return journal->report().events == 5; }, 20s));
  EXPECT_TRUE(test::wait_until([&] { return journal->begun_anew(); }, 20s))
      << "who is connected has to be listed again";
  EXPECT_FALSE(journal->begun_anew()) << "once";
  tell(*journal, 11);
  journal.reset();
  EXPECT_EQ(disk_.text(), line(0) + line(1) + line(2) + line(3) +
                              "{\"time\":\"2030-03-17T17:46:40.000Z\",\"event\":\"events_dropped\","
                              "\"count\":7}\n" +
                              line(11));
}

TEST_F(JournalTest, SaysAtItsEndWhatIsMissing) {
  disk_.set(false, 0);
  auto journal = start();
  journal->take(event(1));
  journal->take(event(2));
  journal->flush();
  disk_.wait_for_writes(2);
  warnings();
  journal.reset();
  EXPECT_THAT(warnings(), ElementsAre(AllOf(HasSubstr("lacks the last 2 events"),
                                            HasSubstr("the disk is full"))));
}

class JournalFileTest : public ::testing::Test {
 protected:
  [[nodiscard]] std::string path() const { return (dir_ / "journal").string(); }
  static Result<> write(JournalFile& file, std::string_view lines) {
    std::size_t done = 0;
    auto written = file.write(lines, done);
    if (written) {
      EXPECT_EQ(done, lines.size());
    }
    return written;
  }
  test::TempDir dir_;
};

TEST_F(JournalFileTest, AppendsToWhatIsThere) {
  test::write_file(path(), "before\n");
  JournalFile file(path());
  EXPECT_TRUE(write(file, "one\ntwo\n"));
  EXPECT_TRUE(write(file, "three\n"));
  EXPECT_EQ(test::read_file(path()), "before\none\ntwo\nthree\n");
  EXPECT_FALSE(file.begun_anew());
}

TEST_F(JournalFileTest, BeginsOnALineOfItsOwnAfterATornOne) {
  test::write_file(path(), "whole\n{\"time\":\"2026-");
  JournalFile file(path());
  EXPECT_TRUE(write(file, "next\n"));
  EXPECT_TRUE(write(file, "last\n"));
  EXPECT_EQ(test::read_file(path()), "whole\n{\"time\":\"2026-\nnext\nlast\n");
}

TEST_F(JournalFileTest, FollowsRotationWithoutASignal) {
  JournalFile file(path());
  EXPECT_TRUE(write(file, "one\n"));
  std::filesystem::rename(path(), path() + ".1");
  EXPECT_TRUE(write(file, "two\n"));
  EXPECT_TRUE(file.begun_anew());
  EXPECT_FALSE(file.begun_anew()) << "once";
  std::filesystem::rename(path(), path() + ".2");
  test::write_file(path(), "");  // as logrotate's `create` does
  EXPECT_TRUE(write(file, "three\n"));
  EXPECT_TRUE(file.begun_anew());
  std::filesystem::remove(path());
  EXPECT_TRUE(write(file, "four\n"));
  EXPECT_EQ(test::read_file(path() + ".1"), "one\n");
  EXPECT_EQ(test::read_file(path() + ".2"), "two\n");
  EXPECT_EQ(test::read_file(path()), "four\n");
}

TEST_F(JournalFileTest, FollowsCopyAndTruncate) {
  JournalFile file(path());
  EXPECT_TRUE(write(file, "one\n"));
  std::filesystem::resize_file(path(), 0);
  EXPECT_TRUE(write(file, "two\n"));
  EXPECT_EQ(test::read_file(path()), "two\n") << "at the end, which is the beginning";
}

TEST_F(JournalFileTest, RefusesWhatIsNoFileOfItsOwn) {
  JournalFile first(path());
  EXPECT_TRUE(write(first, "one\n"));
  JournalFile second(path());
  const auto shared = write(second, "two\n");
  ASSERT_FALSE(shared);
  EXPECT_THAT(shared.error().context, AllOf(HasSubstr(path()), HasSubstr("another process")));
  EXPECT_EQ(test::read_file(path()), "one\n");

  JournalFile folder(dir_.path().string());
  EXPECT_FALSE(write(folder, "three\n"));
  test::must_run({"mkfifo", dir_ / "pipe"});
  JournalFile pipe((dir_ / "pipe").string());
  const auto piped = write(pipe, "four\n");
  ASSERT_FALSE(piped) << "and it does not wait for a reader";
  EXPECT_THAT(piped.error().context, HasSubstr("not a regular file"));
  JournalFile nowhere((dir_ / "gone/journal").string());
  const auto gone = write(nowhere, "five\n");
  ASSERT_FALSE(gone);
  EXPECT_THAT(gone.error().context, HasSubstr("No such file or directory (make its directory)"));
  std::filesystem::create_directory(dir_ / "gone");
  EXPECT_TRUE(write(nowhere, "six\n")) << "when it can be, it is";
}

TEST_F(JournalFileTest, WritesMoreThanFitsIntoOneWrite) {
  JournalFile file(path());
  std::string lines;
  for (std::uint32_t i = 0; i < 20'000; ++i) lines += fmt::format("{}\n", std::string(30, 'x'));
  EXPECT_TRUE(write(file, lines));
  EXPECT_EQ(test::read_file(path()), lines);
}

}  // namespace
}  // namespace wgscope::exporter
