#include "wgscope/source/collect.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <string_view>
#include <sys/stat.h>
#include <thread>
#include <vector>

#include <fmt/core.h>
#include <gtest/gtest.h>

#include "wgscope/base/result.hpp"
#include "wgscope/model/snapshot.hpp"
#include "wgscope/os/clock.hpp"

#include "allocation_watch.hpp"
#include "describe.hpp"
#include "scripted_server.hpp"
#include "temp_dir.hpp"
#include "uapi_answers.hpp"

namespace wgscope::source {
namespace {

using namespace std::chrono_literals;
using uapi::testing::answer;
using uapi::testing::answers;
using uapi::testing::bind_socket;
using uapi::testing::ScriptedServer;
using wgscope::testing::AllocationWatch;

TEST(NameFilter, AcceptsEverythingWithoutExpressions) {
  EXPECT_TRUE(NameFilter().accepts("wg0"));
  EXPECT_TRUE(NameFilter::make("", "").value().accepts(""));
}

TEST(NameFilter, MatchesWholeNames) {
  const NameFilter filter = NameFilter::make("wg[0-9]+", "").value();
  EXPECT_TRUE(filter.accepts("wg0"));
  EXPECT_TRUE(filter.accepts("wg12"));
  EXPECT_FALSE(filter.accepts("wg"));
  EXPECT_FALSE(filter.accepts("mywg0"));
  EXPECT_FALSE(filter.accepts("wg0x"));
}

TEST(NameFilter, ExcludesWhatItIncludes) {
  const NameFilter filter = NameFilter::make("wg.*", "wg-(test|lab)").value();
  EXPECT_TRUE(filter.accepts("wg-prod"));
  EXPECT_FALSE(filter.accepts("wg-test"));
  EXPECT_TRUE(filter.accepts("wg-test2"));
  EXPECT_FALSE(NameFilter::make("", "tun0").value().accepts("tun0"));
}

TEST(NameFilter, QuotesAnExpressionThatIsNone) {
  for (const auto& made : {NameFilter::make("wg(", ""), NameFilter::make("", "wg(")}) {
    ASSERT_FALSE(made);
    EXPECT_EQ(made.error().code, Errc::bad_value);
    EXPECT_NE(made.error().context.find("'wg('"), std::string::npos);
  }
}

class Collect : public ::testing::Test {
 protected:
  CollectOptions options() {
    CollectOptions options;
    options.kernel = false;
    options.uapi_folder = folder_.path();
    return options;
  }
  std::string path(const std::string& interface) { return folder_ / (interface + ".sock"); }
  void serve(const std::string& interface, std::string text) {
    servers_.push_back(std::make_unique<ScriptedServer>(path(interface), answers(std::move(text))));
  }
  static Snapshot collect(SnapshotSource& source, Snapshot into = {}) {
    const Now now = os::now();
    source.collect(now, now.boot + 20s, into);
    EXPECT_EQ(into.taken.boot, now.boot);
    return into;
  }
  Snapshot collect() {
    SnapshotSource source(options());
    return collect(source);
  }

  static std::string describe(const Snapshot& snapshot) {
    std::string text;
    for (const Device& device : snapshot.devices)
      text += fmt::format(
          "{}/{} link={} drops={}\n{}", device.netns, device.name,
          device.link ? device.link->name : "none",
          device.socket_receive_drops ? std::to_string(*device.socket_receive_drops) : "none",
          wgscope::testing::describe(device));
    for (const Failure& failure : snapshot.failures)
      text += fmt::format("failure {}/{} {} {}\n", failure.netns, failure.interface,
                          to_string(failure.reason), failure.detail);
    return text;
  }

