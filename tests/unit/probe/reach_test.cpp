// wgscope reach as a process, wgscope listen its gateway; and its page.

#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "wgscope/config/expectations.hpp"

#include "files.hpp"
#include "paths.hpp"
#include "process.hpp"
#include "temp_dir.hpp"

namespace wgscope::probe {
namespace {

using namespace std::chrono_literals;
using test::Finished;
using test::Process;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

class ReachProgram : public testing::Test {
 protected:
  static std::string wgscope() { return test::binary_dir() / "probe/wgscope"; }

  void SetUp() override {
    ASSERT_TRUE(listen_.wait_for_output("stop with Ctrl-C", 30s)) << listen_.err();
  }

  Finished reach(std::vector<std::string> more) {
    std::vector<std::string> argv{wgscope(),     "reach",       "--config",   folder_ / "peer.conf",
                                  "--state.dir", folder_ / "s", "--uapi.dir", folder_ / "none"};
    argv.insert(argv.end(), more.begin(), more.end());
    return test::run(std::move(argv), {}, 60s);
  }
  /// One line on standard error, and 3.
  std::string refusal(std::vector<std::string> more) {
    const Finished ended = reach(std::move(more));
    EXPECT_EQ(ended.exit_code, 3);
    EXPECT_THAT(ended.out, IsEmpty());
    EXPECT_EQ(ended.err.find('\n'), ended.err.size() - 1) << ended.err;
    return ended.err;
  }

  test::TempDir folder_;
  Process listen_{{wgscope(), "listen", "--generate", "--peer-file", folder_ / "peer.conf",
                   "--uapi.dir", folder_.path()}};
};

TEST_F(ReachProgram, EndsWithZeroWhereAllIsAsExpected) {
  test::write_file(folder_ / "expect.yaml",
                   "- tcp: 10.95.86.1:7\n- tcp: \"[fd95:86::1]:22\"\n  expect: closed\n");
  const Finished ended = reach({"--expect", folder_ / "expect.yaml", "--icmp", "10.95.86.1",
                                "--ping", "10.95.86.1", "--udp", "10.95.86.1:7"});
  EXPECT_EQ(ended.exit_code, 0) << ended.out << ended.err;
  EXPECT_THAT(ended.out, StartsWith("OK: all 5 targets inside the tunnel are as expected\n"));
}

TEST_F(ReachProgram, EndsWithTwoWhereWhatMustBeClosedIsOpen) {
  const Finished ended = reach({"--expect-closed", "tcp:10.95.86.1:7"});
  EXPECT_EQ(ended.exit_code, 2) << ended.out << ended.err;
  EXPECT_THAT(ended.out, AllOf(StartsWith("CRITICAL: tcp 10.95.86.1:7 is reachable"),
                               HasSubstr("WGS-RCH-003")));
}

TEST_F(ReachProgram, EndsWithThreeWhereClosedCannotBeProven) {
  const Finished ended =
      reach({"--expect-closed", "udp:10.95.86.99:53", "--tries", "1", "--try-timeout", "200ms"});
  EXPECT_EQ(ended.exit_code, 3) << ended.out << ended.err;
  EXPECT_THAT(ended.out, HasSubstr("WGS-RCH-007"));
}

TEST_F(ReachProgram, PlansWithoutSending) {
  const Finished ended = reach({"--plan", "--tcp", "10.95.86.1:7", "--tries", "2"});
  EXPECT_EQ(ended.exit_code, 0) << ended.err;
  EXPECT_THAT(ended.out, HasSubstr("tcp 10.95.86.1:7, asked at most 2 times"));
  EXPECT_FALSE(listen_.wait_for_output("initiation accepted", 300ms));
}

TEST_F(ReachProgram, SaysWhatIsWrongWithATarget) {
  EXPECT_THAT(refusal({}), HasSubstr("no targets: give some with --icmp"));
  EXPECT_THAT(refusal({"--tcp", "10.95.86.1"}), HasSubstr("--tcp 10.95.86.1: expected HOST:PORT"));
  EXPECT_THAT(refusal({"--http", "https://10.95.86.1/"}), HasSubstr("https is not supported"));
  EXPECT_THAT(refusal({"--dns", "10.95.86.1"}), HasSubstr("NAME@SERVER"));
  EXPECT_THAT(refusal({"--expect-closed", "10.95.86.1:22"}), HasSubstr("expected tcp:HOST:PORT"));
  EXPECT_THAT(refusal({"--icmp", "a", "--dns-server", "192.0.2.1"}),
              HasSubstr("--dns-server 192.0.2.1: 192.0.2.1 is not in the gateway's AllowedIPs"));
  EXPECT_THAT(refusal({"--expect", folder_ / "none.yaml"}), HasSubstr("none.yaml"));
  test::write_file(folder_ / "bad.yaml", "- tcp: 10.95.86.1:7\n- tcp: 7\n");
  EXPECT_THAT(refusal({"--expect", folder_ / "bad.yaml"}),
              AllOf(HasSubstr("bad.yaml"), HasSubstr("line 2: tcp: expected HOST:PORT")));
}

TEST(ReachPage, ShowsAFileThatIsRead) {
  const std::string page = test::read_file(test::source_dir() / "docs/reach.md");
  constexpr std::string_view kFence = "```yaml\n";
  const std::size_t begin = page.find(kFence);
  ASSERT_NE(begin, std::string::npos);
  const std::string text = page.substr(begin + kFence.size());
  const auto read = config::parse_expectations(text.substr(0, text.find("```")));
  ASSERT_TRUE(read) << read.error().context;
  EXPECT_EQ(read->size(), 6U);
}

}  // namespace
}  // namespace wgscope::probe
