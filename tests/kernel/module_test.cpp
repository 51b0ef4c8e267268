// The WireGuard module itself comes and goes.

#include <chrono>
#include <cstddef>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "wgscope/os/clock.hpp"
#include "wgscope/source/netlink/dump.hpp"
#include "wgscope/source/netlink/wireguard.hpp"

#include "files.hpp"
#include "guest.hpp"
#include "wait.hpp"
#include "wireguard.hpp"

namespace wgscope::test {
namespace {

using testing::IsEmpty;

bool module_loaded() { return exists("/sys/module/wireguard"); }

/// Interfaces of namespaces that were just removed may hold it for a moment.
void unload_module() {
  if (!wait_until([] { return !module_loaded() || run_words("rmmod wireguard").exit_code == 0; },
                  std::chrono::seconds(20)))
    throw std::runtime_error("the module wireguard cannot be unloaded");
}

Result<std::uint16_t> resolve() {
  std::vector<std::byte> buffer(netlink::kReceiveBufferSize);
  return netlink::resolve_wireguard_family(os::boot_now() + std::chrono::seconds(60), buffer);
}

class KernelModule : public testing::Test {
 protected:
  ~KernelModule() override { must("modprobe wireguard"); }

  void expect_whole_with(std::size_t devices) {
    collect(source_, snapshot_);
    EXPECT_EQ(snapshot_.devices.size(), devices);
    EXPECT_THAT(failures(snapshot_), IsEmpty());
    for (const Collector collector : {Collector::netlink, Collector::links}) {
      EXPECT_TRUE(snapshot_.report(collector).ran);
      EXPECT_TRUE(snapshot_.report(collector).success);
    }
  }

  source::SnapshotSource source_{source::CollectOptions{}};
  Snapshot snapshot_;
};

TEST_F(KernelModule, WithoutInterfacesACollectionIsEmptyAndWhole) {
  must("modprobe wireguard");
  expect_whole_with(0);
}

TEST_F(KernelModule, IsNotLoadedByAsking) {
  unload_module();
  const Interface other("dummy0", "dummy");
  expect_whole_with(0);
  EXPECT_FALSE(module_loaded());
  // Had the family been asked for, the kernel would have loaded it.
  EXPECT_TRUE(resolve());
  EXPECT_TRUE(module_loaded());
}

TEST_F(KernelModule, MayBeUnloadedAndLoadedAgainBetweenCollections) {
  std::set<std::uint16_t> families;
  for (int i = 0; i < 3; ++i) {
    unload_module();
    expect_whole_with(0);
    must("modprobe wireguard");
    expect_whole_with(0);
    const Interface wg("wg0");
    configure("", "wg0", {.peers = {{.public_key = made_up_key(1).base64()}}});
    expect_whole_with(1);
    EXPECT_EQ(snapshot_.devices.at(0).peers.size(), 1);
    families.insert(resolve().value());
  }
  EXPECT_EQ(families.size(), 3) << "the family's number stayed: this test tests nothing";
}

TEST_F(KernelModule, ThatIsMissingIsSaidAsSuch) {
  unload_module();
  write_file("/proc/sys/kernel/modprobe", "/bin/false");
  const auto family = resolve();
  write_file("/proc/sys/kernel/modprobe", "/sbin/modprobe");
  ASSERT_FALSE(family);
  EXPECT_EQ(family.error().code, Errc::unsupported);
}

}  // namespace
}  // namespace wgscope::test
