// What is read with few privileges, and what must not remain of what is read.

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <fstream>
#include <functional>
#include <span>
#include <stdexcept>
#include <string>
#include <sys/mman.h>
#include <unistd.h>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/capability.h>

#include "wgscope/base/secret.hpp"
#include "wgscope/base/text.hpp"
#include "wgscope/os/clock.hpp"
#include "wgscope/os/unique_fd.hpp"
#include "wgscope/source/netlink/dump.hpp"
#include "wgscope/source/netlink/links.hpp"

#include "guest.hpp"
#include "wireguard.hpp"

namespace wgscope::test {
namespace {

using testing::AllOf;
using testing::HasSubstr;

constexpr std::uint64_t kNetAdmin = std::uint64_t{1} << CAP_NET_ADMIN;
constexpr std::uint64_t kSysAdmin = std::uint64_t{1} << CAP_SYS_ADMIN;

/// A snapshot as lines: devices with their number of peers, then failures with their details.
std::string as_text(const Snapshot& snapshot) {
  std::vector<std::string> lines;
  for (const Device& device : snapshot.devices)
    lines.push_back(fmt::format("{}/{} {} peers", device.netns, device.name, device.peers.size()));
  for (const Failure& failure : snapshot.failures)
    lines.push_back(fmt::format("{}/{} {}: {}", failure.netns, failure.interface,
                                to_string(failure.reason), failure.detail));
  return fmt::format("{}", fmt::join(lines, "\n"));
}

std::string collect_as_nobody(std::uint64_t kept, const source::CollectOptions& options = {}) {
  return in_child([&] { become_nobody(kept); }, [&] { return as_text(collect(options)); });
}

struct OnePeer : Interface {
  explicit OnePeer(const std::string& name) : Interface(name) {
    configure("", name,
              {.private_key = make_key_pair().private_key,
               .peers = {{.public_key = made_up_key(1).base64()}}});
  }
};

TEST(KernelPrivilege, WithoutCapNetAdminEachInterfaceIsReportedByName) {
  const OnePeer first("wg0");
  const OnePeer second("wg1");
  EXPECT_EQ(collect_as_nobody(0),
            "/wg0 eperm: read wg0: not permitted (needs CAP_NET_ADMIN in its network namespace)\n"
            "/wg1 eperm: read wg1: not permitted (needs CAP_NET_ADMIN in its network namespace)");
}

TEST(KernelPrivilege, LinksNeedNone) {
  const OnePeer wg("wg0");
  const auto list = [] {
    std::vector<std::byte> buffer(netlink::kReceiveBufferSize);
    std::vector<Link> links;
    const auto deadline = os::boot_now() + std::chrono::seconds(60);
    if (const auto listed = netlink::list_wireguard_links(deadline, buffer, links); !listed)
      return listed.error().context;
    return links.empty() ? std::string("none") : links[0].name + " " + links[0].kind;
  };
  EXPECT_EQ(in_child([] { become_nobody(0); }, list), "wg0 wireguard");
}

TEST(KernelPrivilege, CapNetAdminAloneReadsTheOwnNamespace) {
  const OnePeer wg("wg0");
  EXPECT_EQ(collect_as_nobody(kNetAdmin), "/wg0 1 peers");
}

TEST(KernelPrivilege, OtherNamespacesNeedCapSysAdminTooAndHideNothing) {
  const OnePeer wg("wg0");
  const Namespace other("other");
  must("ip -n other link add wg1 type wireguard");
  const source::CollectOptions options{.netns = {"other"}};
  EXPECT_THAT(
      collect_as_nobody(kNetAdmin, options),
      AllOf(HasSubstr("/wg0 1 peers\n"), HasSubstr("other/ eperm: "), HasSubstr("CAP_SYS_ADMIN")));
  EXPECT_EQ(collect_as_nobody(kNetAdmin | kSysAdmin, options), "/wg0 1 peers\nother/wg1 0 peers");
}

// --- No key stays in memory. This process never holds the keys but in one page that is left out of
// the search: `wg` makes them in a file, and the file is read and decoded in that page.

/// A 32-byte key in a page of its own.
class PlantedKey {
 public:
  /// @param command  prints a key.
  PlantedKey(const std::string& file, const std::string& command)
      : page_(mmap(nullptr, kSize, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)) {
    must_run({"/bin/sh", "-c", fmt::format("{} >{}", command, file)});
    const os::UniqueFd fd(open(file.c_str(), O_RDONLY | O_CLOEXEC));
    auto* const text = static_cast<unsigned char*>(page_) + kTextOffset;
    if (read(fd.get(), text, kKeyBase64Size) != ssize_t{kKeyBase64Size})
      throw std::runtime_error("no key in " + file);
    decode(text, static_cast<unsigned char*>(page_));
  }
  PlantedKey(const PlantedKey&) = delete;
  PlantedKey& operator=(const PlantedKey&) = delete;
  ~PlantedKey() { munmap(page_, kSize); }

