// Readings from another process, which may die, hang, or hand over what is no reading.

#include "exporter/isolation/remote_reading.hpp"

#include <atomic>
#include <chrono>
#include <csignal>
#include <cstddef>
#include <fstream>
#include <memory>
#include <string>
#include <sys/mman.h>
#include <sys/types.h>
#include <unistd.h>
#include <utility>

#include <fmt/core.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "wgscope/base/time.hpp"
#include "wgscope/config/names.hpp"
#include "wgscope/model/device.hpp"
#include "wgscope/model/snapshot.hpp"
#include "wgscope/os/clock.hpp"

#include "exporter/reading.hpp"
#include "wait.hpp"

namespace wgscope::exporter {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

/// What the test tells the other process, in memory that both have.
struct Orders {
  std::atomic<int> peers{3};
  std::atomic<pid_t> pid{0};
  std::atomic<int> die_next{0};  ///< so many readings end with SIGSEGV
  std::atomic<int> hang_next{0};
  std::atomic<bool> hung{false};
  std::atomic<int> names{1};  ///< a change of it changes the names
  std::atomic<int> reads{0};
};

class OrderedReading final : public Reading {
 public:
  explicit OrderedReading(Orders& orders) : orders_(&orders) { orders.pid = getpid(); }

  void read(Now now, Instant deadline, Snapshot& into, NamesReading& names) override {
    ++orders_->reads;
    if (orders_->die_next.fetch_sub(1) > 0) raise(SIGKILL);
    if (orders_->hang_next.fetch_sub(1) > 0) {
      orders_->hung = true;
      static_cast<void>(test::wait_until([&] { return !orders_->hung.load(); }, seconds(20)));
    }
    into = {};
    into.taken = now;
    into.collectors[0] = {.ran = true, .success = true, .duration = deadline - now.boot};
    Device& device = into.devices.emplace_back();
    device.name = "wg0";
    device.peers.resize(static_cast<std::size_t>(orders_->peers.load()));
    if (const int wanted = orders_->names; wanted != named_) {
      named_ = wanted;
      const std::string name(static_cast<std::size_t>(wanted), 'n');
      names_ = std::make_shared<config::PeerNames>(config::PeerNames{{PublicKey{}, name}});
      names.messages = {"new names"};
    } else {
      names.messages.clear();
    }
    names.names = names_;
    names.report = {.ran = true, .success = true, .duration = {}};
  }

