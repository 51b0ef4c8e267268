// What wgscope inventory from makes of a wg-quick file, wgscope drift finds on the interface that
// wg-quick brings up from the same file: nothing differs. The same holds for the running state.

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "files.hpp"
#include "need.hpp"
#include "netns.hpp"
#include "paths.hpp"
#include "process.hpp"
#include "temp_dir.hpp"
#include "wireguard_go.hpp"

namespace wgscope::test {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

/// A tunnel that wg-quick started in a namespace, with wireguard-go as there is no module.
class Tunnel {
 public:
  Tunnel(const NetworkNamespace& netns, const std::string& interface, std::string file)
      : netns_(netns), socket_("/run/wireguard/" + interface + ".sock"), file_(std::move(file)) {
    netns_.must({"env", "WG_QUICK_USERSPACE_IMPLEMENTATION=wireguard-go", "LOG_LEVEL=error",
                 "wg-quick", "up", file_});
  }
  ~Tunnel() {
    const Finished down = netns_.exec({"wg-quick", "down", file_});
    EXPECT_EQ(down.exit_code, 0) << down.err;
    std::filesystem::remove(socket_);  // wireguard-go may leave it
  }
  Tunnel(const Tunnel&) = delete;
  Tunnel& operator=(const Tunnel&) = delete;

 private:
  const NetworkNamespace& netns_;
  std::string socket_;
  std::string file_;
};

class RoundTrip : public testing::Test {
 protected:
  void SetUp() override { WGSCOPE_NEED(why_no_netns()); }

  /// @returns the path of a file that wg-quick accepts.
  [[nodiscard]] std::string write(const std::string& text) const {
    const std::string path = (folder_ / (name_ + ".conf")).string();
    write_file(path, text);
    std::filesystem::permissions(path, std::filesystem::perms(0600));
    return path;
  }

  [[nodiscard]] Finished probe(std::vector<std::string> arguments) const {
    arguments.insert(arguments.begin(), (binary_dir() / "probe/wgscope").string());
    return netns_.exec(std::move(arguments));
  }

  /// The IDs of what differs from an inventory of this source.
  [[nodiscard]] std::vector<std::string> differences(const std::string& source) const {
    const Finished made = probe({"inventory", "from", source});
    EXPECT_EQ(made.exit_code, 0) << made.err;
    EXPECT_THAT(made.err, IsEmpty());
    write_file(folder_ / "inventory.yaml", made.out);
    return drift();
  }
  [[nodiscard]] std::vector<std::string> drift() const {
    const Finished ended = probe({"drift", "--json", "--inventory",
                                  (folder_ / "inventory.yaml").string(), "--interface", name_});
    const auto report = nlohmann::json::parse(ended.out, nullptr, false);
    std::vector<std::string> ids;
    for (const auto& check : report["checks"])
      if (check.contains("finding") && check["status"] != "ok")
        ids.push_back(check["finding"]["id"]);
    EXPECT_EQ(ended.exit_code == 0, ids.empty()) << ended.out << ended.err;
    return ids;
  }

  [[nodiscard]] std::string peers() const {
    return fmt::format(
        "[Peer]\n# friendly_name = berlin\nPublicKey = {}\nPresharedKey = {}\n"
        "AllowedIPs = 10.9.16.0/24, fd09:16::/64\nEndpoint = 192.0.2.7:51820\n"
        "PersistentKeepalive = 25\n[Peer]\nPublicKey = {}\nAllowedIPs = 10.9.0.7\n",
        make_key_pair().public_key, make_key_pair().private_key, make_key_pair().public_key);
  }

  const NetworkNamespace netns_;
  const std::string name_ = unique_interface_name();
  const TempDir folder_;
};

TEST_F(RoundTrip, OfAFileWithEverythingLeavesNoDifference) {
  const std::string file =
      write(fmt::format("[Interface]\nPrivateKey = {}\nAddress = 10.9.0.1/24, fd09::1/64\n"
                        "ListenPort = 51997\nMTU = 1380\nFwMark = 0x51\n{}",
                        make_key_pair().private_key, peers()));
  const Tunnel tunnel(netns_, name_, file);
  EXPECT_THAT(differences(file), IsEmpty());
  EXPECT_THAT(differences(name_), IsEmpty());
  // The comparison is able to fail.
  netns_.ip(fmt::format("link set {0} mtu 1400\naddress add 10.9.5.5/24 dev {0}\n", name_));
  EXPECT_THAT(drift(), testing::UnorderedElementsAre("WGS-DRF-007", "WGS-DRF-010"));
}

TEST_F(RoundTrip, OfTheLeastFileLeavesNoDifference) {
  const std::string file =
      write(fmt::format("[Interface]\nPrivateKey = {}\nAddress = 10.9.0.1/24\n{}",
                        make_key_pair().private_key, peers()));
  const Tunnel tunnel(netns_, name_, file);
  EXPECT_THAT(differences(file), IsEmpty());
  EXPECT_THAT(differences(name_), IsEmpty());
}

TEST_F(RoundTrip, OfAFullTunnelLeavesNoDifference) {
  const std::string file = write(
      fmt::format("[Interface]\nPrivateKey = {}\nAddress = 10.9.0.2/32\n[Peer]\nPublicKey = {}\n"
                  "AllowedIPs = 0.0.0.0/0, ::/0\nEndpoint = 192.0.2.7:51820\n",
                  make_key_pair().private_key, make_key_pair().public_key));
  const Tunnel tunnel(netns_, name_, file);
  EXPECT_THAT(differences(file), IsEmpty());
  EXPECT_THAT(differences(name_), IsEmpty());
}

TEST_F(RoundTrip, OfContestedPrefixesLeavesNoDifference) {
  const std::string first = make_key_pair().public_key;
  const std::string file = write(
      fmt::format("[Interface]\nPrivateKey = {}\nAddress = 10.9.0.1/24\n[Peer]\nPublicKey = {}\n"
                  "AllowedIPs = 10.9.16.5/24\n[Peer]\nPublicKey = {}\nAllowedIPs = 10.9.16.0/24\n",
                  make_key_pair().private_key, first, make_key_pair().public_key));
  const Tunnel tunnel(netns_, name_, file);
  const Finished made = probe({"inventory", "from", file});
  EXPECT_THAT(made.err, HasSubstr("10.9.16.0/24"));  // the second peer has it
  write_file(folder_ / "inventory.yaml", made.out);
  EXPECT_THAT(drift(), IsEmpty());
}

}  // namespace
}  // namespace wgscope::test
