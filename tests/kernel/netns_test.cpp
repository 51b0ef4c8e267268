// Interfaces in network namespaces other than the caller's.

#include <filesystem>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "guest.hpp"
#include "wait.hpp"
#include "wireguard.hpp"

namespace wgscope::test {
namespace {

using testing::AnyOf;
using testing::Each;
using testing::ElementsAre;
using testing::IsEmpty;

constexpr std::chrono::seconds kLongEnough{20};

std::vector<std::string> names(const Snapshot& snapshot) {
  std::vector<std::string> lines;
  for (const Device& device : snapshot.devices) lines.push_back(device.netns + "/" + device.name);
  return lines;
}

/// A namespace with one interface that has one peer.
struct Site {
  explicit Site(const std::string& name, std::uint32_t key) : netns(name) {
    must("ip -n {} link add wg0 type wireguard", name);
    configure(name, "wg0", {.peers = {{.public_key = made_up_key(key).base64()}}});
  }
  Namespace netns;
};

std::string own_namespace() {
  return std::filesystem::read_symlink("/proc/thread-self/ns/net").string();
}

TEST(KernelNetns, AreReadByNameByPathAndAll) {
  const Interface own("wg0");
  const Site a("a", 1);
  const Site b("b", 2);
  EXPECT_THAT(names(collect()), ElementsAre("/wg0"));
  EXPECT_THAT(names(collect({.netns = {"b"}})), ElementsAre("/wg0", "b/wg0"));
  EXPECT_THAT(names(collect({.netns = {"/run/netns/a"}})), ElementsAre("/wg0", "/run/netns/a/wg0"));
  const Snapshot all = collect({.all_named_netns = true});
  EXPECT_THAT(names(all), ElementsAre("/wg0", "a/wg0", "b/wg0"));
  EXPECT_THAT(failures(all), IsEmpty());
  EXPECT_EQ(device(all, "a", "wg0").peers.at(0).public_key, made_up_key(1));
  EXPECT_EQ(device(all, "b", "wg0").peers.at(0).public_key, made_up_key(2));
}

TEST(KernelNetns, AreReadOnceHoweverOftenTheyAreNamed) {
  const Site a("a", 1);
  EXPECT_THAT(names(collect({.netns = {"a", "/run/netns/a"}, .all_named_netns = true})),
              ElementsAre("a/wg0"));
  const Interface own("wg0");
  EXPECT_THAT(names(collect({.netns = {"/proc/self/ns/net"}})), ElementsAre("/wg0"));
}

TEST(KernelNetns, NeedNoNameWhereAProcessLivesInThem) {
  const Site a("a", 1);
  std::string path;
  {
    // It only has to live in the namespace until the scope ends, which kills it.
    const Process process = in_background("exec /bin/ip netns exec a sleep 60");
    path = fmt::format("/proc/{}/ns/net", process.pid());
    ASSERT_TRUE(wait_until(
        [&] {
          return names(collect({.netns = {path}})) == std::vector<std::string>{path + "/wg0"};
        },
        kLongEnough));
  }
  EXPECT_THAT(failures(collect({.netns = {path}})), ElementsAre(path + "/: netns_gone"));
}

TEST(KernelNetns, ThatAreGoneAreReportedAndHideNoOther) {
  const Interface own("wg0");
  const Site stays("stays", 1);
  Site goes("goes", 2);
  source::SnapshotSource source({.netns = {"goes", "stays", "never"}});
  Snapshot snapshot;
  collect(source, snapshot);
  EXPECT_THAT(names(snapshot), ElementsAre("/wg0", "goes/wg0", "stays/wg0"));
  EXPECT_THAT(failures(snapshot), ElementsAre("never/: netns_gone"));

  goes.netns.remove();
  collect(source, snapshot);
  EXPECT_THAT(names(snapshot), ElementsAre("/wg0", "stays/wg0"));
  EXPECT_THAT(failures(snapshot), ElementsAre("goes/: netns_gone", "never/: netns_gone"));
  EXPECT_FALSE(snapshot.report(Collector::netlink).success);

  const Site again("goes", 3);
  collect(source, snapshot);
  EXPECT_EQ(device(snapshot, "goes", "wg0").peers.at(0).public_key, made_up_key(3));
}

TEST(KernelNetns, ComingAndGoingHideNoOther) {
  const Interface own("wg0");
  const Site stays("stays", 1);
  Churn churn(
      "/bin/ip netns add goes; /bin/ip -n goes link add wg0 type wireguard; /bin/ip netns del "
      "goes");
  source::SnapshotSource source({.netns = {"goes"}, .all_named_netns = true});
  Snapshot snapshot;
  for (int i = 0; i < 50; ++i) {
    collect(source, snapshot);
    EXPECT_NO_THROW(device(snapshot, "", "wg0"));
    EXPECT_NO_THROW(device(snapshot, "stays", "wg0"));
    EXPECT_THAT(failures(snapshot),
                Each(AnyOf("goes/: netns_gone", "goes/wg0: nodev", "goes/: interrupted")));
  }
  churn.stop();
}

TEST(KernelNetns, LeaveTheCallingThreadWhereItWas) {
  const Site a("a", 1);
  const std::string before = own_namespace();
  const Snapshot snapshot = collect({.netns = {"a"}});
  EXPECT_THAT(names(snapshot), ElementsAre("a/wg0"));
  EXPECT_EQ(own_namespace(), before);
}

TEST(KernelNetns, AreNotKeptAliveAfterACollection) {
  Site a("a", 1);
  must("ip link add here type veth peer name there netns a");
  source::SnapshotSource source({.netns = {"a"}});
  Snapshot snapshot;
  collect(source, snapshot);
  ASSERT_THAT(names(snapshot), ElementsAre("a/wg0"));
  a.netns.remove();
  // The pair goes when the namespace really ends; an open file or a thread in it would keep both.
  EXPECT_TRUE(wait_until([] { return !exists("/sys/class/net/here"); }, kLongEnough));
}

TEST(KernelNetns, MayHaveInterfacesOfTheSameNameAndTheFilterHoldsInAll) {
  const Interface own("wg0");
  const Site a("a", 1);
  must("ip -n a link add wg1 type wireguard");
  source::CollectOptions options{.netns = {"a"}};
  options.filter = source::NameFilter::make("", "wg0").value();
  EXPECT_THAT(names(collect(options)), ElementsAre("a/wg1"));
}

}  // namespace
}  // namespace wgscope::test
