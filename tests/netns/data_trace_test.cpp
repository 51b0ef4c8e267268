// A router that drops nothing but WireGuard's data: both verbs that meet the silence name the place,
// in the same words.

#include <chrono>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "gateway_process.hpp"
#include "need.hpp"
#include "netns.hpp"
#include "paths.hpp"
#include "process.hpp"
#include "temp_dir.hpp"

namespace wgscope::test {
namespace {

using namespace std::chrono_literals;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

//   client 10.1.0.1 -- 10.1.0.2 first 10.4.0.1 -- 10.4.0.2 second 10.2.0.2 -- 10.2.0.1 server
struct TwoRouters {
  NetworkNamespace client;
  NetworkNamespace first;
  NetworkNamespace second;
  NetworkNamespace server;
  Veth near = connect(client, "10.1.0.1/24", first, "10.1.0.2/24");
  Veth middle = connect(first, "10.4.0.1/24", second, "10.4.0.2/24");
  Veth far = connect(second, "10.2.0.2/24", server, "10.2.0.1/24");

  TwoRouters() {
    for (const NetworkNamespace* router : {&first, &second})
      router->must({"sysctl", "-qw", "net.ipv4.ip_forward=1"});
    client.ip("route add default via 10.1.0.2");
    first.ip("route add 10.2.0.0/24 via 10.4.0.2");
    second.ip("route add 10.1.0.0/24 via 10.4.0.1");
    server.ip("route add default via 10.2.0.2");
  }
};

class DataTrace : public testing::Test {
 protected:
  void SetUp() override {
    WGSCOPE_NEED(why_no_netns());
    net_.emplace();
    gateway_.emplace(net_->server, Kind::wireguard_go);
  }

  static void drop(const NetworkNamespace& router, const std::string& what) {
    router.must({"nft", "-f", "-"},
                "table inet data { chain c { type filter hook forward priority 0; " + what +
                    " drop; }; }\n");
  }

  Finished ask(const std::string& verb) {
    const std::string file = folder_ / "probe.conf";
    std::ofstream(file) << gateway_->target_file("10.2.0.1");
    std::filesystem::permissions(file, std::filesystem::perms::owner_read);
    return run(
        {binary_dir() / "probe/wgscope", verb, "--config", file, "--state-dir", folder_.path(),
         verb == "handshake" ? "--ping=10.9.0.1" : "10.9.0.1", "--timeout", "60s"},
        {.env = {}, .netns = net_->client.name(), .input = {}}, 90s);
  }

  std::optional<TwoRouters> net_;
  std::optional<GatewayProcess> gateway_;
  TempDir folder_;
};

constexpr const char* kData = "udp dport 51820 @th,64,8 4";

TEST_F(DataTrace, NamesTheHopsBetweenWhichOnlyDataIsDropped) {
  drop(net_->first, kData);
  const Finished said = ask("mtu");
  EXPECT_THAT(said.out.substr(0, said.out.find('\n')),
              HasSubstr(": WireGuard's data is dropped between 10.1.0.2 (hop 1) and 10.4.0.2 (hop "
                        "2), where other UDP passes (WGS-MTU-"))
      << said.out << said.err;
}

TEST_F(DataTrace, OfALossBehindTheLastRouterSaysHowFarDataGets) {
  drop(net_->second, kData);
  const Finished said = ask("handshake");
  EXPECT_THAT(said.out.substr(0, said.out.find('\n')),
              HasSubstr(": data reaches 10.4.0.2 (hop 2), the last router that reports anything "
                        "(WGS-DAT-003)"))
      << said.out << said.err;
}

TEST_F(DataTrace, BlamesNoHopOfASilentHost) {
  net_->server.must({"sysctl", "-qw", "net.ipv4.icmp_echo_ignore_all=1"});
  const Finished said = ask("mtu");
  EXPECT_THAT(said.out,
              AllOf(HasSubstr("10.9.0.1 does not answer pings of any size"),
                    Not(HasSubstr("is dropped between")), Not(HasSubstr("does not reach"))))
      << said.err;
}

}  // namespace
}  // namespace wgscope::test
