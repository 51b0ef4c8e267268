// .netdev and .network files. The values are those that systemd-networkd 252 was given, with the
// kernel's WireGuard under it, and the results those of `wg showconf` and of its log.

#include "wgscope/config/networkd.hpp"

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "wgscope/base/result.hpp"
#include "wgscope/config/wg_quick.hpp"

#include "keys.hpp"
#include "networkd_texts.hpp"

namespace wgscope::config {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;
using ::testing::StartsWith;

constexpr const char* kWhole = R"([NetDev]
Name=wg0
Kind=wireguard
Description=to the branches
MTUBytes=1380

[WireGuard]
PrivateKey={0}
ListenPort=51820
FirewallMark=0xca6c
RouteTable=main
RouteMetric=50

[WireGuardPeer]
# friendly_name = berlin
PublicKey={1}
PresharedKey={2}
AllowedIPs=10.9.16.0/24, fd09:16::/64
AllowedIPs=10.9.17.5
Endpoint=berlin.example.net:51820
PersistentKeepalive=25
RouteTable=off

; Name = anna
[WireGuardPeer]
PublicKey={3}
PresharedKeyFile=/etc/wireguard/anna.psk
AllowedIPs=10.9.0.7/32
)";

TEST(Netdev, IsReadAsAWhole) {
  const Netdev netdev = netdev_of({kWhole});
  EXPECT_THAT(netdev.warnings, IsEmpty());
  EXPECT_EQ(netdev.name.value, "wg0");
  EXPECT_EQ(netdev.name.at, (Position{0, 2, 6}));
  EXPECT_EQ(netdev.description->value, "to the branches");
  EXPECT_EQ(netdev.mtu->value, 1380U);
  ASSERT_TRUE(netdev.private_key);
  EXPECT_EQ(netdev.private_key->at, (Position{0, 8, 12}));
  EXPECT_EQ(netdev.listen_port->value, 51820);
  EXPECT_EQ(netdev.fwmark->value, 0xca6cU);
  EXPECT_EQ(netdev.route_table->value, "main");
  EXPECT_EQ(netdev.route_metric->value, 50U);
  ASSERT_THAT(netdev.peers, SizeIs(2));
  const NetdevPeer& berlin = netdev.peers[0];
  EXPECT_EQ(berlin.name, "berlin");
  EXPECT_EQ(berlin.at, (Position{0, 14, 1}));
  EXPECT_EQ(berlin.public_key.value, key(1));
  EXPECT_TRUE(berlin.preshared_key);
  EXPECT_THAT(prefixes_of(berlin), ElementsAre("10.9.16.0/24", "fd09:16::/64", "10.9.17.5/32"));
  EXPECT_EQ(berlin.allowed_ips[1].at, (Position{0, 18, 26}));
  EXPECT_EQ(berlin.endpoint->value.to_string(), "berlin.example.net:51820");
  EXPECT_EQ(berlin.persistent_keepalive->value, std::chrono::seconds(25));
  EXPECT_EQ(berlin.route_table->value, "off");
  const NetdevPeer& anna = netdev.peers[1];
  EXPECT_EQ(anna.name, "anna");
  EXPECT_FALSE(anna.preshared_key);
  EXPECT_EQ(anna.preshared_key_source->value.kind, KeySource::Kind::file);
  EXPECT_EQ(anna.preshared_key_source->value.name, "/etc/wireguard/anna.psk");
}

