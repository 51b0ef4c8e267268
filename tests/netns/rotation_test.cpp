// docs/rotation.md, step by step on a real tunnel: a reader who follows it replaces a key without
// surprises, and the gate in it stops them where they should stop.

#include <chrono>
#include <cstddef>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <optional>
#include <regex>
#include <sstream>
#include <stdexcept>
#include <string>

#include <fmt/core.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "files.hpp"
#include "need.hpp"
#include "netns.hpp"
#include "paths.hpp"
#include "process.hpp"
#include "temp_dir.hpp"
#include "wireguard_go.hpp"

namespace wgscope::test {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::Not;

/// The blocks of the document by what their marks say: "<!-- test: device switch -->".
std::map<std::string, std::string> blocks_of(const std::string& document) {
  const std::regex block("<!-- test: ([a-z ]+) -->\n```sh\n((?:.*\n)*?)```\n");
  std::map<std::string, std::string> blocks;
  for (std::sregex_iterator at(document.begin(), document.end(), block), end; at != end; ++at)
    if (!blocks.emplace((*at)[1], (*at)[2]).second)
      throw std::runtime_error("two blocks are marked as " + (*at)[1].str());
  return blocks;
}

/// `ip netns exec` gives each program mounts of its own: the stamps of this test's keys end there.
constexpr const char* kOwnState =
    "mkdir -p /var/lib/wgscope; mount -t tmpfs none /var/lib/wgscope\n";

std::string replaced(std::string text, const std::string& word, const std::string& by) {
  return std::regex_replace(text, std::regex("\\b" + word + "\\b"), by);
}

/// A gateway, and a device with its old key. Both work in one folder, as if what a step writes were
/// copied to where the next one needs it.
class Rotation : public testing::Test {
 protected:
  void SetUp() override {
    WGSCOPE_NEED(why_no_netns());
    connect(gateway_.emplace(), "192.0.2.1/24", device_.emplace(), "192.0.2.2/24");
    near_.emplace(*gateway_);
    far_.emplace(*device_);
    near_->configure(
        fmt::format("[Interface]\nPrivateKey = {}\nListenPort = 51820\n"
                    "[Peer]\nPublicKey = {}\nAllowedIPs = 10.9.0.2/32\n",
                    gateway_keys_.private_key, old_keys_.public_key));
    far_->configure(
        fmt::format("[Interface]\nPrivateKey = {}\n[Peer]\nPublicKey = {}\n"
                    "Endpoint = 192.0.2.1:51820\nAllowedIPs = 10.9.0.0/24\n",
                    old_keys_.private_key, gateway_keys_.public_key));
    near_->up("10.9.0.1/24");
    far_->up("10.9.0.2/24");
    write_file(folder_ / "old.pub", old_keys_.public_key + "\n");
    write_file(folder_ / "gateway.pub", gateway_keys_.public_key + "\n");
    std::filesystem::create_directory(folder_ / "inventory");
    blocks_ = blocks_of(read_file(source_dir() / "docs/rotation.md"));
  }

  /// Runs the step with this mark, where its first word says.
  Finished step(const std::string& mark) {
    const auto block = blocks_.find(mark);
    if (block == blocks_.end()) throw std::runtime_error("no step is marked as " + mark);
    const bool at_gateway = mark.starts_with("gateway");
    std::string script = replaced(block->second, "wg0", (at_gateway ? *near_ : *far_).name());
    const char* path = std::getenv("PATH");
    ++steps_;
    return run({"bash", "-e", "-c",
                fmt::format("{}cd {}\n{}", kOwnState, folder_.path().string(), script)},
               {.env = {fmt::format("PATH={}/probe:{}", binary_dir().string(), path)},
                .netns = (at_gateway ? *gateway_ : *device_).name(),
                .input = {}},
               60s);
  }

  void must_step(const std::string& mark) {
    const Finished done = step(mark);
    ASSERT_EQ(done.exit_code, 0) << mark << "\n" << done.out << done.err;
  }

  [[nodiscard]] bool carries() const {
    return device_->exec({"ping", "-q", "-c", "1", "-W", "8", "10.9.0.1"}).exit_code == 0;
  }
  [[nodiscard]] std::string allowed_ips() const {
    return near_->wg({"show", near_->name(), "allowed-ips"});
  }
  [[nodiscard]] std::string new_key() const {
    const std::string line = read_file(folder_ / "new.pub");
    return line.substr(0, line.find('\n'));
  }

  TempDir folder_;
  KeyPair gateway_keys_ = make_key_pair();
  KeyPair old_keys_ = make_key_pair();
  std::optional<NetworkNamespace> gateway_;
  std::optional<NetworkNamespace> device_;
  std::optional<WireguardGo> near_;
  std::optional<WireguardGo> far_;
  std::map<std::string, std::string> blocks_;
  std::size_t steps_ = 0;
};

TEST_F(Rotation, WorksAsTheDocumentSays) {
  ASSERT_TRUE(carries());
  must_step("device");
  must_step("inventory");
  must_step("gateway");
  EXPECT_THAT(allowed_ips(), HasSubstr(old_keys_.public_key + "\t10.9.0.2/32"))
      << "adding the new key must take nothing from the old one";
  must_step("gate");
  EXPECT_TRUE(carries()) << "the gate disturbs the tunnel in use";

  must_step("device switch");
  must_step("gateway switch");
  EXPECT_THAT(allowed_ips(), HasSubstr(new_key() + "\t10.9.0.2/32"));
  EXPECT_THAT(allowed_ips(), HasSubstr(old_keys_.public_key + "\t(none)"));
  must_step("device after");

  must_step("gateway remove");
  must_step("inventory after");
  EXPECT_THAT(allowed_ips(), Not(HasSubstr(old_keys_.public_key)));
  EXPECT_TRUE(carries());
  EXPECT_EQ(steps_, blocks_.size()) << "the document has a step that was not tried";
}

TEST_F(Rotation, StopsAtTheGateWhereTheGatewayDoesNotHaveTheNewKey) {
  must_step("device");
  write_file(folder_ / "new.psk", must_run({"wg", "genpsk"}));
  const Finished gate = step("gate");
  EXPECT_EQ(gate.exit_code, 2) << gate.out;
  EXPECT_TRUE(carries());
}

TEST_F(Rotation, StopsAtTheGateWhereOnlyOneEndHasTheNewPresharedKey) {
  must_step("device");
  must_step("gateway");
  write_file(folder_ / "new.psk", must_run({"wg", "genpsk"}));
  const Finished gate = step("gate");
  EXPECT_EQ(gate.exit_code, 2) << gate.out;
  EXPECT_THAT(gate.out, HasSubstr("preshared"));
  EXPECT_TRUE(carries());
}

}  // namespace
}  // namespace wgscope::test
