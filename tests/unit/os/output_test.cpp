#include "wgscope/os/output.hpp"

#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <fcntl.h>
#include <future>
#include <string>
#include <unistd.h>
#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "wgscope/os/unique_fd.hpp"

namespace wgscope::os {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr seconds kPatience{30};

struct Pipe {
  UniqueFd read_end;
  UniqueFd write_end;
};

Pipe make_pipe() {
  std::array<int, 2> fds{};
  EXPECT_EQ(pipe2(fds.data(), O_CLOEXEC), 0);
  return {UniqueFd(fds[0]), UniqueFd(fds[1])};
}

OutputOptions options(std::size_t most_waiting = 4096) {
  return {.most_waiting = most_waiting, .left_out = [](std::uint64_t count) {
            return "left out " + std::to_string(count) + "\n";
          }};
}

/// What comes out of a pipe up to the line that says how many are missing.
std::string read_to_gap(int fd) {
  std::string text;
  std::array<char, 65536> buffer{};
  while (text.find("left out ") == std::string::npos || !text.ends_with('\n')) {
    const ssize_t size = read(fd, buffer.data(), buffer.size());
    if (size <= 0) return text + "(ended)";
    text.append(buffer.data(), static_cast<std::size_t>(size));
  }
  return text;
}

TEST(Output, WritesLinesInTheirOrder) {
  const Pipe pipe = make_pipe();
  Output output = Output::open(pipe.write_end.get(), options()).value();
  output.say(std::string("a\n"));
  output.say(std::string("b\n"));
  EXPECT_EQ(output.flush(kPatience), 0U);
  std::array<char, 16> buffer{};
  EXPECT_EQ(read(pipe.read_end.get(), buffer.data(), buffer.size()), 4);
  EXPECT_STREQ(buffer.data(), "a\nb\n");
}

TEST(Output, CountsWhatAReaderWhoWaitsMissesAndSaysSoWhenItReads) {
  const Pipe pipe = make_pipe();
  Output output = Output::open(pipe.write_end.get(), options(std::size_t{256} << 10U)).value();
  const std::string first(100000,
                          'y');  // more than the pipe's 64 KiB: nothing passes before a read
  output.say(first);
  const std::string line(1023, 'x');
  constexpr std::uint64_t kLines = 1000;
  for (std::uint64_t i = 0; i < kLines; ++i) output.say(line + '\n');
  EXPECT_GT(output.flush(milliseconds(1)), kLines);

  const std::string text = read_to_gap(pipe.read_end.get());
  const std::uint64_t written = (text.rfind("left out") - first.size()) / (line.size() + 1);
  EXPECT_GT(written, 100U);
  EXPECT_LT(written, 300U);
  EXPECT_THAT(text, EndsWith("left out " + std::to_string(kLines - written) + "\n"));
  EXPECT_EQ(output.flush(kPatience), 0U);
  output.say(std::string("again\n"));
  std::array<char, 16> buffer{};
  EXPECT_EQ(read(pipe.read_end.get(), buffer.data(), buffer.size()), 6);
}

TEST(Output, WaitsForADescriptorThatDoesNot) {
  const Pipe pipe = make_pipe();
  ASSERT_EQ(fcntl(pipe.write_end.get(), F_SETFL, O_NONBLOCK), 0);
  Output output = Output::open(pipe.write_end.get(), options(std::size_t{1} << 20U)).value();
  constexpr std::size_t kSize = 200000;  // more than the pipe holds
  output.say(std::string(kSize, 'x'));
  std::size_t size = 0;
  std::array<char, 65536> buffer{};
  while (size < kSize) {
    const ssize_t got = read(pipe.read_end.get(), buffer.data(), buffer.size());
    ASSERT_GT(got, 0);
    size += static_cast<std::size_t>(got);
  }
  EXPECT_EQ(output.flush(kPatience), 0U);
  EXPECT_FALSE(output.error());
}

TEST(Output, TellsWhenNobodyCanReadAnyMore) {
  Pipe pipe = make_pipe();
  Output output = Output::open(pipe.write_end.get(), options()).value();
  std::promise<void> failed;
  output.on_failure([&] { failed.set_value(); });
  pipe.read_end.reset();
  output.say(std::string("lost\n"));
  ASSERT_EQ(failed.get_future().wait_for(kPatience), std::future_status::ready);
  ASSERT_TRUE(output.error());
  EXPECT_EQ(output.error()->sys_errno, EPIPE);
  // Whoever asks later is told at once.
  bool told = false;
  output.on_failure([&] { told = true; });
  EXPECT_TRUE(told);
  EXPECT_EQ(output.flush(kPatience), 0U);
}

TEST(Output, TellsOfADiskThatIsFull) {
  const UniqueFd full(open("/dev/full", O_WRONLY | O_CLOEXEC));
  ASSERT_TRUE(full);
  Output output = Output::open(full.get(), options()).value();
  output.say(std::string("lost\n"));
  static_cast<void>(output.flush(kPatience));
  ASSERT_TRUE(output.error());
  EXPECT_EQ(output.error()->sys_errno, ENOSPC);
}

TEST(Output, RefusesADescriptorThatIsClosed) {
  Pipe pipe = make_pipe();
  const int fd = pipe.write_end.get();
  pipe.write_end.reset();
  const auto output = Output::open(fd, options());
  ASSERT_FALSE(output);
  EXPECT_EQ(output.error().sys_errno, EBADF);
}

TEST(Output, EndsWhileNobodyReads) {
  const Pipe pipe = make_pipe();
  {
    Output output = Output::open(pipe.write_end.get(), options()).value();
    output.say(std::string(1, '\n'));
    output.say(std::string(200000, 'x'));  // above what may wait: left out
    for (int i = 0; i < 100; ++i) output.say(std::string(4000, 'x'));
  }
  SUCCEED() << "its end did not wait";
}

}  // namespace
}  // namespace wgscope::os
