// wgscope listen while nobody reads what it says: its tunnels work, and SIGTERM ends it.

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <fcntl.h>
#include <filesystem>
#include <poll.h>
#include <pty.h>
#include <string>
#include <string_view>
#include <sys/stat.h>
#include <unistd.h>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "wgscope/os/unique_fd.hpp"

#include "flood.hpp"
#include "other_side.hpp"
#include "paths.hpp"
#include "process.hpp"
#include "temp_dir.hpp"
#include "wait.hpp"

namespace wgscope::probe {
namespace {

using std::chrono::seconds;
using ::testing::HasSubstr;

constexpr seconds kPatience{30};

/// Where wgscope writes to, held by somebody who reads only when asked to.
class Reader {
 public:
  explicit Reader(os::UniqueFd fd) : fd_(std::move(fd)) {}

  /// Reads until the text came.
  bool read_until(std::string_view wanted) {
    std::string text;
    return test::wait_until(
        [&] {
          std::array<char, 4096> buffer{};
          const ssize_t size = read(fd_.get(), buffer.data(), buffer.size());
          if (size > 0) text.append(buffer.data(), static_cast<std::size_t>(size));
          return text.find(wanted) != std::string::npos;
        },
        kPatience);
  }

 protected:
  os::UniqueFd fd_;
};

/// A named pipe without any room.
class FullPipe final : public Reader {
 public:
  explicit FullPipe(const std::string& path) : Reader(open_pipe(path)) { fill(); }

  void fill() const {
    const std::string rubbish(4096, '.');
    while (write(fd_.get(), rubbish.data(), rubbish.size()) > 0) continue;
    ASSERT_EQ(errno, EAGAIN);
  }

 private:
  static os::UniqueFd open_pipe(const std::string& path) {
    EXPECT_EQ(mkfifo(path.c_str(), 0600), 0);
    return os::UniqueFd(open(path.c_str(), O_RDWR | O_NONBLOCK | O_CLOEXEC));
  }
};

/// A terminal on which somebody has typed Ctrl-S.
class StoppedTerminal final : public Reader {
 public:
  StoppedTerminal() : StoppedTerminal(make()) {}
  void type(char key) const { ASSERT_EQ(write(fd_.get(), &key, 1), 1); }
  [[nodiscard]] std::string path() const {
    std::array<char, 64> name{};
    EXPECT_EQ(ttyname_r(theirs_.get(), name.data(), name.size()), 0);
    return name.data();
  }

  static constexpr char kStop = '\x13';
  static constexpr char kStart = '\x11';

 private:
  struct Ends {
    os::UniqueFd ours;
    os::UniqueFd theirs;
  };
  static Ends make() {
    int ours = -1;
    int theirs = -1;
    EXPECT_EQ(openpty(&ours, &theirs, nullptr, nullptr, nullptr), 0);
    EXPECT_EQ(fcntl(ours, F_SETFL, O_NONBLOCK), 0);
    EXPECT_EQ(fcntl(ours, F_SETFD, FD_CLOEXEC), 0);
    EXPECT_EQ(fcntl(theirs, F_SETFD, FD_CLOEXEC), 0);
    return {os::UniqueFd(ours), os::UniqueFd(theirs)};
  }
  explicit StoppedTerminal(Ends ends)
      : Reader(std::move(ends.ours)), theirs_(std::move(ends.theirs)) {
    type(kStop);
  }

  os::UniqueFd theirs_;
};

class ListenUnreadTest : public testing::Test {
 protected:
  /// @param redirection  of the shell's.
  std::vector<std::string> command(const std::string& redirection) const {
    return {"sh",
            "-c",
            "exec \"$0\" \"$@\" " + redirection,
            test::binary_dir() / "probe/wgscope",
            "listen",
            "--generate",
            "--peer-file",
            peer_file_,
            "--json",
            "--uapi-dir",
            temp_ / "uapi"};
  }

  [[nodiscard]] OtherSide other_side() const {
    EXPECT_TRUE(test::wait_until([&] { return std::filesystem::exists(peer_file_); }, kPatience));
    return OtherSide(peer_file_);
  }

