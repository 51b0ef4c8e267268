// .netdev files mean to us what the kernel has after systemd-networkd read them: of values that are
// written oddly too, of two peers with one key, and of prefixes that two peers want.

#include "wgscope/config/networkd.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <filesystem>
#include <optional>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "wgscope/config/wg_quick.hpp"

#include "files.hpp"
#include "guest.hpp"
#include "netdev_files.hpp"
#include "process.hpp"
#include "wait.hpp"

namespace wgscope::test {
namespace {

constexpr std::size_t kFiles = 60;
constexpr const char* kNetworkd = "/bin/systemd-networkd";

/// What WireGuard has of an interface, a line for each fact, in an order of their own.
std::string meaning(const config::WgQuickConfig& config, bool has_port) {
  std::vector<std::string> lines;
  if (has_port) lines.push_back(fmt::format("port {}", config.listen_port.value_or(0)));
  lines.push_back(fmt::format("mark {}", config.fwmark.value_or(0)));
  for (const config::WgQuickPeer& peer : config.peers) {
    const std::string key = peer.public_key.base64();
    lines.push_back(
        fmt::format("{} psk {} keepalive {}", key, peer.preshared_key.has_value(),
                    peer.persistent_keepalive.value_or(std::chrono::seconds(0)).count()));
    // Names are not resolved here.
    if (peer.endpoint && peer.endpoint->address())
      lines.push_back(fmt::format("{} endpoint {}", key, peer.endpoint->address()->to_string()));
    for (const Prefix& prefix : peer.allowed_ips)
      lines.push_back(fmt::format("{} allows {}", key, prefix.to_string()));
  }
  std::ranges::sort(lines);
  std::string text;
  for (const std::string& line : lines) text += line + '\n';
  return text;
}

/// The configuration that we read; nothing where networkd makes no interface of the file, or where
/// versions of networkd differ.
std::optional<config::WgQuickConfig> ours(const std::string& text) {
  const std::vector<config::UnitText> files{{"f", text}};
  auto netdev = config::parse_netdev(files);
  if (!netdev || !netdev->private_key) return std::nullopt;
  for (const config::UnitWarning& warning : netdev->warnings)
    if (warning.text.find("systemd 252") != std::string::npos) return std::nullopt;
  return config::to_wg_quick({std::move(*netdev), files}, std::nullopt);
}

/// What `wg showconf` prints, without endpoints that have port 0: wg itself would refuse them.
std::string state_of(std::size_t number) {
  std::istringstream lines(
      run_words(fmt::format("ip netns exec networkd wg showconf w{}", number)).out);
  std::string kept;
  for (std::string line; std::getline(lines, line);)
    if (!line.starts_with("Endpoint") || !line.ends_with(":0")) kept += line + '\n';
  return kept;
}

class KernelNetworkd : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(exists(kNetworkd)) << "tests/kernel/vm --with /lib/systemd/systemd-networkd";
    std::filesystem::create_directories("/etc/systemd/network");
    for (const char* folder : {"links", "leases", "lldp"})
      std::filesystem::create_directories(fmt::format("/run/systemd/netif/{}", folder));
    write_file("/etc/passwd", "root:x:0:0::/:/bin/sh\nsystemd-network:x:998:998::/:/bin/false\n");
    write_file("/etc/group", "root:x:0:\nsystemd-network:x:998:\n");
  }
  void TearDown() override {
    for (const char* path : {"/etc/systemd", "/run/systemd", "/etc/passwd", "/etc/group"})
      std::filesystem::remove_all(path);
  }
};

TEST_F(KernelNetworkd, HasWhatWeRead) {
  NetdevFiles made(6);
  std::vector<std::string> texts;
  for (std::size_t i = 0; i < kFiles; ++i) {
    texts.push_back(made.next(i));
    write_file(fmt::format("/etc/systemd/network/w{}.netdev", i), texts.back());
  }
  must("chown -R 998:998 /etc/systemd /run/systemd");
  const Namespace place("networkd");
  // Without udev, which it would wait for where /sys can be written to.
  const Process networkd =
      in_background(fmt::format("exec /bin/ip netns exec networkd sh -c 'mount -o remount,ro /sys; "
                                "exec {}' 2>/run/networkd.log",
                                kNetworkd));
  std::size_t compared = 0;
  std::size_t peers = 0;
  for (std::size_t i = 0; i < kFiles; ++i) {
    const auto mine = ours(texts[i]);
    if (!mine) continue;
    const bool has_port = mine->listen_port.has_value();
    std::string theirs;
    const std::string expected = meaning(*mine, has_port);
    const bool same = wait_until(
        [&] {
          const auto config = config::parse_wg_quick(state_of(i));
          theirs = config ? meaning(*config, has_port) : config.error().context;
          return theirs == expected;
        },
        compared == 0 ? std::chrono::seconds(60) : std::chrono::seconds(5),
        std::chrono::milliseconds(100));
    EXPECT_TRUE(same) << texts[i] << "\nkernel:\n" << theirs << "\nours:\n" << expected;
    if (!same && compared == 0) FAIL() << read_file("/run/networkd.log");
    ++compared;
    peers += mine->peers.size();
  }
  EXPECT_GT(compared, kFiles / 2);
  EXPECT_GT(peers, 20U);
}

}  // namespace
}  // namespace wgscope::test