TEST(Netdev, TakesDropInsInTheirOrder) {
  const Netdev netdev = netdev_of(
      {"[NetDev]\nName=wg0\nKind=wireguard\n[WireGuard]\nListenPort=1\nFirewallMark=7\n"
       "[WireGuardPeer]\nPublicKey={1}\nAllowedIPs=10.1.0.0/16\n",
       "[WireGuard]\nListenPort=2\nPrivateKey={0}\n[WireGuardPeer]\nPublicKey={2}\n",
       "[WireGuard]\nListenPort=3\nRouteTable=\n[WireGuardPeer]\n# Name = third\nPublicKey={3}\n"});
  EXPECT_EQ(netdev.listen_port->value, 3);
  EXPECT_EQ(netdev.listen_port->at, (Position{2, 2, 12}));
  EXPECT_EQ(netdev.fwmark->value, 7U);
  EXPECT_EQ(netdev.private_key->at.file, 1U);
  ASSERT_THAT(netdev.peers, SizeIs(3));
  EXPECT_EQ(netdev.peers[2].name, "third");
  EXPECT_EQ(netdev.peers[2].at, (Position{2, 4, 1}));
}

TEST(Netdev, KnowsKeysThatAreElsewhere) {
  const Netdev netdev =
      netdev_of({"[NetDev]\nName=wg0\nKind=wireguard\n[WireGuard]\n"
                 "PrivateKey=@network.wireguard.private.wg0\n[WireGuardPeer]\n"
                 "PublicKey={1}\nPresharedKey=@branch.psk\n"});
  EXPECT_THAT(netdev.warnings, IsEmpty());
  EXPECT_EQ(netdev.private_key_source->value.kind, KeySource::Kind::credential);
  EXPECT_EQ(netdev.private_key_source->value.name, "network.wireguard.private.wg0");
  EXPECT_EQ(netdev.peers[0].preshared_key_source->value.name, "branch.psk");
  const Netdev file = device_of("PrivateKeyFile=relative\nPrivateKeyFile=/etc/key\n");
  EXPECT_EQ(file.private_key_source->value.name, "/etc/key");
  EXPECT_THAT(texts_of(file.warnings),
              ElementsAre("0:6:16 PrivateKeyFile must be an absolute path, so networkd ignores the "
                          "line"));
}

TEST(Netdev, ReadsNumbersInTheBaseOfSystemd) {
  EXPECT_EQ(device_of("ListenPort=0x1234\n").listen_port->value, 0x1234);
  EXPECT_EQ(device_of("ListenPort=0b11\n").listen_port->value, 3);
  EXPECT_EQ(device_of("ListenPort=+77\n").listen_port->value, 77);
  const Netdev octal = device_of("ListenPort=010000\n");
  EXPECT_EQ(octal.listen_port->value, 4096);
  EXPECT_THAT(texts_of(octal.warnings),
              ElementsAre("0:6:12 networkd reads this ListenPort as 4096"));
  EXPECT_FALSE(device_of("ListenPort=5\nListenPort=auto\n").listen_port);
  EXPECT_FALSE(device_of("ListenPort=5\nListenPort=\n").listen_port);
  for (const char* bad : {"0", "65536", "51820x", "5 1", "0x"})
    EXPECT_EQ(device_of(fmt::format("ListenPort=5\nListenPort={}\n", bad)).listen_port->value, 5)
        << bad;
  EXPECT_EQ(device_of("FirewallMark=0x10\n").fwmark->value, 16U);
  EXPECT_EQ(device_of("FirewallMark=0\n").fwmark->value, 0U);
  for (const char* bad : {"", "off", "4294967296", "-1", "7 # x"})
    EXPECT_EQ(device_of(fmt::format("FirewallMark=9\nFirewallMark={}\n", bad)).fwmark->value, 9U)
        << bad;
}

TEST(Netdev, ReadsSizes) {
  EXPECT_EQ(device_of("[NetDev]\nMTUBytes=1K\n").mtu->value, 1024U);
  EXPECT_EQ(device_of("[NetDev]\nMTUBytes=02000\n").mtu->value, 2000U);
  EXPECT_EQ(device_of("[NetDev]\nMTUBytes=1400B\n").mtu->value, 1400U);
  for (const char* bad : {"0x500", "1k", "", "99999999999", "5000000M"})
    EXPECT_FALSE(device_of(fmt::format("[NetDev]\nMTUBytes={}\n", bad)).mtu) << bad;
}