  test::TempDir folder_;
  std::vector<std::unique_ptr<ScriptedServer>> servers_;
};

TEST_F(Collect, IsWholeAndEmptyWithoutSockets) {
  const Snapshot snapshot = collect();
  EXPECT_EQ(describe(snapshot), "");
  EXPECT_TRUE(snapshot.report(Collector::uapi).ran);
  EXPECT_TRUE(snapshot.report(Collector::uapi).success);
  EXPECT_FALSE(snapshot.report(Collector::netlink).ran) << "switched off";
}

TEST_F(Collect, IsWholeAndEmptyWithoutTheFolder) {
  CollectOptions elsewhere = options();
  elsewhere.uapi_folder = folder_ / "missing";
  SnapshotSource source(elsewhere);
  const Snapshot snapshot = collect(source);
  EXPECT_EQ(describe(snapshot), "");
  EXPECT_TRUE(snapshot.report(Collector::uapi).success);
}

TEST_F(Collect, ReportsAFolderThatCannotBeRead) {
  std::ofstream(folder_ / "file").flush();
  CollectOptions elsewhere = options();
  elsewhere.uapi_folder = folder_ / "file";
  SnapshotSource source(elsewhere);
  const Snapshot snapshot = collect(source);
  ASSERT_EQ(snapshot.failures.size(), 1U);
  EXPECT_EQ(snapshot.failures[0].interface, "");
  EXPECT_EQ(snapshot.failures[0].reason, FailureReason::io);
  EXPECT_FALSE(snapshot.report(Collector::uapi).success);
}

TEST_F(Collect, RunsNothingThatIsSwitchedOff) {
  CollectOptions nothing = options();
  nothing.userspace = false;
  serve("lo", answer(1));
  SnapshotSource source(nothing);
  const Snapshot snapshot = collect(source);
  EXPECT_EQ(describe(snapshot), "");
  for (const CollectorReport& report : snapshot.collectors) EXPECT_FALSE(report.ran);
}

TEST_F(Collect, JoinsADaemonsAnswerWithItsLink) {
  serve("lo", answer(3));  // the one interface every namespace has
  const Snapshot snapshot = collect();
  ASSERT_EQ(snapshot.devices.size(), 1U) << describe(snapshot);
  const Device& device = snapshot.devices[0];
  EXPECT_EQ(device.name, "lo");
  EXPECT_EQ(device.netns, "") << "the socket was made in our own namespace";
  EXPECT_EQ(device.implementation, Implementation::userspace);
  EXPECT_EQ(device.peers.size(), 3U);
  ASSERT_TRUE(device.link);
  EXPECT_EQ(device.link->name, "lo");
  EXPECT_TRUE(snapshot.failures.empty()) << describe(snapshot);
  EXPECT_TRUE(snapshot.report(Collector::links).ran);
  EXPECT_TRUE(snapshot.report(Collector::links).success);
}

TEST_F(Collect, TakesAnInterfaceWithoutLinkForWhole) {
  serve("wgscope-none", answer(3));
  const Snapshot snapshot = collect();
  ASSERT_EQ(snapshot.devices.size(), 1U);
  EXPECT_EQ(snapshot.devices[0].peers.size(), 3U);
  EXPECT_FALSE(snapshot.devices[0].link);
  EXPECT_TRUE(snapshot.failures.empty()) << "embedded endpoints have none: " << describe(snapshot);
  EXPECT_TRUE(snapshot.report(Collector::links).success);
  EXPECT_TRUE(snapshot.report(Collector::uapi).success);
}

TEST_F(Collect, SortsInterfacesByName) {
  for (const char* name : {"wgs-c", "wgs-a", "wgs-b"}) serve(name, answer(1));
  const Snapshot snapshot = collect();
  ASSERT_EQ(snapshot.devices.size(), 3U);
  EXPECT_EQ(snapshot.devices[0].name, "wgs-a");
  EXPECT_EQ(snapshot.devices[1].name, "wgs-b");
  EXPECT_EQ(snapshot.devices[2].name, "wgs-c");
}

TEST_F(Collect, LosesOnlyTheInterfaceThatFails) {
  serve("lo", answer(3));
  serve("wgs-bad", "private_key=x\n");
  const auto refusing = bind_socket(path("wgs-refuses"));
  const Snapshot snapshot = collect();
  ASSERT_EQ(snapshot.devices.size(), 1U);
  EXPECT_EQ(snapshot.devices[0].peers.size(), 3U);
  ASSERT_EQ(snapshot.failures.size(), 2U) << describe(snapshot);
  EXPECT_EQ(snapshot.failures[0].interface, "wgs-bad");
  EXPECT_EQ(snapshot.failures[0].reason, FailureReason::malformed);
  EXPECT_EQ(snapshot.failures[1].interface, "wgs-refuses");
  EXPECT_EQ(snapshot.failures[1].reason, FailureReason::refused);
  EXPECT_FALSE(snapshot.report(Collector::uapi).success);
}

TEST_F(Collect, AsksOnlyInterfacesThatTheFilterAccepts) {
  serve("lo", answer(1));
  const auto refusing = bind_socket(path("wgs-refuses"));
  CollectOptions filtered = options();
  filtered.filter = NameFilter::make("", "wgs-.*").value();
  SnapshotSource source(filtered);
  const Snapshot snapshot = collect(source);
  ASSERT_EQ(snapshot.devices.size(), 1U);
  EXPECT_TRUE(snapshot.failures.empty()) << describe(snapshot);
}

TEST_F(Collect, PassesOverNamesThatNoInterfaceCanHave) {
  const auto socket = bind_socket(path(std::string(16, 'x')));
  EXPECT_EQ(describe(collect()), "");
  const auto longest = bind_socket(path(std::string(15, 'x')));
  EXPECT_EQ(collect().failures.size(), 1U);
}

TEST_F(Collect, ReportsTheDropsOfAListenPortWithoutSocketAsUnknown) {
  serve("lo", "listen_port=1\nerrno=0\n\n");
  const Snapshot snapshot = collect();
  ASSERT_EQ(snapshot.devices.size(), 1U);
  EXPECT_FALSE(snapshot.devices[0].socket_receive_drops) << "not zero: nobody counted";
}

TEST_F(Collect, GivesTheSameIntoARecycledSnapshot) {
  serve("lo", answer(100));
  serve("wgs-bad", "x\n");
  SnapshotSource source(options());
  Snapshot snapshot = collect(source);
  const std::string first = describe(snapshot);
  for (int again = 0; again < 3; ++again) {
    snapshot = collect(source, std::move(snapshot));
    EXPECT_EQ(describe(snapshot), first);
  }
}

TEST_F(Collect, LeavesNothingOfWhatARecycledSnapshotHeld) {
  serve("lo", "errno=0\n\n");
  SnapshotSource source(options());
  const std::string fresh = describe(collect(source));
  Snapshot used;
  used.devices.resize(3);
  for (Device& device : used.devices) {
    device.name = "lo";
    device.implementation = Implementation::userspace;
    device.public_key = PublicKey{};
    device.listen_port = 7;
    device.fwmark = 7;
    device.socket_receive_drops = 7;
    device.peers.resize(5);
    device.allowed_ips.resize(5);
  }
  used.devices[1].netns = "blue";
  used.devices[2].name = "gone";
  used.failures.push_back({"", "old", FailureReason::io, "old"});
  used.report(Collector::netlink) = {true, false, 5s};
  const Snapshot snapshot = collect(source, std::move(used));
  EXPECT_EQ(describe(snapshot), fresh);
  EXPECT_FALSE(snapshot.report(Collector::netlink).ran);
}

TEST_F(Collect, FollowsInterfacesThatComeAndGo) {
  SnapshotSource source(options());
  serve("wgs-a", answer(2));
  Snapshot snapshot = collect(source);
  servers_.clear();
  std::filesystem::remove(path("wgs-a"));
  serve("wgs-b", answer(5));
  snapshot = collect(source, std::move(snapshot));
  ASSERT_EQ(snapshot.devices.size(), 1U);
  EXPECT_EQ(snapshot.devices[0].name, "wgs-b");
  EXPECT_EQ(snapshot.devices[0].peers.size(), 5U);
}

/// What is not known of a namespace: folders stand in for /proc and /run/netns.
class CollectNamespaces : public Collect {
 protected:
  void SetUp() override {
    elsewhere_ = options();
    elsewhere_.proc_folder = folder_ / "proc";
    std::filesystem::create_directories(process() / "net");
    std::filesystem::create_directories(process() / "ns");
  }
  [[nodiscard]] std::filesystem::path process() const { return folder_ / "proc" / "10"; }
  Snapshot collect_elsewhere() {
    SnapshotSource source(elsewhere_);
    return collect(source);
  }

