// What lint makes of systemd-networkd's files beyond single rules: keys and rights, names of files,
// comments, corrections.

#include <string>
#include <string_view>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "wgscope/audit/lint.hpp"
#include "wgscope/audit/placed.hpp"
#include "wgscope/base/result.hpp"
#include "wgscope/config/inventory_file.hpp"
#include "wgscope/diagnosis/finding.hpp"

#include "lint_networkd_support.hpp"
#include "lint_support.hpp"

namespace wgscope::audit {
namespace {

using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::IsEmpty;

TEST(LintNetworkd, ComparesTwoOfNetworkdsOwn) {
  const Files files{
      {"wg0.netdev", kEnd},
      {"wg0.network", kEndNetwork},
      {"wg1.netdev",
       "[NetDev]\nName=wg1\nKind=wireguard\n[WireGuard]\nPrivateKeyFile=/keys/other\n"
       "ListenPort=51821\n[WireGuardPeer]\nPublicKey={own_public}\nAllowedIPs=10.9.0.2/32\n"},
      {"wg1.network", "[Match]\nName=wg1\n[Network]\nAddress=10.9.0.1/24\n"},
      {"/keys/other", "{other}\n"}};
  EXPECT_THAT(found(files), ElementsAre("wg0.netdev:10:10 WGS-LNT-034"));
}

TEST(LintNetworkd, SaysOnceThatALineHasWhatNetworkdIgnores) {
  EXPECT_THAT(found(netdev("{PEER}AllowedIPs=x, y, 10.9.0.7/24, 10.9.0.7/24\n")),
              ElementsAre("wg0.netdev:8:12 WGS-CFG-012", "wg0.netdev:8:18 WGS-LNT-008",
                          "wg0.netdev:8:31 WGS-LNT-008"));
}

TEST(LintNetworkd, HasNoRulesOfWgQuick) {
  // Quotes, placeholders and SaveConfig mean nothing here, and nothing limits the file's name.
  const std::vector<std::string> ids =
      found({{"10-a very long name of a file.netdev",
              "{DEVICE}# Ansible managed\nPostUp=echo 'x\nSaveConfig=true\nDNS=1.2.3\n"}});
  EXPECT_THAT(ids, ElementsAre(EndsWith("7:1 WGS-CFG-012"), EndsWith("8:1 WGS-CFG-012"),
                               EndsWith("9:1 WGS-CFG-012")));
}

TEST(LintNetworkd, SaysWhichPeerHasAContestedPrefix) {
  const Directory directory(with_drop_in(
      "{DEVICE}[WireGuardPeer]\n# Name = anna\nPublicKey={a}\nAllowedIPs=10.1.0.0/16\n",
      "[WireGuardPeer]\nPublicKey={b}\nAllowedIPs=10.1.0.0/16\n"));
  const LintResult result = directory.lint();
  ASSERT_EQ(result.findings.size(), 1U);
  EXPECT_EQ(result.findings[0].finding.cause.plain(),
            "this peer does not get AllowedIPs 10.1.0.0/16: only one peer can have it, and "
            "networkd gives it to the first, the peer anna in line 9 of wg0.netdev");
  EXPECT_THAT(result.findings[0].related, ElementsAre(Place{"wg0.netdev", 9, 12}));
}

TEST(LintNetworkd, FindsInterfacesThatNoNetworkFileIsFor) {
  Directory directory(netdev("{DEVICE}"));
  EXPECT_THAT(summary(directory.lint()), IsEmpty());  // nobody looked
  directory.files()[0].networkd->may_have_network = true;
  EXPECT_THAT(summary(directory.lint()), ElementsAre("wg0.netdev WGS-LNT-052"));
}

TEST(LintNetworkd, FindsKeysThatAreNotThereOrCannotBeRead) {
  constexpr std::string_view kText =
      "[NetDev]\nName=wg0\nKind=wireguard\n[WireGuard]\nPrivateKeyFile=/elsewhere\n";
  Directory directory(netdev(kText));
  EXPECT_THAT(summary(directory.lint()), IsEmpty());  // perhaps on another host
  auto& keys = directory.files()[0].networkd->keys;
  keys.push_back({.path = "/elsewhere", .text = {}, .is_missing = true});
  EXPECT_THAT(summary(directory.lint()), ElementsAre("wg0.netdev:5:16 WGS-LNT-053"));
  keys[0] = {.path = "/elsewhere", .text = {}, .unread = "open: not permitted"};
  EXPECT_THAT(summary(directory.lint()), ElementsAre("wg0.netdev:5:16 WGS-LNT-001"));
}

TEST(LintNetworkd, LooksAtWhoCanReadItsFiles) {
  Directory directory(with_drop_in("{DEVICE}", "[WireGuardPeer]\nPublicKey={a}\n"));
  LintFile& file = directory.files()[0];
  const LintOptions options{.derive = {}, .networkd_user = NetworkdUser{998, 998}};
  const auto now = [&](FileRights rights, bool is_system) {
    file.facts = FileFacts{.file = rights, .folder = {}, .is_system = is_system};
    return summary(directory.lint(options));
  };
  // networkd must be able to read the key, and nobody else may.
  EXPECT_THAT(now({0640, 0, 998}, true), IsEmpty());
  EXPECT_THAT(now({0640, 998, 0}, true), ElementsAre("wg0.netdev WGS-LNT-018"));
  EXPECT_THAT(now({0644, 0, 0}, true), ElementsAre("wg0.netdev WGS-KEY-003"));
  EXPECT_THAT(now({0640, 0, 27}, true),
              ElementsAre("wg0.netdev WGS-KEY-003", "wg0.netdev WGS-LNT-054"));
  EXPECT_THAT(now({0600, 0, 0}, true), ElementsAre("wg0.netdev WGS-LNT-054"));
  EXPECT_THAT(now({0600, 1000, 1000}, false), IsEmpty());  // a working copy
  EXPECT_THAT(now({0602, 1000, 1000}, false),
              ElementsAre("wg0.netdev WGS-KEY-003", "wg0.netdev WGS-LNT-018"));
  // A drop-in without a secret may be read by all.
  file.facts.reset();
  file.networkd->drop_ins[0].facts = FileFacts{.file = {0644, 0, 0}, .folder = {}};
  EXPECT_THAT(summary(directory.lint(options)), IsEmpty());
  file.networkd->drop_ins[0].facts->file.mode = 0666;
  EXPECT_THAT(summary(directory.lint(options)), ElementsAre("wg0.netdev.d/10-x.conf WGS-LNT-018"));
}

TEST(LintNetworkd, LooksAtWhoCanReadTheFilesWithKeys) {
  Directory directory(
      {{"wg0.netdev", "[NetDev]\nName=wg0\nKind=wireguard\n[WireGuard]\nPrivateKeyFile=/keys/a\n"},
       {"/keys/a", "{own}\n"}});
  auto& key = directory.files()[0].networkd->keys[0];
  const LintOptions options{.derive = {}, .networkd_user = NetworkdUser{998, 998}};
  key.facts = FileFacts{.file = {0644, 0, 0}, .folder = {}, .is_system = true};
  EXPECT_THAT(summary(directory.lint(options)), ElementsAre("/keys/a WGS-KEY-003"));
  key.facts->file = {0600, 0, 0};
  EXPECT_THAT(summary(directory.lint(options)), ElementsAre("/keys/a WGS-LNT-054"));
  key.facts->file = {0640, 0, 998};
  EXPECT_THAT(summary(directory.lint(options)), IsEmpty());
}

TEST(LintNetworkd, AsksForKeepalivesBehindANat) {
  const LintOptions options{.derive = {}, .behind_nat = true};
  EXPECT_THAT(found(netdev("{PEER}Endpoint=gw:1\n"), options),
              ElementsAre("wg0.netdev:6:1 WGS-LNT-014"));
  EXPECT_THAT(found(netdev("{PEER}Endpoint=gw:1\nPersistentKeepalive=25\n"), options), IsEmpty());
}

TEST(LintNetworkd, IsJudgedByPoliciesOfAnInventory) {
  const std::string yaml = filled(
      "peers:\n  - {{name: anna, public_key: \"{a}\"}}\n"
      "policies: {{widest_prefix: [{{ipv4: 32}}]}}\n");
  const std::vector<config::InventoryText> texts{{"inventory.yaml", yaml}};
  const config::InventoryRead read =
      config::read_inventory(texts, [](std::string_view) { return Result<>(); });
  const LintOptions options{
      .derive = {}, .behind_nat = false, .inventory = LintInventory{&read, texts}};
  EXPECT_THAT(found(netdev("{PEER}AllowedIPs=10.0.0.0/24\n"), options),
              ElementsAre("wg0.netdev:8:12 WGS-LNT-042"));
  EXPECT_THAT(found(netdev("{PEER}AllowedIPs=10.0.0.1/32\n"), options), IsEmpty());
}

TEST(LintNetworkd, LeavesOutWhatCommentsOfDropInsSuppress) {
  const auto with = [](std::string_view comment) {
    const std::string text =
        "[WireGuardPeer]\nPublicKey={a}\n" + std::string(comment) + "\nAllowedIPs=10.9.0.7/24\n";
    return Directory(with_drop_in("{DEVICE}", text)).lint();
  };
  EXPECT_EQ(with("; wgscope: ignore WGS-LNT-008").suppressed, 1U);
  EXPECT_EQ(with("# wgscope: ignore WGS-LNT-008").suppressed, 1U);
  EXPECT_EQ(with("# wgscope: ignore WGS-LNT-009").suppressed, 0U);
}

TEST(LintNetworkd, ShowsCorrectionsOfDropIns) {
  const std::string text =
      filled("[WireGuardPeer]\nPublicKey={a}\nAllowedIPs=10.9.0.7/24 ::1/64\n");
  const LintResult result = Directory(with_drop_in("{DEVICE}", text)).lint();
  EXPECT_EQ(diff("wg0.netdev.d/10-x.conf", text, result.findings),
            "--- wg0.netdev.d/10-x.conf\n+++ wg0.netdev.d/10-x.conf\n@@ -3 +3,1 @@\n"
            "-AllowedIPs=10.9.0.7/24 ::1/64\n+AllowedIPs=10.9.0.0/24 ::/64\n");
  EXPECT_EQ(diff("wg0.netdev", whole("{DEVICE}"), result.findings), "");
}

TEST(LintNetworkd, CorrectsNothingThatItCannotReplace) {
  const std::string escaped = whole("{PEER}AllowedIPs=10.9.0.7\\/24\n");
  EXPECT_EQ(diff("wg0.netdev", escaped, Directory(netdev(escaped)).lint().findings), "");
}

TEST(LintNetworkd, SaysOnceWhatTwoInterfacesShare) {
  Files files = with_network("{DEVICE}", "[Match]\nName=wg*\n[Network]\nAddress=10.9.0.0/24\n");
  files.push_back(
      {"wg1.netdev", "[NetDev]\nName=wg1\nKind=wireguard\n[WireGuard]\nPrivateKey={other}\n"});
  Directory directory(files);
  directory.files()[1].networkd->network = directory.files()[0].networkd->network;
  EXPECT_THAT(summary(directory.lint()), ElementsAre("wg0.network:4:9 WGS-LNT-025"));
}

}  // namespace
}  // namespace wgscope::audit