/// The one peer of a file, where networkd does not ignore it.
std::optional<NetdevPeer> peer_with(const std::string& lines) {
  Netdev netdev = device_of("[WireGuardPeer]\nPublicKey={1}\n" + lines);
  if (netdev.peers.empty()) return std::nullopt;
  return std::move(netdev.peers.front());
}

TEST(Netdev, IgnoresAPeerWithAMalformedSetting) {
  for (const char* bad : {"Endpoint=1.2.3.4:0", "Endpoint=", "Endpoint=name..x:5",
                          "Endpoint=a:http", "Endpoint=[::1]", "Endpoint=1.2.3.4: 5",
                          "Endpoint=nope", "PersistentKeepalive=", "PersistentKeepalive=25s",
                          "PersistentKeepalive=65536", "PersistentKeepalive=OFF", "RouteMetric=x"})
    EXPECT_FALSE(peer_with(fmt::format("{}\n", bad))) << bad;
  const Netdev netdev = device_of("[WireGuardPeer]\nPublicKey={1}\nPersistentKeepalive=25s\n");
  EXPECT_THAT(texts_of(netdev.warnings),
              ElementsAre("0:8:21 PersistentKeepalive must be a number of seconds from 0 to 65535, "
                          "or off, so networkd ignores the whole section"));
  EXPECT_EQ(netdev.warnings[0].kind, WarningKind::ignored);
  const Netdev keyless = device_of("[WireGuardPeer]\nPublicKey=bad\n[WireGuardPeer]\n");
  EXPECT_THAT(keyless.peers, IsEmpty());
  EXPECT_THAT(texts_of(keyless.warnings),
              ElementsAre(HasSubstr("has no PublicKey, so networkd ignores it"),
                          HasSubstr("PublicKey is not a base64 key"),
                          HasSubstr("has no PublicKey, so networkd ignores it")));
}

TEST(Netdev, TakesEndpointsAsNetworkdDoes) {
  const auto endpoint = [](const char* text) {
    const auto peer = peer_with(fmt::format("Endpoint={}\n", text));
    if (!peer) return std::string("no peer");
    return peer->endpoint ? peer->endpoint->value.to_string() : std::string("none");
  };
  EXPECT_EQ(endpoint("1.2.3.4:0x10"), "1.2.3.4:16");
  EXPECT_EQ(endpoint("::1:51820"), "[::1]:51820");
  EXPECT_EQ(endpoint("[::1]:51820"), "[::1]:51820");
  EXPECT_EQ(endpoint("name.example:51820"), "name.example:51820");
  EXPECT_EQ(endpoint("a_b:55"), "a_b:55");
  EXPECT_EQ(endpoint("[1.2.3.4]:51820"), "none");
  EXPECT_EQ(endpoint("1.2.3.4"), "none");
  EXPECT_EQ(endpoint("2001:db8::1:5"), "none");
  EXPECT_EQ(endpoint("a b:5"), "none");
  EXPECT_EQ(endpoint(":5"), "none");
  EXPECT_EQ(endpoint("a\tb:5"), "no peer");
  EXPECT_EQ(endpoint((std::string(64, 'a') + ":5").c_str()), "no peer");
}

