// Each rule for systemd-networkd's files, with files that break it, and with such that look like
// them and do not.

#include <string>
#include <string_view>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "wgscope/audit/lint.hpp"
#include "wgscope/audit/placed.hpp"

#include "lint_networkd_support.hpp"
#include "lint_support.hpp"

namespace wgscope::audit {
namespace {

using ::testing::Contains;
using ::testing::EndsWith;
using ::testing::IsEmpty;
using ::testing::Not;

struct Rule {
  std::string_view id;
  std::string_view at;  ///< place of the finding
  Files bad;
  Files good;
};

const std::vector<Rule> kFileRules{
    {"WGS-LNT-002", "wg0.netdev:6", netdev("{DEVICE}[broken\n"), netdev("{DEVICE}")},
    {"WGS-LNT-002", "wg0.netdev.d/10-x.conf:1", with_drop_in("{PEER}", "[broken\n"),
     with_drop_in("{PEER}", "[WireGuard]\n")},
    {"WGS-LNT-002", "wg0.netdev", netdev("[NetDev]\nKind=wireguard\n"), netdev("{DEVICE}")},
    {"WGS-LNT-002", "wg0.netdev", netdev("[NetDev]\nName=br0\nKind=bridge\n"), netdev("{DEVICE}")},
    {"WGS-LNT-003", "wg0.netdev:7:11", netdev("{DEVICE}[WireGuardPeer]\nPublicKey={own}\n"),
     netdev("{PEER}")},
    {"WGS-LNT-004", "wg0.netdev.d/10-x.conf:2:12",
     with_drop_in("[NetDev]\nName=wg0\nKind=wireguard\n", "[WireGuard]\nPrivateKey={zero}\n"),
     with_drop_in("[NetDev]\nName=wg0\nKind=wireguard\n", "[WireGuard]\nPrivateKey={own}\n")},
    {"WGS-LNT-004", "wg0.netdev:8:14", netdev("{PEER}PresharedKey={zero}\n"),
     netdev("{PEER}PresharedKey={psk}\n")},
    {"WGS-LNT-005", "wg0.netdev:7:11", netdev("{DEVICE}[WireGuardPeer]\nPublicKey={own_public}\n"),
     netdev("{PEER}")},
    {"WGS-LNT-006",
     "wg0.netdev:5:12",
     {{"a.conf", "[Interface]\nPrivateKey = {own}\n[Peer]\nPublicKey = {a}\n"},
      {"wg0.netdev", "{PEER}"}},
     {{"a.conf", "[Interface]\nPrivateKey = {own}\n[Peer]\nPublicKey = {b}\n"},
      {"wg0.netdev", "{PEER}"}}},
    {"WGS-LNT-007",
     "wg0.netdev:8:11",
     {{"a.conf", "[Peer]\n# Name = anna\nPublicKey = {a}\n"},
      {"wg0.netdev", "{DEVICE}[WireGuardPeer]\n# Name = bert\nPublicKey={a}\n"}},
     {{"a.conf", "[Peer]\n# Name = anna\nPublicKey = {a}\n"},
      {"wg0.netdev", "{DEVICE}[WireGuardPeer]\n# Name = anna\nPublicKey={a}\n"}}},
    {"WGS-LNT-008", "wg0.netdev.d/10-x.conf:3:24",
     with_drop_in("{DEVICE}",
                  "[WireGuardPeer]\nPublicKey={a}\nAllowedIPs=10.8.0.0/24 10.9.0.7/24\n"),
     with_drop_in("{DEVICE}", "[WireGuardPeer]\nPublicKey={a}\nAllowedIPs=10.8.0.0/24\n")},
    {"WGS-LNT-009", "wg0.netdev.d/10-x.conf:3:12",
     with_drop_in("{PEER}AllowedIPs=10.1.0.0/16\n",
                  "[WireGuardPeer]\nPublicKey={b}\nAllowedIPs=10.1.2.0/24\n"),
     with_drop_in("{PEER}AllowedIPs=10.1.0.0/16\n",
                  "[WireGuardPeer]\nPublicKey={b}\nAllowedIPs=10.2.2.0/24\n")},
    {"WGS-LNT-010", "wg0.netdev:8:12",
     netdev("{PEER}AllowedIPs=0.0.0.0/0\n[WireGuardPeer]\nPublicKey={b}\n"),
     netdev("{PEER}AllowedIPs=10.9.0.7/32\n[WireGuardPeer]\nPublicKey={b}\n")},
    {"WGS-LNT-011", "wg0.netdev:9:12", netdev("{ROUTED}AllowedIPs=0.0.0.0/0\n"),
     netdev("{PEER}AllowedIPs=0.0.0.0/0\n")},  // networkd makes no route of it
    {"WGS-LNT-015", "wg0.netdev:8:21", netdev("{PEER}PersistentKeepalive=121\n"),
     netdev("{PEER}PersistentKeepalive=off\n")},
    {"WGS-LNT-016", "wg0.network:5:10",
     with_network("{DEVICE}",
                  "[Match]\nName=wg0\n[Network]\n[Link]\nMTUBytes=1200\n[Network]\n"
                  "Address=fd00::2/64\n"),
     with_network("{DEVICE}",
                  "[Match]\nName=wg0\n[Link]\nMTUBytes=1280\n[Network]\n"
                  "Address=fd00::2/64\n")},
    {"WGS-LNT-017", "wg0.netdev:4:10",
     netdev("[NetDev]\nName=wg0\nKind=wireguard\nMTUBytes=1500\n[WireGuard]\nPrivateKey={own}\n"),
     netdev("[NetDev]\nName=wg0\nKind=wireguard\nMTUBytes=1420\n[WireGuard]\nPrivateKey={own}\n")},
    {"WGS-LNT-023", "wg0.netdev:6:12", netdev("{DEVICE}ListenPort=010000\n"),
     netdev("{DEVICE}ListenPort=10000\n")},
    {"WGS-LNT-023", "wg0.netdev:8:12", netdev("{PEER}AllowedIPs=10.7.0.0/020\n"),
     netdev("{PEER}AllowedIPs=10.7.0.0/20\n")},
    {"WGS-LNT-024", "wg0.netdev:7:12", netdev("{DEVICE}ListenPort=1\nListenPort=2\n"),
     // What drop-ins are for, and what a line takes back.
     with_drop_in("{DEVICE}ListenPort=1\nFirewallMark=1\nListenPort=\n",
                  "[WireGuard]\nFirewallMark=2\n")},
    {"WGS-LNT-025", "wg0.network:4:9", with_network("{DEVICE}", "{MATCH}Address=10.9.0.0/24\n"),
     with_network("{DEVICE}", "{MATCH}Address=10.9.0.1/24\n")},
    {"WGS-CFG-004", "wg0.netdev:8:11", netdev("{PEER}PublicKey={b}\n"), netdev("{PEER}")},
    {"WGS-CFG-005", "wg0.netdev:9:11", netdev("{PEER}[WireGuardPeer]\nPublicKey={a}\n"),
     netdev("{PEER}[WireGuardPeer]\nPublicKey={b}\n")},
    {"WGS-CFG-005", "wg0.netdev.d/10-x.conf:3:12",
     with_drop_in("{PEER}AllowedIPs=10.1.0.0/16\n",
                  "[WireGuardPeer]\nPublicKey={b}\nAllowedIPs=10.1.0.0/16\n"),
     with_drop_in("{PEER}AllowedIPs=10.1.0.0/16\n",
                  "[WireGuardPeer]\nPublicKey={b}\nAllowedIPs=10.2.0.0/16\n")},
    {"WGS-CFG-006", "wg0.netdev:8:12", netdev("{PEER}AllowedIPs=0.0.0.0\n"),
     netdev("{PEER}AllowedIPs=10.0.0.1\n")},
    {"WGS-CFG-010", "wg0.netdev:8:10", netdev("{PEER}Endpoint=224.0.0.1:51820\n"),
     netdev("{PEER}Endpoint=192.0.2.1:51820\n")},
    {"WGS-CFG-012", "wg0.netdev:6:1", netdev("{DEVICE}PostUp=true\n"), netdev("{DEVICE}X-Own=1\n")},
    {"WGS-CFG-012", "wg0.network:4:5", with_network("{DEVICE}", "{MATCH}DNS=resolver\n"),
     with_network("{DEVICE}", "{MATCH}DNS=10.9.0.1:53#dns.example\n")},
};

const std::vector<Rule> kNetworkdRules{
    // The endpoint's route leads into the tunnel.
    {"WGS-LNT-012", "wg0.netdev:10:10",
     netdev("{ROUTED}AllowedIPs=0.0.0.0/0, ::/0\nEndpoint=192.0.2.1:51820\n"),
     netdev("{PEER}AllowedIPs=0.0.0.0/0, ::/0\nEndpoint=192.0.2.1:51820\n")},
    {"WGS-LNT-012", "wg0.netdev:11:10",
     // The rule is about another mark than the tunnel's.
     with_network("{DEVICE}FirewallMark=1\nRouteTable=1000\n[WireGuardPeer]\nPublicKey={a}\n"
                  "AllowedIPs=0.0.0.0/0, ::/0\nEndpoint=192.0.2.1:51820\n",
                  "{MATCH}Address=10.9.0.2/24\n[RoutingPolicyRule]\nFirewallMark=2\n"
                  "InvertRule=yes\nTable=1000\n"),
     with_network("{DEVICE}FirewallMark=2\nRouteTable=1000\n[WireGuardPeer]\nPublicKey={a}\n"
                  "AllowedIPs=0.0.0.0/0, ::/0\nEndpoint=192.0.2.1:51820\n",
                  "{MATCH}Address=10.9.0.2/24\n[RoutingPolicyRule]\nFirewallMark=0x2\n"
                  "InvertRule=yes\nTable=1000\n")},
    {"WGS-LNT-012", "wg0.netdev:10:10",
     // The peer's own table counts.
     with_network("{PEER}RouteTable=254\nAllowedIPs=192.0.2.0/24\nEndpoint=192.0.2.1:51820\n",
                  "{MATCH}Address=10.9.0.2/24\n"),
     with_network("{PEER}RouteTable=off\nAllowedIPs=192.0.2.0/24\nEndpoint=192.0.2.1:51820\n",
                  "{MATCH}Address=10.9.0.2/24\n")},
    {"WGS-LNT-013", "wg0.network:4:5",
     with_network("{PEER}AllowedIPs=10.9.0.0/24\n", "{MATCH}DNS=192.0.2.53\n"),
     with_network("{PEER}AllowedIPs=10.9.0.0/24\n",
                  "{MATCH}DNS=10.9.0.53:53 [::1]:5353 192.0.2.53%eth0\n")},
    {"WGS-LNT-050", "wg0.netdev:9:10", netdev("{PEER}Endpoint=192.0.2.1\nEndpoint=gw\n"),
     netdev("{PEER}Endpoint=gw:1\n")},
    {"WGS-LNT-050", "wg0.netdev:8:21", netdev("{PEER}PersistentKeepalive=25s\n"),
     netdev("{PEER}PersistentKeepalive=25\n")},
    {"WGS-LNT-050", "wg0.netdev:6:1", netdev("{DEVICE}[WireGuardPeer]\nAllowedIPs=10.0.0.0/8\n"),
     netdev("{PEER}")},
    {"WGS-LNT-051", "wg0.netdev:8:24",
     with_network("{PEER}AllowedIPs=10.9.0.0/24 10.8.0.0/16\n", "{MATCH}Address=10.9.0.2/24\n"),
     // By RouteTable, by [Route], or for something else to do.
     with_network("{ROUTED}AllowedIPs=10.9.0.0/24 10.8.0.0/16\n", "{MATCH}Address=10.9.0.2/24\n")},
    {"WGS-LNT-051", "wg0.netdev:8:12",
     with_network("{PEER}AllowedIPs=::/0\n", "{MATCH}Address=10.9.0.2/24\nGateway=10.9.0.1\n"),
     with_network("{PEER}AllowedIPs=10.0.0.0/8\n",
                  "{MATCH}Address=10.9.0.2/24\n[Route]\nDestination=10.0.0.0/8\n")},
    {"WGS-LNT-051", "wg0.netdev:6:12",
     with_network("{DEVICE}RouteTable=1000\n", "{MATCH}Address=10.9.0.2/24\n"),
     with_network("{DEVICE}RouteTable=1000\n",
                  "{MATCH}Address=10.9.0.2/24\n[RoutingPolicyRule]\nTable=1000\n")},
    {"WGS-LNT-053", "wg0.netdev",
     netdev("[NetDev]\nName=wg0\nKind=wireguard\n[WireGuardPeer]\nPublicKey={a}\n"),
     netdev("{PEER}")},
    {"WGS-LNT-053",
     "wg0.netdev:5:16",
     {{"wg0.netdev", "[NetDev]\nName=wg0\nKind=wireguard\n[WireGuard]\nPrivateKeyFile=/keys/a\n"},
      {"/keys/a", "nothing\n"}},
     {{"wg0.netdev", "[NetDev]\nName=wg0\nKind=wireguard\n[WireGuard]\nPrivateKeyFile=/keys/a\n"},
      {"/keys/a", "{own}\n"}}},
    {"WGS-LNT-053",
     "wg0.netdev:8:18",
     {{"wg0.netdev", "{PEER}PresharedKeyFile=/keys/p\n"}, {"/keys/p", "short\n"}},
     {{"wg0.netdev", "{PEER}PresharedKeyFile=/keys/p\n"}, {"/keys/p", "{psk}\n"}}},
};

const std::vector<Rule> kEndRules{
    {"WGS-LNT-030", "wg0.netdev:8:11",
     ends("[Interface]\nPrivateKey = {other}\nListenPort = 51820\n"), ends(kOther)},
    {"WGS-LNT-030", "gw.conf:6:13", ends(kOther, "{DEVICE}ListenPort=51820\n"), ends(kOther)},
    {"WGS-LNT-031", "wg0.netdev:9:14",
     ends(kOther,
          "{DEVICE}[WireGuardPeer]\nPublicKey={other_public}\nAllowedIPs=10.9.0.1/32\n"
          "PresharedKey={psk}\nEndpoint=192.0.2.1:51820\n"),
     ends(kOther)},
    {"WGS-LNT-031", "wg0.netdev:8:14",
     // In a credential: that there is one is known, its value is not.
     ends(kOther,
          "{DEVICE}[WireGuardPeer]\nPublicKey={other_public}\nPresharedKey=@psk\n"
          "Endpoint=192.0.2.1:51820\n"),
     ends("[Interface]\nPrivateKey = {other}\nAddress = 10.9.0.1/24\nListenPort = 51820\n[Peer]\n"
          "PublicKey = {own_public}\nAllowedIPs = 10.9.0.2/32\nPresharedKey = {psk}\n",
          "{DEVICE}[WireGuardPeer]\nPublicKey={other_public}\nPresharedKey=@psk\n"
          "Endpoint=192.0.2.1:51820\n")},
    {"WGS-LNT-032", "wg0.network:4:9",
     ends("[Interface]\nPrivateKey = {other}\nAddress = 10.9.0.1/24\nListenPort = 51820\n[Peer]\n"
          "PublicKey = {own_public}\nAllowedIPs = 10.9.0.3/32\n"),
     ends(kOther)},
    {"WGS-LNT-033", "wg0.network:4:9",
     ends("[Interface]\nPrivateKey = {other}\nAddress = 10.9.0.2/24\nListenPort = 51820\n[Peer]\n"
          "PublicKey = {own_public}\nAllowedIPs = 10.9.0.2/32\n"),
     ends(kOther)},
    {"WGS-LNT-034", "wg0.netdev:10:10",
     ends("[Interface]\nPrivateKey = {other}\nAddress = 10.9.0.1/24\nListenPort = 51821\n[Peer]\n"
          "PublicKey = {own_public}\nAllowedIPs = 10.9.0.2/32\n"),
     ends(kOther)},
    {"WGS-LNT-035", "wg0.netdev:6:1",
     ends(kOther, "{DEVICE}[WireGuardPeer]\nPublicKey={other_public}\nAllowedIPs=10.9.0.1/32\n"),
     ends(kOther)},
    {"WGS-LNT-036", "wg0.netdev:4:10",
     ends("[Interface]\nPrivateKey = {other}\nMTU = 1380\nListenPort = 51820\n[Peer]\n"
          "PublicKey = {own_public}\nAllowedIPs = 10.9.0.2/32\n",
          "[NetDev]\nName=wg0\nKind=wireguard\nMTUBytes=1400\n[WireGuard]\nPrivateKey={own}\n"
          "[WireGuardPeer]\nPublicKey={other_public}\nEndpoint=192.0.2.1:51820\n"),
     ends(kOther)},
    {"WGS-LNT-037", "wg0.netdev:6:1",
     ends(kOther,
          "{DEVICE}[WireGuardPeer]\nPublicKey={other_public}\nAllowedIPs=10.9.0.1/32\n"
          "Endpoint=192.0.2.1:51820\n"),
     ends(kOther)},
};

void expect_bad(const std::vector<Rule>& rules) {
  for (const Rule& rule : rules)
    EXPECT_THAT(found(rule.bad), Contains(std::string(rule.at) + " " + std::string(rule.id)))
        << rule.bad.front().text;
}

void expect_good(const std::vector<Rule>& rules) {
  for (const Rule& rule : rules)
    EXPECT_THAT(found(rule.good), Not(Contains(EndsWith(rule.id)))) << rule.good.front().text;
}

TEST(LintNetworkdRules, FindsWhatIsWrongAtItsPlace) {
  expect_bad(kFileRules);
  expect_bad(kNetworkdRules);
}

TEST(LintNetworkdRules, DoesNotFindWhatOnlyLooksLikeIt) {
  expect_good(kFileRules);
  expect_good(kNetworkdRules);
}

TEST(LintNetworkdRules, ComparesBothEndsWithAWgQuickFile) {
  expect_bad(kEndRules);
  expect_good(kEndRules);
  EXPECT_THAT(found(ends(kOther)), IsEmpty());
}

TEST(LintNetworkdRules, RepeatNoSecret) {
  for (const auto* rules : {&kFileRules, &kNetworkdRules, &kEndRules})
    for (const Rule& rule : *rules) expect_no_secrets(Directory(rule.bad).lint());
}

}  // namespace
}  // namespace wgscope::audit