 private:
  Orders* orders_;
  int named_ = 0;
  std::shared_ptr<const config::PeerNames> names_;
};

/// Not for one that has ended and whose parent does not ask for its exit code.
bool runs(pid_t pid) {
  std::ifstream file(fmt::format("/proc/{}/stat", pid));
  std::string text;
  std::getline(file, text);
  const std::size_t after_name = text.rfind(") ");
  return after_name != std::string::npos && text[after_name + 2] != 'Z';
}

class RemoteReadingTest : public testing::Test {
 protected:
  RemoteReadingTest() {
    void* const memory =
        mmap(nullptr, sizeof(Orders), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    orders_ = new (memory) Orders;
  }
  ~RemoteReadingTest() override {
    orders_->hung = false;
    remote_.reset();
    munmap(orders_, sizeof(Orders));
  }

  void start() {
    Orders& orders = *orders_;
    auto started =
        RemoteReading::start([&orders] { return std::make_unique<OrderedReading>(orders); });
    ASSERT_TRUE(started);
    remote_ = std::move(*started);
  }
  void read(Nanoseconds patience = seconds(15)) {
    const Now now = os::now();
    remote_->read(now, now.boot + patience, snapshot_, names_);
  }
  [[nodiscard]] std::size_t peers() const {
    return snapshot_.devices.size() == 1 ? snapshot_.devices[0].peers.size() : 0;
  }

  Orders* orders_ = nullptr;
  std::unique_ptr<RemoteReading> remote_;
  Snapshot snapshot_;
  NamesReading names_;
};

TEST_F(RemoteReadingTest, GivesWhatTheOtherProcessReads) {
  start();
  read(seconds(7));
  EXPECT_EQ(peers(), 3U);
  EXPECT_EQ(snapshot_.collectors[0].duration, seconds(7)) << "the deadline is the asker's";
  ASSERT_NE(names_.names, nullptr);
  EXPECT_EQ(names_.names->at({}), "n");
  EXPECT_THAT(names_.messages, ElementsAre("new names"));
  EXPECT_NE(orders_->pid, getpid());
  EXPECT_EQ(remote_->reader()->restarts, 0U);
  EXPECT_GT(remote_->reader()->resident_bytes, 100'000U);
}

TEST_F(RemoteReadingTest, KeepsNamesAndSaysMessagesOnce) {
  start();
  read();
  const auto first = names_.names;
  read();
  EXPECT_EQ(names_.names, first) << "unchanged names are not handed over again";
  EXPECT_THAT(names_.messages, IsEmpty());
  orders_->names = 5;
  read();
  EXPECT_EQ(names_.names->at({}), "nnnnn");
}

TEST_F(RemoteReadingTest, GrowsAndShrinksWithWhatIsRead) {
  start();
  for (const int count : {1, 100'000, 7, 20'000, 0, 100'000, 99'000}) {
    orders_->peers = count;
    read();
    EXPECT_EQ(peers(), static_cast<std::size_t>(count));
  }
}

TEST_F(RemoteReadingTest, GoesOnWithANewProcessWhenTheOldOneDied) {
  start();
  read();
  const pid_t first = orders_->pid;
  orders_->die_next = 1;
  read();  // dies, waits for the new one, and asks it
  EXPECT_EQ(peers(), 3U);
  EXPECT_NE(orders_->pid, first);
  EXPECT_EQ(remote_->reader()->restarts, 1U);
  EXPECT_THAT(names_.messages,
              testing::Contains("the process that reads was started again: signal 9 (Killed) "
                                "ended it"));
  ASSERT_NE(names_.names, nullptr);
  EXPECT_EQ(names_.names->at({}), "n");
}

TEST_F(RemoteReadingTest, SaysSoWhenEachNewProcessDiesToo) {
  start();
  read();
  orders_->die_next = 2;
  read();
  EXPECT_TRUE(snapshot_.devices.empty());
  ASSERT_EQ(snapshot_.failures.size(), 1U);
  EXPECT_EQ(snapshot_.failures[0].reason, FailureReason::io);
  EXPECT_THAT(snapshot_.failures[0].detail, HasSubstr("ended while it was asked"));
  EXPECT_FALSE(snapshot_.collectors[0].success);
  EXPECT_TRUE(snapshot_.collectors[0].ran);
  ASSERT_NE(names_.names, nullptr) << "names outlive the process that read them";
  read();
  EXPECT_EQ(peers(), 3U);
  EXPECT_EQ(remote_->reader()->restarts, 2U);
}

TEST_F(RemoteReadingTest, DoesNotWaitForOneThatHangs) {
  start();
  read();
  orders_->hang_next = 1;
  const Instant before = os::boot_now();
  read(milliseconds(100));
  EXPECT_LT(os::boot_now() - before, seconds(5));
  ASSERT_EQ(snapshot_.failures.size(), 1U);
  EXPECT_EQ(snapshot_.failures[0].reason, FailureReason::timeout);
  read(milliseconds(50));  // not asked again meanwhile
  EXPECT_EQ(orders_->reads, 2);
  EXPECT_EQ(snapshot_.failures[0].reason, FailureReason::timeout);
  orders_->hung = false;
  orders_->peers = 8;
  read();  // the answer that was late is not taken for this one
  EXPECT_EQ(peers(), 8U);
  EXPECT_TRUE(snapshot_.failures.empty());
  EXPECT_EQ(remote_->reader()->restarts, 0U);
}

TEST_F(RemoteReadingTest, LeavesNoProcessBehind) {
  start();
  read();
  const pid_t reader = orders_->pid;
  orders_->hang_next = 1;  // not even one that hangs
  read(milliseconds(50));
  remote_.reset();
  EXPECT_TRUE(test::wait_until([&] { return !runs(reader); }, seconds(10)));
}

TEST_F(RemoteReadingTest, TellsWhenNothingCanBeReadAnyMore) {
  start();
  read();
  bool lost = false;
  remote_->on_lost([&] { lost = true; });
  kill(remote_->keeper(), SIGKILL);
  EXPECT_TRUE(test::wait_until(
      [&] {
        read(milliseconds(200));
        return lost;
      },
      seconds(10)));
  EXPECT_THAT(snapshot_.failures[0].detail, HasSubstr("nothing can be read any longer"));
  const pid_t reader = orders_->pid;
  EXPECT_TRUE(test::wait_until([&] { return !runs(reader); }, seconds(10)));
}

}  // namespace
}  // namespace wgscope::exporter
