// wgscope nat and what the next router says of itself: miniupnpd, which speaks PCP, NAT-PMP and
// UPnP, and routers that say whatever a test makes them say.

#include <chrono>
#include <cstddef>
#include <filesystem>
#include <fstream>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unistd.h>
#include <vector>

#include <fmt/core.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "files.hpp"
#include "hex.hpp"
#include "nat_site.hpp"
#include "need.hpp"
#include "netns.hpp"
#include "process.hpp"
#include "udp_responder.hpp"
#include "wait.hpp"

namespace wgscope::test {
namespace {

using std::chrono::seconds;
using testing::HasSubstr;
using Bytes = UdpResponder::Bytes;
using Datagrams = std::vector<Bytes>;  // in full: vector{vector} is a copy

constexpr const char* kMiniupnpd = "/usr/sbin/miniupnpd";
constexpr const char* kRouter = "10.7.0.1";

// miniupnpd takes none of the addresses that are set aside for documentation and tests. These are
// somebody's; here they exist in these namespaces only.
constexpr const char* kOuter = "198.51.99.2";
constexpr const char* kServer = "198.51.99.10";

class NatRouter : public NatSite {
 protected:
  void SetUp() override {
    NatSite::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    router_->ip(fmt::format("address replace {}/24 dev {}", kOuter, far_.left));
    outside_->ip(fmt::format("address add {}/24 dev {}\naddress add 198.51.99.11/24 dev {}",
                             kServer, far_.right, far_.right));
    translate(*router_, far_.left, "masquerade");
  }

  /// With a table of rules that it could write to.
  void start_miniupnpd(const std::string& outer) {
    router_->must({"nft", "-f", "-"},
                  "table inet filter {\n chain forward { type filter hook forward priority 0; jump "
                  "miniupnpd; }\n chain miniupnpd { }\n chain pre { type nat hook prerouting "
                  "priority -100; jump upnp_pre; }\n chain upnp_pre { }\n chain post { type nat "
                  "hook postrouting priority 90; jump upnp_post; }\n chain upnp_post { }\n}\n");
    std::ofstream(folder_ / "miniupnpd.conf")
        << "ext_ifname=" << far_.left << "\next_ip=" << outer << "\nlistening_ip=" << near_.right
        << "\nenable_natpmp=yes\nenable_upnp=yes\nhttp_port=0\nlease_file="
        << (folder_ / "leases").string()
        << "\nuuid=00000000-0000-0000-0000-000000000000\nupnp_table_name=filter\n"
           "upnp_nat_table_name=filter\nupnp_forward_chain=miniupnpd\nupnp_nat_chain=upnp_pre\n"
           "upnp_nat_postrouting_chain=upnp_post\nallow 1024-65535 0.0.0.0/0 1024-65535\n";
    miniupnpd_.emplace(
        std::vector<std::string>{kMiniupnpd, "-d", "-f", (folder_ / "miniupnpd.conf").string(),
                                 "-P", (folder_ / "miniupnpd.pid").string()},
        ProcessOptions{.netns = router_->name()});
    ASSERT_TRUE(miniupnpd_->wait_for_output("Listening for NAT-PMP/PCP", seconds(20)))
        << miniupnpd_->err();
  }

  /// What miniupnpd has written of them; it removes a file of leases that has none.
  [[nodiscard]] std::string mappings() const {
    const auto leases = folder_ / "leases";
    return router_->must({"nft", "list", "table", "inet", "filter"}) +
           (std::filesystem::exists(leases) ? read_file(leases) : "");
  }
  [[nodiscard]] Said ask(const std::vector<std::string>& more = {}) const {
    std::vector<std::string> options{"--stun", fmt::format("{}:3478", kServer), "--quick"};
    options.insert(options.end(), more.begin(), more.end());
    return nat(options);
  }
  void start_server() { start_coturn({kServer, "198.51.99.11"}); }