TEST(Netdev, TakesAllowedIpsAsNetworkdDoes) {
  const auto peer = peer_with(
      "AllowedIPs=10.0.0.0/24 10.1.0.0/24,,10.2.0.0/24\nAllowedIPs=10.3.0.1/16\n"
      "AllowedIPs=10.4.0.0/33\nAllowedIPs=10.5.0.1\nAllowedIPs=\"10.6.0.0/24\"\n"
      "AllowedIPs=10.7.0.0/024\nAllowedIPs=10.8/16, fe80::1\nAllowedIPs=fe80::2%lo/128\n"
      "AllowedIPs=10.10.0.0/0x10\nAllowedIPs=10.13.0.0/+24\n");
  EXPECT_THAT(prefixes_of(*peer),
              ElementsAre("10.0.0.0/24", "10.1.0.0/24", "10.2.0.0/24", "10.3.0.0/16", "10.5.0.1/32",
                          "10.7.0.0/20", "fe80::1/128", "10.10.0.0/16", "10.13.0.0/24"));
  EXPECT_THAT(prefixes_of(*peer_with("AllowedIPs=10.0.0.0\\/8, 1\\0.1.0.0/16\n")),
              ElementsAre("10.0.0.0/8", "10.1.0.0/16"));
  EXPECT_THAT(prefixes_of(*peer_with("AllowedIPs=10.0.0.0/8 10.1.0.0/16\\ \n")),
              ElementsAre("10.0.0.0/8"));
  const Netdev reset = device_of(
      "[WireGuardPeer]\nPublicKey={1}\nAllowedIPs=10.0.0.0/8\n"
      "AllowedIPs=\nAllowedIPs=10.7.0.0/024,0.0.0.0\n");
  EXPECT_THAT(prefixes_of(reset.peers[0]), ElementsAre("10.7.0.0/20", "0.0.0.0/32"));
  EXPECT_THAT(texts_of(reset.warnings),
              ElementsAre("0:9:12 AllowedIPs without a value drops the prefixes above it; systemd "
                          "252 and older ignore it and keep them",
                          "0:10:12 networkd does not read this prefix length as a decimal "
                          "number: it means 10.7.0.0/20",
                          StartsWith("0:10:25 AllowedIPs 0.0.0.0 is the one address")));
}

TEST(Netdev, KeepsTheLastKeyOfASection) {
  const Netdev netdev =
      device_of("PrivateKey=bad\n[WireGuardPeer]\nPublicKey={1}\nPublicKey={2}\nPublicKey=bad\n");
  EXPECT_TRUE(netdev.private_key);
  EXPECT_EQ(netdev.peers[0].public_key.value, key(2));
  EXPECT_THAT(texts_of(netdev.warnings),
              ElementsAre(HasSubstr("PrivateKey is not a base64 key"),
                          HasSubstr("most likely a [WireGuardPeer] is missing above"),
                          HasSubstr("PublicKey is not a base64 key")));
  EXPECT_FALSE(device_of("PrivateKey=\n").private_key);
  EXPECT_FALSE(device_of("PrivateKey=" + std::string(43, 'A') + "=\n").private_key);
}

TEST(Netdev, WarnsOfWhatNetworkdDoesNotKnow) {
  const Netdev netdev =
      netdev_of({"Junk=1\n[NetDev]\nName=wg0\nKind=wireguard\nname=x\n[VLAN]\nId=1\n[X-Own]\nb\n"
                 "[WireGuard]\nX-Own=1\nnope\nPrivateKey={0}\n[wireguardpeer]\nPublicKey={1}\n"
                 "[Peer {0}]\n[WireGuardPeer]\nPublicKey={1}\n{0}=1\n"});
  EXPECT_THAT(texts_of(netdev.warnings),
              ElementsAre("0:1:1 this line is before any section, so networkd ignores it",
                          "0:5:1 networkd does not know name in [NetDev], so it ignores the line",
                          "0:6:1 networkd does not know the section [VLAN], so it ignores the "
                          "lines in it",
                          "0:12:1 expected [Section] or Key=Value, so networkd ignores the line",
                          "0:14:1 networkd does not know the section [wireguardpeer], so it "
                          "ignores the lines in it",
                          "0:16:1 networkd does not know this section, so it ignores the lines "
                          "in it",
                          HasSubstr("so it ignores the line")));
  for (const std::string& text : texts_of(netdev.warnings))
    EXPECT_THAT(text, Not(HasSubstr(key_text(100).substr(0, 12))));
}