  CollectOptions elsewhere_;
};

TEST_F(CollectNamespaces, TellOfAnInterfaceWhoseDaemonIsNotVisible) {
  serve("lo", answer(3));
  const Snapshot snapshot = collect_elsewhere();
  ASSERT_EQ(snapshot.devices.size(), 1U) << describe(snapshot);
  EXPECT_EQ(snapshot.devices[0].peers.size(), 3U);
  EXPECT_FALSE(snapshot.devices[0].link) << "it may not be our namespace's";
  ASSERT_EQ(snapshot.failures.size(), 1U) << describe(snapshot);
  EXPECT_EQ(snapshot.failures[0].interface, "lo");
  EXPECT_EQ(snapshot.failures[0].reason, FailureReason::nodev);
  EXPECT_NE(snapshot.failures[0].detail.find("PID namespace"), std::string::npos);
  EXPECT_TRUE(snapshot.report(Collector::uapi).success) << "its peers are whole";
  EXPECT_TRUE(snapshot.report(Collector::links).ran);
  EXPECT_FALSE(snapshot.report(Collector::links).success);
}

TEST_F(CollectNamespaces, LeaveAnInterfaceOutWhoseNamespaceCouldNotBeLookedFor) {
  std::filesystem::create_symlink("net", process() / "ns" / "net");  // leads to itself
  serve("lo", answer(3));
  const Snapshot snapshot = collect_elsewhere();
  EXPECT_TRUE(snapshot.devices.empty()) << describe(snapshot);
  ASSERT_EQ(snapshot.failures.size(), 1U) << describe(snapshot);
  EXPECT_EQ(snapshot.failures[0].interface, "lo");
  EXPECT_EQ(snapshot.failures[0].reason, FailureReason::io);
  EXPECT_FALSE(snapshot.report(Collector::uapi).success);
}

TEST_F(CollectNamespaces, LeaveAnInterfaceOutWhoseDaemonEndsMeanwhile) {
  std::filesystem::create_symlink("/proc/self/ns/net", process() / "ns" / "net");
  const std::filesystem::path table = process() / "net" / "unix";
  ASSERT_EQ(mkfifo(table.c_str(), 0600), 0);
  serve("lo", answer(3));
  const std::jthread daemon([&] {
    const std::ofstream looked_for(table);  // waits until somebody reads
    servers_.clear();
  });
  const Snapshot snapshot = collect_elsewhere();
  EXPECT_TRUE(snapshot.devices.empty()) << describe(snapshot);
  ASSERT_EQ(snapshot.failures.size(), 1U) << describe(snapshot);
  EXPECT_EQ(snapshot.failures[0].interface, "lo");
  EXPECT_EQ(snapshot.failures[0].reason, FailureReason::refused);
}

TEST_F(CollectNamespaces, LeaveAnInterfaceOutWhenTheNameOfItsNamespaceIsNotKnown) {
  std::filesystem::create_symlink("/proc/self/ns/mnt", process() / "ns" / "net");
  std::ofstream(process() / "net" / "unix") << "0: 2 0 00010000 0001 01 7 " << path("lo") << "\n";
  std::ofstream(folder_ / "names").flush();
  elsewhere_.named_netns_folder = folder_ / "names";
  serve("lo", answer(3));
  const Snapshot snapshot = collect_elsewhere();
  EXPECT_TRUE(snapshot.devices.empty()) << describe(snapshot);
  ASSERT_EQ(snapshot.failures.size(), 1U) << describe(snapshot);
  EXPECT_EQ(snapshot.failures[0].interface, "lo");
  EXPECT_NE(snapshot.failures[0].detail.find("list network namespaces"), std::string::npos);
}

TEST_F(CollectNamespaces, AreReportedWhereAllAreWantedAndTheirNamesCannotBeListed) {
  std::ofstream(folder_ / "names").flush();
  elsewhere_.named_netns_folder = folder_ / "names";
  elsewhere_.kernel = true;
  elsewhere_.all_named_netns = true;
  const Snapshot snapshot = collect_elsewhere();
  ASSERT_EQ(snapshot.failures.size(), 1U) << describe(snapshot);
  EXPECT_EQ(snapshot.failures[0].reason, FailureReason::io);
  EXPECT_FALSE(snapshot.report(Collector::netlink).success);
}

struct Cost {
  std::size_t count = 0;
  std::size_t bytes = 0;
};

class CollectCost : public Collect {
 protected:
  /// What the second collection of an interface with that many peers takes from the heap.
  Cost second_collection(std::uint32_t peers) {
    // Without a listen port: /proc/net/udp is as long as the machine is busy.
    std::string text;
    for (std::uint32_t i = 0; i < peers; ++i) text += uapi::testing::peer_lines(i);
    serve("lo", text + "errno=0\n\n");
    SnapshotSource source(options());
    Snapshot snapshot = collect(source);
    snapshot = collect(source, std::move(snapshot));  // the namespace is known from here on
    const Now now = os::now();
    AllocationWatch::start();
    source.collect(now, now.boot + 20s, snapshot);
    AllocationWatch::stop();
    EXPECT_EQ(snapshot.devices.at(0).peers.size(), peers);
    EXPECT_EQ(snapshot.devices.at(0).allowed_ips.size(), 2 * peers);
    servers_.clear();
    std::filesystem::remove(path("lo"));
    return {AllocationWatch::count(), AllocationWatch::bytes()};
  }
};

TEST_F(CollectCost, DoesNotGrowWithAnUnchangedSetOfPeers) {
  const Cost few = second_collection(1);
  const Cost many = second_collection(2000);
  EXPECT_GT(few.count, 0U) << "the watch works";
  EXPECT_EQ(many.count, few.count);
  EXPECT_EQ(many.bytes, few.bytes);
}

TEST_F(Collect, GivesNoMemoryBackWithKeysInIt) {
  serve("lo", answer(50));
  // The broken answer stays in the buffer of a conversation that is given up.
  serve("wgs-bad", fmt::format("private_key={}\nlisten_port=x\n", uapi::testing::kPrivateKey));
  for (const std::string_view needle : {uapi::testing::kPrivateKey, uapi::testing::kPresharedKey}) {
    SnapshotSource source(options());
    Snapshot snapshot;
    const Now now = os::now();
    AllocationWatch::start(needle);
    source.collect(now, now.boot + 20s, snapshot);
    {
      const std::string planted(needle);
    }
    AllocationWatch::stop();
    EXPECT_EQ(AllocationWatch::leaked(), 1U)
        << "only the one planted here, to see that it is found";
    EXPECT_EQ(snapshot.devices.size(), 1U);
    EXPECT_EQ(describe(snapshot).find(needle), std::string::npos);
  }
}

}  // namespace
}  // namespace wgscope::source