  std::optional<Process> miniupnpd_;
};

std::optional<std::string> why_no_miniupnpd() {
  if (access(kMiniupnpd, X_OK) == 0) return std::nullopt;
  return std::string("no program ") + kMiniupnpd + " (script/bootstrap --tests installs it)";
}

/// As NAT-PMP's success, with that outer address.
Bytes nat_pmp_says(std::string_view address_in_hex) {
  return unhex("0080000000000009" + std::string(address_in_hex));
}

TEST_F(NatRouter, IsAskedInThreeProtocolsAndMadeToCreateNothing) {
  WGSCOPE_NEED(why_no_miniupnpd());
  start_server();
  start_miniupnpd(kOuter);
  const std::string before = mappings();
  const Said said = ask();
  EXPECT_EQ(said.program.exit_code, 0) << said.program.out;
  EXPECT_EQ(said.summary("nat.router"),
            "the router speaks PCP, NAT-PMP and UPnP; it reports the outer address 198.51.99.2");
  EXPECT_EQ(said.summary("nat.carrier"),
            "none: servers see the outer address that the router reports");
  EXPECT_EQ(mappings(), before);

  // Had a mapping been asked for, that would have been seen: RFC 6886 §3.3, UDP, for a minute.
  inside_->must(
      {"bash", "-c", R"(printf '\0\1\0\0\x9c\x40\x9c\x40\0\0\0\x3c' >/dev/udp/10.7.0.1/5351)"});
  EXPECT_TRUE(wait_until([&] { return mappings() != before; }, seconds(10)));
}

TEST_F(NatRouter, IsContradictedByTheServers) {
  WGSCOPE_NEED(why_no_miniupnpd());
  start_server();
  start_miniupnpd("198.51.99.77");
  const Said said = ask();
  EXPECT_EQ(said.program.exit_code, 1) << said.program.out;
  EXPECT_EQ(said.check("nat.router").at("finding").at("id"), "WGS-NAT-010");
  EXPECT_THAT(said.program.out, HasSubstr("by UPnP it reports 198.51.99.77"));
}

TEST_F(NatRouter, IsNotAskedUnlessWanted) {
  WGSCOPE_NEED(why_no_miniupnpd());
  start_server();
  start_miniupnpd(kOuter);
  const Said said = ask({"--no-router"});
  EXPECT_TRUE(said.check("nat.router").is_null());
  EXPECT_FALSE(miniupnpd_->wait_for_output("received from", std::chrono::milliseconds(1)))
      << miniupnpd_->err();
}

TEST_F(NatRouter, ThatSpeaksNothingIsNoFinding) {
  start_server();
  const Said said = ask();
  EXPECT_EQ(said.program.exit_code, 0) << said.program.out;
  EXPECT_EQ(said.summary("nat.router"), "the router speaks none of PCP, NAT-PMP and UPnP");
  const auto duration = [](const Said& of) {
    return of.report.at("duration_seconds").get<double>();
  };
  EXPECT_LT(duration(said), duration(ask({"--no-router"})) + 1.5)
      << "beside the rest, not after it: UPnP listens for 1.9 s";
}

TEST_F(NatRouter, ShowsThatASecondNatIsBeyondIt) {
  // inside -> home (which says what it has outside) -> router -> outside
  const NetworkNamespace home;
  const Veth inner = connect(home, "10.8.0.1/24", *inside_, "10.8.0.2/24");
  const Veth middle = connect(home, "192.168.9.2/24", *router_, "192.168.9.1/24");
  inside_->ip("route replace default via 10.8.0.1");
  home.ip("route add default via 192.168.9.1");
  home.must({"sysctl", "-qw", "net.ipv4.ip_forward=1"});
  translate(home, middle.left, "masquerade");
  start_server();
  const UdpResponder says(home.path(), "10.8.0.1:5351", [](const Endpoint&, auto request) {
    if (request.size() == 2) return Datagrams{nat_pmp_says("c0a80902")};
    return Datagrams{unhex("0080000100000009")};  // of PCP: another version, please
  });
  const Said said = ask();
  EXPECT_EQ(said.program.exit_code, 1) << said.program.out;
  EXPECT_EQ(said.summary("nat.mapping"), "one mapping for all destinations, as ports are kept");
  EXPECT_EQ(said.summary("nat.filtering"), "address- and port-dependent filtering");
  EXPECT_EQ(said.summary("nat.router"),
            "the router speaks NAT-PMP; it reports the outer address 192.168.9.2");
  EXPECT_EQ(said.check("nat.router").at("finding").at("id"), "WGS-NAT-010");
  EXPECT_EQ(said.report.at("finding"), "WGS-NAT-010");
}

TEST_F(NatRouter, ShowsThatTheCarrierTranslates) {
  start_server();
  const UdpResponder says(router_->path(), fmt::format("{}:5351", kRouter),
                          [](const Endpoint&, auto) {
                            return Datagrams{nat_pmp_says("64400304")};  // 100.64.3.4
                          });
  const Said said = ask();
  EXPECT_EQ(said.program.exit_code, 1) << said.program.out;
  EXPECT_EQ(said.check("nat.carrier").at("finding").at("id"), "WGS-NAT-005");
}

TEST_F(NatRouter, IsNotBelievedThatItHasNoAddress) {
  start_server();
  const UdpResponder says(
      router_->path(), fmt::format("{}:5351", kRouter),
      [](const Endpoint&, auto) { return Datagrams{nat_pmp_says("00000000")}; });
  const Said said = ask();
  EXPECT_EQ(said.program.exit_code, 0) << said.program.out;
  EXPECT_THAT(said.summary("nat.router"), HasSubstr("reports no usable outer address"));
}

TEST_F(NatRouter, ThatSpeaksGarbageIsNoFinding) {
  start_server();
  const UdpResponder says(router_->path(), fmt::format("{}:5351", kRouter),
                          [](const Endpoint&, std::span<const std::byte> request) {
                            return Datagrams{Bytes{request.begin(), request.end()}, Bytes(1),
                                             Bytes(11, std::byte{0x80}), Bytes(60000),
                                             unhex("0081000000000001c0a80902")};
                          });
  const Said said = ask();
  EXPECT_EQ(said.program.exit_code, 0) << said.program.out;
  EXPECT_EQ(said.summary("nat.router"), "the router speaks none of PCP, NAT-PMP and UPnP");
}

/// A gateway device whose description is where `url` says.
class GatewayDevice : public UdpResponder {
 public:
  GatewayDevice(const NetworkNamespace& router, const std::string& url)
      : UdpResponder(
            router.path(), "0.0.0.0:1900",
            [url](const Endpoint&, auto) {
              const std::string answer = fmt::format(
                  "HTTP/1.1 200 OK\r\nST: urn:schemas-upnp-org:device:InternetGatewayDevice:1\r\n"
                  "USN: uuid:1::urn:schemas-upnp-org:device:InternetGatewayDevice:1\r\n"
                  "LOCATION: {}\r\n\r\n",
                  url);
              const auto bytes = bytes_of(answer);
              return Datagrams{Bytes(bytes.begin(), bytes.end())};
            },
            "239.255.255.250", kRouter) {}
};

TEST_F(NatRouter, WhoseDeviceIsGoneIsSaidToSpeakUpnp) {
  start_server();
  const GatewayDevice device(*router_, "http://10.7.0.1:9/description.xml");
  const Said said = ask();
  EXPECT_EQ(said.program.exit_code, 0) << said.program.out;
  EXPECT_THAT(said.summary("nat.router"),
              HasSubstr("the router speaks UPnP; it reports no usable outer"));
  EXPECT_EQ(said.program.err, "");
}

TEST_F(NatRouter, WhoseDeviceIsSilentIsNotWaitedForLong) {
  start_server();
  Process silent({"python3", "-u", "-c",
                  "import socket; s = socket.create_server(('10.7.0.1', 8080)); print('ready'); "
                  "c = s.accept()[0]; c.recv(1000); print('asked'); s.accept()"},
                 {.netns = router_->name()});
  ASSERT_TRUE(silent.wait_for_output("ready", seconds(20))) << silent.err();
  const GatewayDevice device(*router_, "http://10.7.0.1:8080/description.xml");
  const Said said = ask();
  EXPECT_TRUE(silent.wait_for_output("asked", seconds(1)));
  EXPECT_EQ(said.program.exit_code, 0) << said.program.out;
  EXPECT_LT(said.report.at("duration_seconds").get<double>(), 6.5);
  EXPECT_THAT(said.summary("nat.router"), HasSubstr("the router speaks UPnP"));
  EXPECT_EQ(must_run({"ip", "netns", "pids", inside_->name()}), "") << "nobody is left behind";
}

TEST_F(NatRouter, DoesNotLeadElsewhere) {
  start_server();
  // Anybody on the link may answer, and name any host for us to ask.
  Process elsewhere({"python3", "-u", "-m", "http.server", "--bind", kServer, "8080"},
                    {.netns = outside_->name()});
  ASSERT_TRUE(elsewhere.wait_for_output("Serving HTTP", seconds(20))) << elsewhere.err();
  const GatewayDevice device(*router_, fmt::format("http://{}:8080/description.xml", kServer));
  const Said said = ask();
  EXPECT_EQ(said.summary("nat.router"), "the router speaks none of PCP, NAT-PMP and UPnP");
  EXPECT_FALSE(elsewhere.wait_for_output("GET", std::chrono::milliseconds(1))) << elsewhere.err();
}

}  // namespace
}  // namespace wgscope::test
