// wgscope nat behind nftables' NATs, with coturn as a real STUN server.

#include <chrono>
#include <csignal>
#include <optional>
#include <regex>
#include <string>
#include <vector>

#include <fmt/core.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "nat_site.hpp"
#include "netns.hpp"
#include "paths.hpp"
#include "process.hpp"
#include "temp_dir.hpp"

namespace wgscope::test {
namespace {

using std::chrono::seconds;
using testing::AnyOf;
using testing::HasSubstr;

class NatProgram : public NatSite {};

constexpr const char* kServer = "198.51.100.10:3478";

TEST_F(NatProgram, SeesThatThereIsNoNat) {
  start_coturn({"198.51.100.10", "198.51.100.11"});
  outside_->ip("route add 10.7.0.0/24 via 198.51.100.2");
  const Said said = nat({"--stun", kServer, "--quick"});
  EXPECT_EQ(said.program.exit_code, 0) << said.program.out;
  EXPECT_EQ(said.summary("nat.mapping"), "no NAT");
  EXPECT_EQ(said.summary("nat.filtering"), "endpoint-independent filtering");
}

TEST_F(NatProgram, SeesThatMasqueradingKeepsPortsAndFilters) {
  start_coturn({"198.51.100.10", "198.51.100.11"});
  translate(*router_, far_.left, "masquerade");
  const Said said = nat({"--stun", kServer, "--quick"});
  EXPECT_EQ(said.program.exit_code, 0) << said.program.out;
  EXPECT_EQ(said.summary("nat.mapping"), "one mapping for all destinations, as ports are kept");
  EXPECT_EQ(said.summary("nat.filtering"), "address- and port-dependent filtering");
  EXPECT_EQ(said.summary("nat.ports"), "the NAT keeps port numbers");
  EXPECT_EQ(said.summary("nat.hairpin"), "hosts inside do not reach the outer address");
}

TEST_F(NatProgram, SeesThatRandomPortsDependOnTheDestination) {
  start_coturn({"198.51.100.10", "198.51.100.11"});
  translate(*router_, far_.left, "masquerade fully-random");
  const Said said = nat({"--stun", kServer, "--quick"});
  EXPECT_EQ(said.program.exit_code, 0) << said.program.out;
  EXPECT_THAT(said.summary("nat.mapping"), HasSubstr("address- and port-dependent mapping"));
  EXPECT_THAT(said.summary("nat.filtering"),
              HasSubstr("nothing arrived from the server's other address"));
  EXPECT_EQ(said.summary("nat.ports"), "the NAT changes port numbers");
}

TEST_F(NatProgram, SeesAFullConeWherePortsAreForwarded) {
  start_coturn({"198.51.100.10", "198.51.100.11"});
  translate(*router_, far_.left, "masquerade");
  router_->must({"nft", "-f", "-"},
                fmt::format("table ip in {{\n chain pre {{\n  type nat hook prerouting priority "
                            "-100\n  iifname \"{}\" meta l4proto udp dnat to 10.7.0.2\n }}\n}}\n",
                            far_.left));
  const Said said = nat({"--stun", kServer, "--quick"});
  EXPECT_EQ(said.summary("nat.mapping"), "one mapping for all destinations, as ports are kept");
  EXPECT_EQ(said.summary("nat.filtering"), "endpoint-independent filtering");
}

TEST_F(NatProgram, ComparesMappingsOfTwoOrdinaryServers) {
  start_coturn({"198.51.100.10"});
  translate(*router_, far_.left, "masquerade fully-random");
  const Said one = nat({"--stun", kServer, "--quick"});
  EXPECT_EQ(one.program.exit_code, 3) << one.program.out;
  EXPECT_EQ(one.check("nat.mapping").at("finding").at("id"), "WGS-NAT-002");

  Process second(
      {*find_coturn(), "-n", "--stun-only", "--listening-port=3478", "--listening-ip=198.51.100.11",
       "--no-tls", "--no-dtls", "--no-tcp", "--no-cli", "--log-file=stdout",
       "--pidfile=" + (folder_ / "pid2").string(), "--userdb=" + (folder_ / "db2").string()},
      {.netns = outside_->name()});
  ASSERT_TRUE(second.wait_for_output("Total General servers", seconds(20)));
  const Said two = nat({"--stun", kServer, "--stun", "198.51.100.11:3478", "--quick"});
  EXPECT_THAT(two.summary("nat.mapping"), HasSubstr("destination-dependent mapping"));
}

TEST_F(NatProgram, NamesServersThatDoNotAnswer) {
  translate(*router_, far_.left, "masquerade");
  const Said said = nat({"--stun", kServer, "--quick"});
  EXPECT_EQ(said.program.exit_code, 3);
  EXPECT_EQ(said.report.at("finding"), "WGS-NAT-001");
}

TEST_F(NatProgram, MeasuresBothTimersOfConntrackToASecond) {
  start_coturn({"198.51.100.10", "198.51.100.11"});
  for (const std::string statement : {"masquerade", "masquerade fully-random"}) {
    router_->exec({"nft", "flush", "ruleset"});
    translate(*router_, far_.left, statement);
    set_timeouts(*router_, 5, 9);
    const Said said = nat({"--stun", kServer, "--longest", "30", "--keepalive", "25"});
    // conntrack's timers end within the second after they are over.
    EXPECT_THAT(said.summary("nat.lifetime"),
                AnyOf(HasSubstr("live for 8 to 9 s"), HasSubstr("live for 9 to 10 s")));
    EXPECT_THAT(said.summary("nat.lifetime_one_way"),
                AnyOf(HasSubstr("live for 4 to 5 s"), HasSubstr("live for 5 to 6 s")));
    EXPECT_THAT(said.summary("nat.refresh"), HasSubstr("inbound packets keep a mapping alive too"));
    EXPECT_EQ(said.program.exit_code, 2) << said.program.out;
    EXPECT_EQ(said.report.at("finding"), "WGS-NAT-008");
    EXPECT_LE(said.report.at("duration_seconds").get<double>(), 11 + 9 + 10);
  }
}

TEST_F(NatProgram, TriesTheKeepaliveThreeTimesOnOneFlow) {
  start_coturn({"198.51.100.10", "198.51.100.11"});
  translate(*router_, far_.left, "masquerade fully-random");
  set_timeouts(*router_, 3, 8);  // the flow of the trials must be a stream for that
  const auto start_with = [&](const std::string& keepalive) {
    return start({"--stun", kServer, "--longest", "5", "--keepalive", keepalive});
  };
  const auto shorter = start_with("5");
  const auto longer = start_with("10");
  const Said enough = wait_for(*shorter);
  EXPECT_EQ(enough.check("nat.keepalive").at("finding").at("id"), "WGS-NAT-009");
  EXPECT_THAT(enough.program.out, HasSubstr("packets came in after 3 of 3 silences of 5 s"));
  // Longer than the lanes look: only the trial can tell.
  const Said too_long = wait_for(*longer);
  EXPECT_EQ(too_long.check("nat.keepalive").at("finding").at("id"), "WGS-NAT-008");
  EXPECT_THAT(too_long.program.out, HasSubstr("packets came in after 0 of 2 silences of 10 s"));
}

TEST_F(NatProgram, MeasuresTowardsAnEndpointOfOursOnTheTunnelsPort) {
  translate(*router_, far_.left, "masquerade fully-random");
  set_timeouts(*router_, 4, 7);
  Process gateway(
      {binary_dir() / "probe/wgscope", "listen", "--generate", "--stun", "--listen-port=51820",
       "--peer-file", folder_ / "peer.conf", "--uapi.dir", folder_.path()},
      {.netns = outside_->name()});
  ASSERT_TRUE(gateway.wait_for_output("stop with", seconds(20))) << gateway.err();
  const Said said =
      nat({"--stun", "198.51.100.11:51820", "--stun", "198.51.100.10:51820", "--longest", "20"});
  EXPECT_EQ(said.program.exit_code, 0) << said.program.out;
  EXPECT_THAT(said.summary("nat.mapping"), HasSubstr("destination-dependent mapping"));
  EXPECT_THAT(said.summary("nat.lifetime"),
              AnyOf(HasSubstr("live for 6 to 7 s"), HasSubstr("live for 7 to 8 s")));
  EXPECT_THAT(said.summary("nat.lifetime_one_way"),
              AnyOf(HasSubstr("live for 3 to 4 s"), HasSubstr("live for 4 to 5 s")));
}

TEST_F(NatProgram, FindsTheShorterOfTwoNatsInARow) {
  const NetworkNamespace home;
  const Veth inner = connect(home, "10.8.0.1/24", *inside_, "10.8.0.2/24");
  start_coturn({"198.51.100.10", "198.51.100.11"});
  // A router more between inside and the router: 10.8.0.2 -> home -> 10.9.0.1 router.
  const Veth middle = connect(home, "10.9.0.2/24", *router_, "10.9.0.1/24");
  inside_->ip("route replace default via 10.8.0.1");
  home.ip("route add default via 10.9.0.1");
  home.must({"sysctl", "-qw", "net.ipv4.ip_forward=1"});
  translate(home, middle.left, "masquerade");
  translate(*router_, far_.left, "masquerade fully-random");
  set_timeouts(home, 4, 6);
  set_timeouts(*router_, 5, 9);
  const Said said = nat({"--stun", kServer, "--longest", "20"});
  EXPECT_THAT(said.summary("nat.lifetime"),
              AnyOf(HasSubstr("live for 5 to 6 s"), HasSubstr("live for 6 to 7 s")));
  EXPECT_THAT(said.summary("nat.mapping"), HasSubstr("address- and port-dependent mapping"));
}

TEST_F(NatProgram, TellsTheBracketSoFarWhenInterrupted) {
  start_coturn({"198.51.100.10", "198.51.100.11"});
  translate(*router_, far_.left, "masquerade");
  // On a terminal, as only there it shows how far it is.
  const std::string command =
      fmt::format("echo \"pid $$ \"; exec {} nat --verbose --no-router --stun {} --longest 100",
                  (binary_dir() / "probe/wgscope").string(), kServer);
  Process program({"script", "-qefc", command, "/dev/null"},
                  {.env = {"TERM=xterm"}, .netns = inside_->name()});
  const std::regex pid_line("pid ([0-9]+) ");
  ASSERT_TRUE(program.wait_for_output(pid_line, seconds(20)));
  const std::string so_far = program.out();
  std::smatch found;
  ASSERT_TRUE(std::regex_search(so_far, found, pid_line));
  const pid_t pid = std::stoi(found[1]);
  ASSERT_TRUE(program.wait_for_output("they live longer than 1 s", seconds(60))) << program.out();
  ASSERT_EQ(kill(pid, SIGINT), 0);
  EXPECT_EQ(program.wait(seconds(20)), 3) << program.out();
  EXPECT_THAT(program.out(), HasSubstr("interrupted"));
  EXPECT_THAT(program.out(), HasSubstr("interrupted; so far: silent mappings live for more than"));
}

TEST_F(NatProgram, AdvisesAKeepaliveThatProvesToBeEnough) {
  start_coturn({"198.51.100.10", "198.51.100.11"});
  translate(*router_, far_.left, "masquerade fully-random");
  set_timeouts(*router_, 10, 10);  // a second more or less, and the advice is the same
  const auto start_with = [&](const std::string& keepalive) {
    return start({"--no-router", "--stun", kServer, "--longest", "13", "--keepalive", keepalive});
  };
  const auto longer = start_with("11");
  const auto shorter = start_with("5");
  const Said too_long = wait_for(*longer);
  EXPECT_EQ(too_long.program.exit_code, 2) << too_long.program.out;
  EXPECT_EQ(too_long.report.at("finding"), "WGS-NAT-008");
  EXPECT_EQ(too_long.check("nat.keepalive").at("finding").at("fix").at(0),
            "PersistentKeepalive = 5");
  const Said advised = wait_for(*shorter);
  EXPECT_EQ(advised.program.exit_code, 0) << advised.program.out;
  EXPECT_GE(advised.report.at("duration_seconds").get<double>(), 3 * 5) << "three trials";
  EXPECT_THAT(advised.summary("nat.keepalive"), HasSubstr("5 s: often enough"));
}

TEST_F(NatProgram, AsksTheConfiguredGatewayItself) {
  translate(*router_, far_.left, "masquerade fully-random");
  set_timeouts(*router_, 4, 4);
  Process gateway({binary_dir() / "probe/wgscope", "listen", "--generate", "--stun",
                   "--listen-port=51820", "--endpoint=198.51.100.10", "--peer-file",
                   folder_ / "peer.conf", "--uapi.dir", folder_.path()},
                  {.netns = outside_->name()});
  ASSERT_TRUE(gateway.wait_for_output("stop with", seconds(20))) << gateway.err();
  const Said said = nat({"--config", folder_ / "peer.conf", "--longest", "8", "--keepalive", "6"});
  EXPECT_EQ(said.program.exit_code, 2) << said.program.out;
  EXPECT_EQ(said.report.at("finding"), "WGS-NAT-008");
  EXPECT_THAT(said.summary("nat.servers"), HasSubstr("1 of 1"));
  EXPECT_FALSE(gateway.wait_for_output("refused", std::chrono::milliseconds(1)))
      << "that mappings are gone is no news to who listens: " << gateway.err();
}

TEST_F(NatProgram, SaysThatStockGatewaysKnowNoStun) {
  translate(*router_, far_.left, "masquerade");
  Process gateway({binary_dir() / "probe/wgscope", "listen", "--generate", "--listen-port=51820",
                   "--endpoint=198.51.100.10", "--peer-file", folder_ / "peer.conf", "--uapi.dir",
                   folder_.path()},
                  {.netns = outside_->name()});
  ASSERT_TRUE(gateway.wait_for_output("stop with", seconds(20))) << gateway.err();
  const Said said = nat({"--config", folder_ / "peer.conf"});
  EXPECT_EQ(said.program.exit_code, 3) << said.program.out;
  EXPECT_EQ(said.report.at("finding"), "WGS-NAT-001");
  EXPECT_THAT(said.program.out,
              HasSubstr("the gateway does not answer STUN (ordinary WireGuard does not)"));
}

TEST_F(NatProgram, SeesFiltersThatLookAtAddressesOnly) {
  start_coturn({"198.51.100.10", "198.51.100.11"});
  translate(*router_, far_.left, "masquerade");
  // In comes what is from an address that the same port has sent to, whatever its port.
  router_->must(
      {"nft", "-f", "-"},
      fmt::format(
          "table ip in {{\n set met {{ type ipv4_addr . inet_service; flags dynamic,timeout; "
          "timeout 60s; }}\n chain out {{ type filter hook forward priority 0; oifname "
          "\"{0}\" update @met {{ ip daddr . udp sport }}\n }}\n chain pre {{ type nat hook "
          "prerouting priority -100; iifname \"{0}\" ip saddr . udp dport @met dnat to "
          "10.7.0.2\n }}\n}}\n",
          far_.left));
  const Said said = nat({"--stun", kServer, "--quick", "--no-router"});
  EXPECT_EQ(said.program.exit_code, 0) << said.program.out;
  EXPECT_EQ(said.summary("nat.mapping"), "one mapping for all destinations, as ports are kept");
  EXPECT_EQ(said.summary("nat.filtering"), "address-dependent filtering");
}

}  // namespace
}  // namespace wgscope::test
