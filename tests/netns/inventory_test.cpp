// An inventory that changes while the exporter runs, and name servers that do not answer it.

#include <arpa/inet.h>
#include <array>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <filesystem>
#include <netinet/in.h>
#include <optional>
#include <stdexcept>
#include <string>
#include <sys/socket.h>
#include <utility>
#include <vector>

#include <fmt/core.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "wgscope/os/unique_fd.hpp"

#include "exporter.hpp"
#include "files.hpp"
#include "metrics.hpp"
#include "need.hpp"
#include "netns.hpp"
#include "temp_dir.hpp"
#include "uapi_server.hpp"
#include "wait.hpp"

namespace wgscope::test {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

class InventoryTest : public testing::Test {
 protected:
  Exporter start(std::vector<std::string> wrapper = {}) {
    return Exporter({.flags = {"--uapi.dir=" + folder_.path().string(), "--inventory=" + path()},
                     .wrapper = std::move(wrapper)});
  }

  [[nodiscard]] std::string path() const { return (folder_ / "inventory.yaml").string(); }
  static std::string peer(const std::string& name, std::uint64_t number,
                          const std::string& more = "") {
    return fmt::format("  - {{name: {}, public_key: {}{}}}\n", name,
                       UapiPeer{.number = number}.public_key(), more);
  }
  /// As deployments write: a new file in the old one's place.
  void declare(const std::string& peers) const {
    write_file(folder_ / "new", "peers:\n" + peers);
    std::filesystem::rename(folder_ / "new", path());
  }

  static bool is_declared(const Exporter& exporter, const std::string& name) {
    return exporter.scrape().value("wireguard_peer_declared", {{"name", name}}) == 1;
  }
  static std::optional<double> success(const Exporter& exporter) {
    return exporter.scrape().value("wireguard_inventory_last_reload_success", {});
  }

  TempDir folder_;
  const UapiServer server_{folder_ / "wg0.sock",
                           {uapi_answer({{.number = 1, .port = 51820}, {.number = 2}})}};
};

TEST_F(InventoryTest, IsReadAgainWhenItChangesAndKeptWhenItIsBroken) {
  declare(peer("ada", 1));
  Exporter exporter = start();
  EXPECT_TRUE(is_declared(exporter, "ada"));
  EXPECT_EQ(exporter.scrape().value("wireguard_peer_undeclared"), 1);

  declare(peer("ada", 1) + peer("grace", 2));
  EXPECT_TRUE(wait_until([&] { return is_declared(exporter, "grace"); }, 30s, 200ms));
  EXPECT_FALSE(exporter.scrape().value("wireguard_peer_undeclared"));

  declare(peer("ada", 1) + "  - {name: half of a fi");
  EXPECT_TRUE(wait_until([&] { return success(exporter) == 0; }, 30s, 200ms));
  EXPECT_TRUE(is_declared(exporter, "grace"));
  EXPECT_TRUE(exporter.wait_for_log("inventory.yaml:4:", 10s)) << exporter.log();
  EXPECT_THAT(exporter.log(), HasSubstr("keeps what was last read without errors"));
}

TEST_F(InventoryTest, IsReadAtOnceOnSighup) {
  declare(peer("ada", 1));
  Exporter exporter = start();
  // Without the signal this would wait until nobody writes: a change that never settles.
  int version = 0;
  EXPECT_TRUE(wait_until(
      [&] {
        declare(peer(fmt::format("v{}", ++version), 1));
        exporter.signal(SIGHUP);
        return wait_until([&] { return is_declared(exporter, fmt::format("v{}", version)); }, 1s,
                          50ms);
      },
      30s, 1ms));
  EXPECT_EQ(success(exporter), 1);
  EXPECT_EQ(exporter.stop(), 0) << "a signal to read again does not end it";
}

/// A name server that takes questions and never answers.
os::UniqueFd silent_name_server(const std::string& address) {
  os::UniqueFd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  sockaddr_in name{};
  name.sin_family = AF_INET;
  name.sin_port = htons(53);
  inet_pton(AF_INET, address.c_str(), &name.sin_addr);
  if (bind(socket.get(), reinterpret_cast<const sockaddr*>(&name), sizeof name) != 0)
    throw std::runtime_error("no place for a name server");
  return socket;
}

TEST_F(InventoryTest, HasNamesThatAreLookedUpWithoutDelayingAnything) {
  WGSCOPE_NEED(why_no_netns());
  const std::string address = "127.83.97.1";
  const os::UniqueFd silent = silent_name_server(address);
  write_file(folder_ / "resolv.conf", "nameserver " + address + "\n");
  declare(peer("ada", 1, ", endpoint: \"gw.example.net:51820\""));
  Exporter exporter = start(
      {"unshare", "--mount", "sh", "-c",
       "mount --bind " + (folder_ / "resolv.conf").string() + " /etc/resolv.conf && exec \"$@\"",
       "sh"});
  std::array<char, 512> question{};
  ASSERT_GT(recv(silent.get(), question.data(), question.size(), 0), 0) << "it asks";
  for (int scrape = 0; scrape < 5; ++scrape) {
    const auto begun = std::chrono::steady_clock::now();
    const Metrics metrics = exporter.scrape();
    EXPECT_LT(std::chrono::steady_clock::now() - begun, 2s);
    EXPECT_TRUE(metrics.value("wireguard_inventory_name_resolution_age_seconds"));
    EXPECT_TRUE(metrics.find("wireguard_peer_drift", {{"field", "endpoint"}}).empty())
        << "nothing is known of the endpoint";
  }
  const auto begun = std::chrono::steady_clock::now();
  EXPECT_EQ(exporter.stop(), 0);
  EXPECT_LT(std::chrono::steady_clock::now() - begun, 3s) << "nobody waits for the answer";
}

}  // namespace
}  // namespace wgscope::test