TEST(Netdev, IsRefusedWhereNetworkdIgnoresIt) {
  EXPECT_EQ(netdev_error({"[NetDev]\nKind=wireguard\n"}),
            "wg0.netdev: there is no Name under [NetDev], so networkd ignores the file");
  EXPECT_EQ(netdev_error({"[NetDev]\nName=br0\nKind=bridge\n"}),
            "wg0.netdev: the Kind under [NetDev] is not wireguard");
  EXPECT_EQ(netdev_error({"[NetDev]\nName=wg0\nKind=wireguard\n", "[bad\n"}),
            "10-drop.conf: line 1: a section's header must end with ']', so systemd refuses the "
            "file");
}

TEST(Netdev, RefusesThePrivateKeyAsAPublicKey) {
  const std::string error =
      netdev_error({"[NetDev]\nName=wg0\nKind=wireguard\n[WireGuard]\n"
                    "PrivateKey={0}\n[WireGuardPeer]\nPublicKey={0}\n"});
  EXPECT_THAT(error, AllOf(HasSubstr("wg0.netdev: line 7: this PublicKey is the PrivateKey"),
                           Not(HasSubstr(key_text(100)))));
}

TEST(Network, IsReadAsFarAsAnInterfaceNeedsIt) {
  const Network network = network_of({R"([Match]
Name=wg* vpn?
[Link]
MTUBytes=1333
RequiredForOnline=no
[Network]
Address=10.9.0.1/16
Address=fd09::1/64
Gateway=10.9.0.2
DNS=10.9.0.53 fd09::53
Domains=corp.example ~.
[Address]
Address=10.8.8.8/24
Address=10.99.8.8/24
[Address]
Address=10.5.5.5/33
[Route]
Destination=192.0.2.0/24
Metric=5
Table=1000
[RoutingPolicyRule]
FirewallMark=0xca6c
InvertRule=yes
Table=1000
)"});
  EXPECT_THAT(texts_of(network.warnings), ElementsAre(StartsWith("0:16:9 Address must be")));
  std::vector<std::string> addresses;
  for (const auto& one : network.addresses) addresses.push_back(one.value.prefix.to_string());
  EXPECT_THAT(addresses, ElementsAre("10.9.0.1/16", "fd09::1/64", "10.99.8.8/24"));
  EXPECT_EQ(network.mtu->value, 1333U);
  ASSERT_THAT(network.dns, SizeIs(2));
  EXPECT_EQ(network.dns[1].value, "fd09::53");
  EXPECT_EQ(network.dns[1].at, (Position{0, 10, 15}));
  EXPECT_EQ(network.domains[1].value, "~.");
  ASSERT_THAT(network.routes, SizeIs(2));
  EXPECT_EQ(network.routes[0].value.gateway, "10.9.0.2");
  EXPECT_EQ(network.routes[1].value.destination, "192.0.2.0/24");
  EXPECT_EQ(network.routes[1].value.metric, 5U);
  ASSERT_THAT(network.rules, SizeIs(1));
  EXPECT_EQ(network.rules[0].value.firewall_mark, "0xca6c");
  EXPECT_TRUE(network.rules[0].value.inverted);
}

TEST(Network, MatchesInterfacesAsNetworkdDoes) {
  const auto matches = [](const char* match, const char* interface) {
    return network_of({fmt::format("[Match]\n{}\n", match)}).matches(interface);
  };
  EXPECT_TRUE(matches("Name=wg*", "wg0"));
  EXPECT_TRUE(matches("Name=eth0 wg[0-9]", "wg0"));
  EXPECT_FALSE(matches("Name=wg", "wg0"));
  EXPECT_FALSE(matches("Name=!eth0 wg0", "wg0"));
  EXPECT_TRUE(matches("Name=!eth0 wg1", "wg0"));
  EXPECT_FALSE(matches("Name=eth0\nName=\nName=x", "eth0"));
  EXPECT_TRUE(matches("Kind=wireguard", "wg0"));
  EXPECT_FALSE(matches("Kind=vlan", "wg0"));
  EXPECT_TRUE(matches("Type=wire*", "wg0"));
  EXPECT_FALSE(matches("Type=ether wlan", "wg0"));
  EXPECT_TRUE(network_of({"[Match]\nHost=gw-1\n"}).other_match);
  EXPECT_FALSE(network_of({"[Network]\nAddress=10.0.0.1/8\n"}).has_match);
}

TEST(Network, WarnsOfAddressesThatVersionsReadDifferently) {
  const Network network = network_of({"[Network]\nAddress=10.9.9.9\nAddress=\n"});
  EXPECT_THAT(network.addresses, IsEmpty());
  EXPECT_THAT(texts_of(network.warnings),
              ElementsAre(HasSubstr("depends on its version"), HasSubstr("systemd 252 and older")));
  EXPECT_FALSE(network_of({"[Network]\nAddress=10.9.9.9\n"}).addresses[0].value.length_is_known);
}

WgQuickConfig config_of(const std::vector<std::string>& netdev,
                        const std::vector<std::string>& network) {
  const UnitTexts netdev_texts(netdev, "wg0.netdev");
  const UnitTexts network_texts(network, "wg0.network");
  auto device = parse_netdev(netdev_texts.files());
  EXPECT_TRUE(device) << device.error().context;
  std::optional<NetworkFiles> with;
  if (!network.empty())
    with = NetworkFiles{std::move(*parse_network(network_texts.files())), network_texts.files()};
  return to_wg_quick({std::move(*device), netdev_texts.files()}, std::move(with));
}

TEST(NetdevAsWgQuick, HasWhatBothFilesSay) {
  const WgQuickConfig config =
      config_of({kWhole}, {"[Match]\nName=wg0\n[Link]\nMTUBytes=1333\n[Network]\n"
                           "Address=10.9.0.1/16\nDNS=10.9.0.53 10.9.0.54:53\nDomains=~corp\n"});
  EXPECT_THAT(config.warnings, IsEmpty());
  EXPECT_TRUE(config.private_key);
  EXPECT_EQ(config.mtu, 1333);
  EXPECT_EQ(config.listen_port, 51820);
  EXPECT_EQ(config.fwmark, 0xca6cU);
  EXPECT_EQ(config.table, "main");
  ASSERT_THAT(config.addresses, SizeIs(1));
  EXPECT_EQ(config.addresses[0].to_string(), "10.9.0.1/16");
  EXPECT_THAT(config.dns, ElementsAre("10.9.0.53", "~corp"));
  ASSERT_THAT(config.peers, SizeIs(2));
  EXPECT_EQ(config.peers[0].name, "berlin");
  EXPECT_EQ(config.peers[0].line, 14U);
  EXPECT_EQ(config.peers[0].persistent_keepalive, std::chrono::seconds(25));
  EXPECT_TRUE(config.peers[0].preshared_key);
  EXPECT_EQ(config.peers[1].public_key, key(3));
}

TEST(NetdevAsWgQuick, GivesContestedPrefixesToTheFirstPeer) {
  const WgQuickConfig config =
      config_of({"[NetDev]\nName=wg0\nKind=wireguard\n[WireGuardPeer]\nPublicKey={1}\n"
                 "AllowedIPs=10.0.0.0/24\n[WireGuardPeer]\nPublicKey={2}\n"
                 "AllowedIPs=10.0.0.0/24, 10.2.0.0/16\n",
                 "[WireGuardPeer]\nPublicKey={3}\nAllowedIPs=10.2.0.0/16, 10.3.0.0/16\n"},
                {});
  std::vector<std::vector<Prefix>> allowed;
  for (const WgQuickPeer& peer : config.peers) allowed.push_back(peer.allowed_ips);
  ASSERT_THAT(allowed, SizeIs(3));
  EXPECT_EQ(fmt::format("{} {} {}", allowed[0].size(), allowed[1].size(), allowed[2].size()),
            "1 1 1");
  ASSERT_THAT(config.warnings, SizeIs(2));
  EXPECT_EQ(config.warnings[0].line, 9U);
  EXPECT_EQ(config.warnings[0].text,
            "AllowedIPs 10.2.0.0/16 is taken away from the peer in line 3 of 10-drop.conf: only "
            "one peer can have its traffic, and networkd gives it to the first");
  EXPECT_EQ(config.warnings[1].line, 6U);
}

TEST(NetdevAsWgQuick, TakesTheFirstOfTwoSectionsWithOneKey) {
  const WgQuickConfig config = config_of(
      {"[NetDev]\nName=wg0\nKind=wireguard\n[WireGuardPeer]\nPublicKey={1}\n"
       "AllowedIPs=10.0.0.0/24\nPresharedKey={0}\nPersistentKeepalive=5\n[WireGuardPeer]\n"
       "PublicKey={1}\nAllowedIPs=10.2.0.0/16\nEndpoint=1.2.3.4:5\n"},
      {});
  ASSERT_THAT(config.peers, SizeIs(1));
  EXPECT_TRUE(config.peers[0].preshared_key);
  EXPECT_EQ(config.peers[0].persistent_keepalive, std::chrono::seconds(5));
  ASSERT_THAT(config.peers[0].allowed_ips, SizeIs(1));
  EXPECT_EQ(config.peers[0].allowed_ips[0].to_string(), "10.0.0.0/24");
  EXPECT_TRUE(config.peers[0].endpoint);
}

TEST(NetdevAsWgQuick, NamesTheFileOfWarningsAboutOthers) {
  const WgQuickConfig config =
      config_of({"[NetDev]\nName=wg0\nKind=wireguard\n[WireGuard]\nListenPort=x\n",
                 "[WireGuard]\nListenPort=y\n"},
                {"[Network]\nAddress=z\n"});
  ASSERT_THAT(config.warnings, SizeIs(3));
  EXPECT_EQ(config.warnings[0].line, 5U);
  EXPECT_EQ(config.warnings[1].line, 0U);
  EXPECT_THAT(config.warnings[1].text, StartsWith("10-drop.conf:2:12: ListenPort must be"));
  EXPECT_EQ(config.warnings[2].line, 0U);
  EXPECT_THAT(config.warnings[2].text, StartsWith("wg0.network:2:9: Address must be"));
}

TEST(NetdevKinds, AreToldApart) {
  EXPECT_TRUE(looks_like_netdev("# x\n[NetDev]\n"));
  EXPECT_TRUE(looks_like_netdev(" [WireGuardPeer] \r\n"));
  EXPECT_FALSE(looks_like_netdev("[Interface]\n[Peer]\n"));
  EXPECT_TRUE(looks_like_network("[Match]\nName=wg0\n"));
  EXPECT_FALSE(looks_like_network("[Match]\n[NetDev]\n"));
}

TEST(NetdevNames, AreReadAsInWgQuickFiles) {
  const std::string text = fmt::format(
      "[NetDev]\nName=wg0\n\n[WireGuardPeer]\n# friendly_name = anna\nPublicKey={}\n\n; Name: "
      "bert\n"
      "[WireGuardPeer]\nPublicKey={}\n\n#[WireGuardPeer]\n#PublicKey={}\n# Name = gone\n",
      key_text(1), key_text(2), key_text(3));
  const auto found = parse_netdev_names(text);
  ASSERT_TRUE(found) << found.error().context;
  EXPECT_THAT(found->names, SizeIs(2));
  EXPECT_EQ(found->names.at(key(1)), "anna");
  EXPECT_EQ(found->names.at(key(2)), "bert");
  EXPECT_FALSE(parse_netdev_names("[Interface]\n"));
  const auto nameless =
      parse_netdev_names("[NetDev]\n[WireGuardPeer]\n# Name = x\n[WireGuard]\nA=b");
  ASSERT_TRUE(nameless);
}

}  // namespace
}  // namespace wgscope::config