  static void expect_that_sigterm_ends(test::Process& listen) {
    listen.signal(SIGTERM);
    EXPECT_EQ(listen.wait(kPatience), 0) << listen.err();
  }

  test::TempDir temp_;
  std::string peer_file_ = temp_ / "other.conf";
};

TEST_F(ListenUnreadTest, APipeThatNobodyReads) {
  FullPipe pipe(temp_ / "pipe");
  test::Process listen(command("> " + (temp_ / "pipe").string()));
  OtherSide other = other_side();
  EXPECT_TRUE(other.ping("10.95.86.1"));
  EXPECT_TRUE(pipe.read_until("key_confirmed")) << "what came meanwhile is not lost";
  pipe.fill();
  other.send_rubbish();
  EXPECT_TRUE(other.ping("10.95.86.1"));
  expect_that_sigterm_ends(listen);
  EXPECT_THAT(listen.err(), HasSubstr("1 of the last lines on standard output are not written"));
}

TEST_F(ListenUnreadTest, APipeOfErrorsThatNobodyReads) {
  FullPipe pipe(temp_ / "pipe");
  test::Process listen(command("2> " + (temp_ / "pipe").string()));
  EXPECT_TRUE(other_side().ping("10.95.86.1"));
  EXPECT_TRUE(listen.wait_for_output("key_confirmed", kPatience));
  EXPECT_TRUE(pipe.read_until("stop with Ctrl-C"));
  pipe.fill();
  expect_that_sigterm_ends(listen);
}

TEST_F(ListenUnreadTest, ATerminalThatCtrlSStopped) {
  StoppedTerminal terminal;
  test::Process listen(command("> " + terminal.path() + " 2>&1"));
  OtherSide other = other_side();
  EXPECT_TRUE(other.ping("10.95.86.1"));
  terminal.type(StoppedTerminal::kStart);
  EXPECT_TRUE(terminal.read_until("key_confirmed"));
  terminal.type(StoppedTerminal::kStop);
  other.send_rubbish();
  EXPECT_TRUE(other.ping("10.95.86.1"));
  expect_that_sigterm_ends(listen);
}

TEST_F(ListenUnreadTest, AnOutputThatCannotBeWrittenEndsItWithAnError) {
  const auto ends = [&](const std::string& redirection) {
    test::Process listen(command(redirection));
    EXPECT_TRUE(test::wait_until(
        [&] { return std::filesystem::exists(peer_file_) || !listen.running(); }, kPatience));
    if (listen.running()) OtherSide(peer_file_).send_rubbish();
    EXPECT_EQ(listen.wait(kPatience), 3) << redirection;
    std::filesystem::remove(peer_file_);
    return listen.err();
  };
  EXPECT_THAT(ends("> /dev/full"), HasSubstr("standard output: write: No space left on device"));
  EXPECT_THAT(ends(">&-"), HasSubstr("standard output: write: Bad file descriptor"));
}

TEST_F(ListenUnreadTest, AFloodIsCountedAndNotShown) {
  test::Process listen(command(""));
  OtherSide other = other_side();
  ASSERT_TRUE(listen.wait_for_output("stop with Ctrl-C", kPatience));
  EXPECT_TRUE(other.ping("10.95.86.1"));
  // With a right mac1: the first are decrypted in vain, the others are answered with cookies.
  test::Flood flood("", listen.err().substr(listen.err().find(": ") + 2, 44), other.gateway());
  for (int i = 0; i < 20; ++i) flood.send();
  EXPECT_TRUE(flood.wait_for_cookie());
  EXPECT_TRUE(other.ping("10.95.86.1"));
  EXPECT_TRUE(listen.wait_for_output(R"("event":"cookie_sent_more","count":)", kPatience));
  EXPECT_TRUE(listen.wait_for_output(R"("event":"dropped_more","reason":"under_load","count":)",
                                     kPatience));
  EXPECT_LT(std::ranges::count(listen.out(), '\n'), 500) << "20 000 datagrams came";
}

}  // namespace
}  // namespace wgscope::probe
