#include "wgscope/model/snapshot.hpp"

#include <set>
#include <string_view>
#include <utility>

#include <gtest/gtest.h>

namespace wgscope {
namespace {

TEST(FailureReason, KeepsTheNamesThatAlertsMatch) {
  EXPECT_EQ(to_string(FailureReason::eperm), "eperm");
  EXPECT_EQ(to_string(FailureReason::eacces), "eacces");
  EXPECT_EQ(to_string(FailureReason::netns_gone), "netns_gone");
  EXPECT_EQ(to_string(FailureReason::nodev), "nodev");
  EXPECT_EQ(to_string(FailureReason::interrupted), "interrupted");
  EXPECT_EQ(to_string(FailureReason::timeout), "timeout");
  EXPECT_EQ(to_string(FailureReason::malformed), "malformed");
  EXPECT_EQ(to_string(FailureReason::refused), "refused");
  EXPECT_EQ(to_string(FailureReason::io), "io");
}

TEST(FailureReason, FollowsFromTheError) {
  for (const Errc code :
       {Errc::truncated, Errc::bad_length, Errc::bad_value, Errc::missing_key, Errc::too_large})
    EXPECT_EQ(failure_reason(code), FailureReason::malformed) << to_string(code);
  EXPECT_EQ(failure_reason(Errc::not_permitted), FailureReason::eperm);
  EXPECT_EQ(failure_reason(Errc::access_denied), FailureReason::eacces);
  EXPECT_EQ(failure_reason(Errc::netns_gone), FailureReason::netns_gone);
  EXPECT_EQ(failure_reason(Errc::no_device), FailureReason::nodev);
  EXPECT_EQ(failure_reason(Errc::interrupted), FailureReason::interrupted);
  EXPECT_EQ(failure_reason(Errc::timeout), FailureReason::timeout);
  EXPECT_EQ(failure_reason(Errc::refused), FailureReason::refused);
  EXPECT_EQ(failure_reason(Errc::unsupported), FailureReason::io);
  EXPECT_EQ(failure_reason(Errc::io), FailureReason::io);
}

TEST(Snapshot, LacksPeersOfAnInterfaceThatWasNotReadAsAWhole) {
  Device device;
  device.name = "wg0";
  device.netns = "blue";
  const auto with = [](Failure failure) {
    Snapshot snapshot;
    snapshot.failures.push_back(std::move(failure));
    return snapshot;
  };
  using enum FailureReason;
  EXPECT_FALSE(lacks_peers({}, device));
  EXPECT_TRUE(lacks_peers(with({"blue", "wg0", interrupted, ""}), device));
  EXPECT_TRUE(lacks_peers(with({"", "wg0", malformed, ""}), device));
  EXPECT_FALSE(lacks_peers(with({"blue", "wg1", malformed, ""}), device));
  EXPECT_FALSE(lacks_peers(with({"red", "wg0", malformed, ""}), device));
  EXPECT_FALSE(lacks_peers(with({"blue", "wg0", nodev, ""}), device)) << "that is about its link";
}

TEST(Collector, HasANameOfItsOwn) {
  EXPECT_EQ(to_string(Collector::netlink), "netlink");
  EXPECT_EQ(to_string(Collector::uapi), "uapi");
  EXPECT_EQ(to_string(Collector::links), "links");
}

TEST(Snapshot, StartsWithCollectorsThatDidNotRunAndDidNotFail) {
  const Snapshot snapshot;
  for (const Collector c : {Collector::netlink, Collector::uapi, Collector::links}) {
    EXPECT_FALSE(snapshot.report(c).ran);
    EXPECT_TRUE(snapshot.report(c).success);
  }
}

}  // namespace
}  // namespace wgscope
