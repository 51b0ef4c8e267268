// The journal of a real tunnel: a peer that connects, roams, leaves and comes back. A session takes
// three minutes to end, so this test mostly waits.

#include <chrono>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/core.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "exporter.hpp"
#include "files.hpp"
#include "gateways.hpp"
#include "need.hpp"
#include "netns.hpp"
#include "paths.hpp"
#include "process.hpp"
#include "temp_dir.hpp"
#include "wait.hpp"

namespace wgscope::test {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;

json ask(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), {binary_dir() / "probe/wgscope", "journal", "--json"});
  return json::parse(run(std::move(arguments)).out);
}

/// Two connections of the right peer, the first of them from two ports.
void expect_the_story(const std::string& file, const Gateways& gateways) {
  const json answer = ask({"--peer", "laptop", file});
  ASSERT_EQ(answer["connections"].size(), 2U) << answer.dump(1);
  const json& first = answer["connections"][0];
  EXPECT_EQ(first["public_key"], gateways.right_keys.public_key);
  EXPECT_EQ(first["end"], "session_expired");
  ASSERT_EQ(first["addresses"].size(), 2U) << answer.dump(1);
  EXPECT_EQ(first["addresses"][0]["endpoint"], "192.0.2.2:51820");
  EXPECT_EQ(first["addresses"][1]["endpoint"], "192.0.2.2:51999");
  const json& second = answer["connections"][1];
  EXPECT_EQ(second["end"], "exporter_stopped");
  EXPECT_LT(first["until"], second["from"]);
  EXPECT_EQ(answer["known"], true);
  EXPECT_EQ(ask({"--key", gateways.absent_keys.public_key, file})["connections"], json::array());

  const json then = ask({"--peer", "laptop", "--at", first["addresses"][1]["from"], file});
  ASSERT_EQ(then["connections"].size(), 1U);
  EXPECT_EQ(then["known"], true);
}

TEST(JournalOfATunnel, TellsOfAPeerThatConnectsRoamsLeavesAndComesBack) {
  WGSCOPE_NEED(why_no_netns());
  const Gateways gateways;
  const TempDir folder;
  const std::string file = folder / "journal";
  write_file(folder / "names.yaml", fmt::format("{}: laptop\n", gateways.right_keys.public_key));
  Exporter exporter(
      {.flags = {only_own_interfaces(), "--sample.interval=200ms", "--journal=" + file,
                 "--names.file=" + (folder / "names.yaml").string()}});
  const auto wait_for = [&](std::string_view event, std::chrono::seconds timeout = 30s) {
    EXPECT_TRUE(wait_until(
        [&] {
          return read_file(file).find(fmt::format("\"event\":\"{}\"", event)) != std::string::npos;
        },
        timeout, 50ms))
        << event << " does not come in:\n"
        << read_file(file);
  };
  ASSERT_TRUE(wait_until([&] { return std::filesystem::exists(file); }, 20s));
  wait_for("connections_listed");
  gateways.ping();
  ASSERT_TRUE(wait_until(
      [&] { return read_file(file).find(gateways.right_keys.public_key) != std::string::npos; },
      20s));
  gateways.far.wg({"set", gateways.far.name(), "listen-port", "51999"});
  gateways.right.must({"ping", "-q", "-c", "1", "-W", "10", "10.9.0.1"});
  wait_for("endpoint_changed");

  // The far end forgets its peer, so it answers nothing any longer.
  const std::vector<std::string> peer{"set", gateways.far.name(), "peer",
                                      gateways.left_keys.public_key};
  const auto set_peer = [&](std::vector<std::string> settings, std::string input = {}) {
    settings.insert(settings.begin(), peer.begin(), peer.end());
    gateways.far.wg(settings, std::move(input));
  };
  set_peer({"remove"});
  wait_for("went", 240s);
  set_peer(
      {"preshared-key", "/dev/stdin", "allowed-ips", "10.9.0.1/32", "endpoint", "192.0.2.1:51820"},
      gateways.preshared_key);
  gateways.right.must({"ping", "-q", "-c", "1", "-W", "20", "10.9.0.1"});
  wait_for("came_back");
  EXPECT_EQ(exporter.stop(), 0);
  expect_the_story(file, gateways);
}

}  // namespace
}  // namespace wgscope::test