  [[nodiscard]] std::span<const std::byte, 32> bytes() const {
    return std::span<const std::byte, 32>(static_cast<const std::byte*>(page_), 32);
  }
  [[nodiscard]] bool holds(const void* address) const {
    const auto* const start = static_cast<const std::byte*>(page_);
    return !std::less<>()(address, static_cast<const void*>(start)) &&
           std::less<>()(address, static_cast<const void*>(start + kSize));
  }

 private:
  static constexpr std::size_t kSize = 4096;
  static constexpr std::size_t kTextOffset = 256;

  /// Base64 by hand, a byte at a time, so that no copy of the key lies anywhere on the way.
  static void decode(const unsigned char* text, unsigned char* out);

  void* page_;
};

void PlantedKey::decode(const unsigned char* text, unsigned char* out) {
  static constexpr char kAlphabet[] =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  unsigned bits = 0;
  unsigned pending = 0;
  for (const unsigned char* const end = text + kKeyBase64Size - 1; text != end; ++text) {
    bits = bits << 6U | static_cast<unsigned>(std::strchr(kAlphabet, *text) - kAlphabet);
    pending += 6;
    if (pending < 8) continue;
    pending -= 8;
    *out++ = static_cast<unsigned char>(bits >> pending);
    bits &= (1U << pending) - 1;
  }
}

/// This process's writable memory.
std::vector<std::span<const std::byte>> writable_memory() {
  std::vector<std::span<const std::byte>> mappings;
  std::ifstream maps("/proc/self/maps");
  for (std::string line; std::getline(maps, line);) {
    std::uintptr_t start = 0;
    std::uintptr_t end = 0;
    char access[5] = {};
    if (std::sscanf(line.c_str(), "%lx-%lx %4s", &start, &end, access) != 3) continue;
    if (access[0] == 'r' && access[1] == 'w')
      mappings.emplace_back(reinterpret_cast<const std::byte*>(start), end - start);
  }
  return mappings;
}

/// How often `needle` lies in writable memory, the planted keys' own pages aside. Searches in
/// place: a copy of the memory would itself be memory.
std::size_t count_in_memory(std::span<const std::byte> needle,
                            const std::vector<const PlantedKey*>& planted) {
  std::size_t count = 0;
  for (std::span<const std::byte> rest : writable_memory()) {
    for (;;) {
      const void* hit = memmem(rest.data(), rest.size(), needle.data(), needle.size());
      if (hit == nullptr) break;
      if (std::none_of(planted.begin(), planted.end(), [&](auto* key) { return key->holds(hit); }))
        ++count;
      rest = rest.subspan(
          static_cast<std::size_t>(static_cast<const std::byte*>(hit) - rest.data()) + 1);
    }
  }
  return count;
}

TEST(KernelSecrets, DoNotStayInMemoryAfterACollection) {
  const PlantedKey private_key("/tmp/planted-private", "wg genkey");
  const PlantedKey preshared_key("/tmp/planted-preshared", "wg genpsk");
  const std::vector<const PlantedKey*> pages{&private_key, &preshared_key};
  const Interface own("wg0");
  const Namespace other("other");
  must("ip -n other link add wg0 type wireguard");
  for (const char* prefix : {"", "ip netns exec other "})
    must(
        "{}wg set wg0 private-key /tmp/planted-private peer {} preshared-key "
        "/tmp/planted-preshared",
        prefix, made_up_key(1).base64());

  source::SnapshotSource source({.netns = {"other"}});
  Snapshot snapshot;
  collect(source, snapshot);
  for (const char* netns : {"", "other"}) {  // the keys were in what the kernel said
    ASSERT_TRUE(device(snapshot, netns, "wg0").public_key);
    ASSERT_TRUE(device(snapshot, netns, "wg0").peers.at(0).has_preshared_key);
  }
  // Half a key is a leak too, and a whole one overwritten in part would not be found.
  for (const PlantedKey* key : pages) {
    EXPECT_EQ(count_in_memory(key->bytes().first(16), pages), 0);
    EXPECT_EQ(count_in_memory(key->bytes().last(16), pages), 0);
  }

  std::vector<std::byte> copy(private_key.bytes().begin(), private_key.bytes().end());
  EXPECT_EQ(count_in_memory(private_key.bytes(), pages), 1) << "the search itself finds nothing";
  wipe(std::span(copy));
}

}  // namespace
}  // namespace wgscope::test
