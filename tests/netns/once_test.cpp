// --once: one exposition for people, pipes and the textfile collector.

#include <atomic>
#include <cstddef>
#include <filesystem>
#include <string>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "exporter.hpp"
#include "files.hpp"
#include "metrics.hpp"
#include "process.hpp"
#include "temp_dir.hpp"
#include "uapi_server.hpp"
#include "unwritable.hpp"

namespace wgscope::test {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

constexpr std::size_t kPeers = 2000;

class OnceTest : public testing::Test {
 protected:
  Finished once(std::vector<std::string> flags = {}) {
    flags.insert(flags.begin(),
                 {Exporter::program(), "--once", "--uapi.dir=" + sockets_.path().string()});
    return run(std::move(flags));
  }

  TempDir sockets_;
  UapiServer server_{sockets_ / "wg0.sock", {uapi_answer(kPeers)}};
};

std::size_t peers_in(const std::string& exposition) {
  return Metrics::parse(exposition).find("wireguard_peer_allowed_ips").size();
}

TEST_F(OnceTest, WritesOneExpositionToStandardOutput) {
  const Finished finished = once();
  EXPECT_EQ(finished.exit_code, 0) << finished.err;
  EXPECT_EQ(peers_in(finished.out), kPeers);
  EXPECT_EQ(Metrics::parse(finished.out).type("wireguard_peer_receive_bytes_total"), "counter");
}

TEST_F(OnceTest, SaysNothingThatNeedsAnotherReading) {
  const Metrics metrics = Metrics::parse(once().out);
  for (const char* absent :
       {"wireguard_peer_verdict", "wireguard_interface_peers_by_verdict",
        "wireguard_interface_peer_resets_total", "wireguard_peer_handshakes_total",
        "wireguard_peer_endpoint_changes_total", "wireguard_peer_endpoint_alternations_total",
        "wireguard_exporter_clock_steps_total", "wireguard_peer_first_seen_timestamp_seconds",
        "wireguard_interface_created_timestamp_seconds"})
    EXPECT_THAT(metrics.find(absent), IsEmpty()) << absent;
}

TEST_F(OnceTest, KnowsFromItsStateWhenAPeerWasFirstSeen) {
  const TempDir state;
  const auto first_seen = [&] {
    const Metrics metrics = Metrics::parse(once({"--state.dir=" + state.path().string()}).out);
    const auto found = metrics.find("wireguard_peer_first_seen_timestamp_seconds");
    EXPECT_EQ(found.size(), kPeers);
    return found.empty() ? 0 : found.front().value;
  };
  const double before = first_seen();
  EXPECT_GT(before, 0);
  EXPECT_EQ(first_seen(), before);
}

TEST_F(OnceTest, SaysWhatCouldNotBeReadAndWritesTheRest) {
  const UapiServer odd(sockets_ / "odd.sock", {"nonsense\n"});
  const Finished finished = once();
  EXPECT_EQ(finished.exit_code, 0);
  EXPECT_EQ(peers_in(finished.out), kPeers);
  EXPECT_THAT(finished.err, HasSubstr("odd.sock"));
}

TEST_F(OnceTest, FailsWhenNothingAtAllCouldBeRead) {
  server_.reply_with({"nonsense\n"});
  const Finished finished = once({"--no-collector.netlink"});
  EXPECT_EQ(finished.exit_code, 1);
  EXPECT_EQ(Metrics::parse(finished.out)
                .value("wireguard_exporter_collector_success", {{"collector", "uapi"}}),
            0);
}

TEST_F(OnceTest, FailsWhenItsOutputCannotBeWritten) {
  for (const std::string flag : {"--once", "--help", "--version"}) {
    for (const Unwritable& output : kUnwritable) {
      const Finished finished = run(writing_to(
          output, {Exporter::program(), flag, "--uapi.dir=" + sockets_.path().string()}));
      EXPECT_EQ(finished.exit_code, 3) << flag << output.why;
      EXPECT_THAT(finished.err, HasSubstr(std::string("write to standard output: ") + output.why));
      EXPECT_EQ(finished.out, "");
    }
  }
}

TEST_F(OnceTest, ATextfileIsNeverSeenHalf) {
  const TempDir folder;
  const std::filesystem::path file = folder / "wireguard.prom";
  ASSERT_EQ(once({"--textfile=" + file.string()}).exit_code, 0);
  const std::string first = read_file(file);
  ASSERT_EQ(peers_in(first), kPeers);
  const std::string last_line = first.substr(first.rfind("\nwireguard_peer_allowed_ips"));

  std::atomic<bool> done = false;
  std::atomic<int> reads = 0;
  std::string broken;
  std::thread reader([&] {
    while (!done) {
      const std::string seen = read_file(file);
      // Whole if it has its first line and the last of the last family.
      const bool whole = seen.starts_with("# HELP ") && seen.ends_with("\n") &&
                         seen.find(last_line.substr(0, last_line.find('}'))) != std::string::npos;
      if (!whole) broken = seen.substr(0, 200);
      ++reads;
    }
  });
  for (int i = 0; i < 10; ++i) EXPECT_EQ(once({"--textfile=" + file.string()}).exit_code, 0);
  done = true;
  reader.join();
  EXPECT_GT(reads, 10);
  EXPECT_THAT(broken, IsEmpty());
  EXPECT_EQ(peers_in(read_file(file)), kPeers);

  const auto permissions = std::filesystem::status(file).permissions();
  EXPECT_EQ(permissions, std::filesystem::perms(0644)) << "another user's collector reads it";
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder.path()), {}), 1)
      << "nothing is left beside it";
}

TEST_F(OnceTest, ATextfileThatCannotBeWrittenEndsWithOneLine) {
  for (const std::string file : {"/no/such/folder/x.prom", "/proc/x.prom"}) {
    const Finished finished = once({"--textfile=" + file});
    EXPECT_EQ(finished.exit_code, 3);
    EXPECT_THAT(finished.out, IsEmpty());
    EXPECT_THAT(finished.err, AllOf(HasSubstr("level=error"), HasSubstr("write " + file)));
    EXPECT_EQ(count_of(finished.err, "level=error"), 1U) << finished.err;
  }
}

}  // namespace
}  // namespace wgscope::test
