#include <algorithm>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "wgscope/audit/lint.hpp"
#include "wgscope/audit/placed.hpp"
#include "wgscope/diagnosis/finding.hpp"
#include "wgscope/diagnosis/text.hpp"

#include "lint_support.hpp"

// Each rule with a file that breaks it, and with one that looks like it and does not.

namespace wgscope::audit {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::IsEmpty;
using ::testing::Not;

struct Rule {
  std::string_view id;
  std::string_view at;  ///< place of the finding
  std::vector<std::string_view> bad;
  std::vector<std::string_view> good;
};

constexpr std::string_view kOne =
    "[Interface]\nPrivateKey = {own}\nAddress = 10.9.0.2/32\nListenPort = 51820\n[Peer]\n"
    "PublicKey = {other_public}\nAllowedIPs = 10.9.0.1/32\nEndpoint = 192.0.2.1:51820\n"
    "PersistentKeepalive = 25\n";
constexpr std::string_view kTwo =
    "[Interface]\nPrivateKey = {other}\nAddress = 10.9.0.1/32\nListenPort = 51820\n[Peer]\n"
    "PublicKey = {own_public}\nAllowedIPs = 10.9.0.2/32\n";

const std::vector<Rule> kRules{
    {"WGS-LNT-002", "wg0.conf:2:14", {"[Interface]\nListenPort = many\n"}, {"[Interface]\n"}},
    {"WGS-LNT-003",
     "wg0.conf:4:13",
     {"[Interface]\nPrivateKey = {own}\n[Peer]\nPublicKey = {own}\n"},
     {"[Interface]\nPrivateKey = {own}\n[Peer]\nPublicKey = {a}\n"}},
    {"WGS-LNT-004",
     "wg0.conf:2:14",
     {"[Interface]\nPrivateKey = {zero}\n"},
     {"[Interface]\nPrivateKey = {own}\n"}},
    {"WGS-LNT-004",
     "wg0.conf:2:13",
     {"[Peer]\nPublicKey = {zero}\n"},
     {"[Peer]\nPublicKey = {a}\n"}},
    {"WGS-LNT-004",
     "wg0.conf:3:16",
     {"[Peer]\nPublicKey = {a}\nPresharedKey = {zero}\n"},
     {"[Peer]\nPublicKey = {a}\nPresharedKey = {psk}\n"}},
    {"WGS-LNT-005",
     "wg0.conf:4:13",
     {"[Interface]\nPrivateKey = {own}\n[Peer]\nPublicKey = {own_public}\n"},
     {"[Interface]\nPrivateKey = {own}\n[Peer]\nPublicKey = {other_public}\n"}},
    {"WGS-LNT-006",
     "wg1.conf:2:14",
     {"[Interface]\nPrivateKey = {own}\n[Peer]\nPublicKey = {a}\n",
      "[Interface]\nPrivateKey = {own}\n[Peer]\nPublicKey = {a}\n"},
     // One device with two gateways.
     {"[Interface]\nPrivateKey = {own}\n[Peer]\nPublicKey = {a}\n",
      "[Interface]\nPrivateKey = {own}\n[Peer]\nPublicKey = {b}\n"}},
    {"WGS-LNT-007",
     "wg1.conf:3:13",
     {"[Peer]\n# Name = anna\nPublicKey = {a}\n", "[Peer]\n# Name = bert\nPublicKey = {a}\n"},
     {"[Peer]\n# Name = anna\nPublicKey = {a}\n", "[Peer]\nPublicKey = {a}\n"}},
    {"WGS-LNT-008",
     "wg0.conf:3:27",
     {"[Peer]\nPublicKey = {a}\nAllowedIPs = 10.8.0.0/24, 10.9.0.7/24\n"},
     {"[Peer]\nPublicKey = {a}\nAllowedIPs = 10.9.0.0/24, 10.9.1.7/32, 10.9.1.8\n"}},
    {"WGS-LNT-009",
     "wg0.conf:6:14",
     {"[Peer]\nPublicKey = {a}\nAllowedIPs = 10.1.0.0/16\n[Peer]\nPublicKey = {b}\n"
      "AllowedIPs = 10.1.2.0/24\n"},
     // Inside a default route, and inside the interface's own network.
     {"[Interface]\nAddress = 10.9.0.1/24\n[Peer]\nPublicKey = {a}\n"
      "AllowedIPs = 10.9.0.0/24, ::/0\n[Peer]\nPublicKey = {b}\n"
      "AllowedIPs = 10.9.0.7/32, fd00::/64\n"}},
    {"WGS-CFG-005",
     "wg0.conf:6:14",
     {"[Peer]\nPublicKey = {a}\nAllowedIPs = 10.1.0.0/16\n[Peer]\nPublicKey = {b}\n"
      "AllowedIPs = 10.1.9.9/16\n"},
     {"[Peer]\nPublicKey = {a}\nAllowedIPs = 10.1.0.0/16\n[Peer]\nPublicKey = {b}\n"
      "AllowedIPs = 10.2.0.0/16\n"}},
    {"WGS-CFG-005",
     "wg0.conf:4:13",
     {"[Peer]\nPublicKey = {a}\n[Peer]\nPublicKey = {a}\n"},
     {"[Peer]\nPublicKey = {a}\n[Peer]\nPublicKey = {b}\n"}},
    {"WGS-CFG-006",
     "wg0.conf:3:14",
     {"[Peer]\nPublicKey = {a}\nAllowedIPs = 0.0.0.0\n"},
     {"[Peer]\nPublicKey = {a}\nAllowedIPs = 0.0.0.0/0, ::/0\n"}},
    {"WGS-CFG-001", "wg0.conf:2:1", {"[Interface]\nColour = blue\n"}, {"[Interface]\n"}},
    {"WGS-CFG-002",
     "wg0.conf:3:13",
     {"[Peer]\nPublicKey = {a}\nAllowedIPs =\n"},
     {"[Peer]\nPublicKey = {a}\n"}},
    {"WGS-CFG-004",
     "wg0.conf:3:13",
     {"[Peer]\nPublicKey = {a}\nPublicKey = {b}\n"},
     {"[Peer]\nPublicKey = {a}\n[Peer]\nPublicKey = {b}\n"}},
    {"WGS-CFG-010",
     "wg0.conf:3:12",
     {"[Peer]\nPublicKey = {a}\nEndpoint = 224.0.0.1:51820\n"},
     {"[Peer]\nPublicKey = {a}\nEndpoint = 192.0.2.1:51820\n"}},
    {"WGS-LNT-010",
     "wg0.conf:3:14",
     {"[Peer]\nPublicKey = {a}\nAllowedIPs = 0.0.0.0/0, ::/0\n[Peer]\nPublicKey = {b}\n"
      "AllowedIPs = 10.9.0.7/32\n"},
     {"[Peer]\nPublicKey = {a}\nAllowedIPs = 0.0.0.0/0, ::/0\nEndpoint = gw:51820\n[Peer]\n"
      "PublicKey = {b}\nAllowedIPs = 10.9.0.7/32\n"}},
    {"WGS-LNT-011",
     "wg0.conf:3:14",
     {"[Peer]\nPublicKey = {a}\nAllowedIPs = 0.0.0.0/1, 128.0.0.0/1\n"},
     {"[Peer]\nPublicKey = {a}\nAllowedIPs = 0.0.0.0/0, 2000::/3\n"}},
    {"WGS-LNT-011",
     "wg0.conf:3:14",
     {"[Peer]\nPublicKey = {a}\nAllowedIPs = ::/0\n"},
     // Without routes, and with half of the addresses.
     {"[Interface]\nTable = off\n[Peer]\nPublicKey = {a}\nAllowedIPs = 0.0.0.0/0\n",
      "[Peer]\nPublicKey = {a}\nAllowedIPs = 0.0.0.0/1\n"}},
    {"WGS-LNT-012",
     "wg0.conf:4:12",
     {"[Peer]\nPublicKey = {a}\nAllowedIPs = 0.0.0.0/1, 128.0.0.0/1\n"
      "Endpoint = 192.0.2.1:51820\n"},
     // wg-quick's mark, no routes, a route of the file's own, another peer's prefix.
     {"[Peer]\nPublicKey = {a}\nAllowedIPs = 0.0.0.0/0, ::/0\nEndpoint = 192.0.2.1:51820\n",
      "[Interface]\nTable = off\n[Peer]\nPublicKey = {a}\nAllowedIPs = 192.0.2.0/24\n"
      "Endpoint = 192.0.2.1:51820\n",
      "[Interface]\nPreUp = ip route add 192.0.2.1 via 10.0.0.1\n[Peer]\nPublicKey = {a}\n"
      "AllowedIPs = 192.0.2.0/24\nEndpoint = 192.0.2.1:51820\n",
      "[Peer]\nPublicKey = {a}\nAllowedIPs = 192.0.2.0/24\n[Peer]\nPublicKey = {b}\n"
      "Endpoint = 192.0.2.1:51820\n"}},
    {"WGS-LNT-012",
     "wg0.conf:5:12",
     // A default route beside it does not help: the narrower one is in the main table.
     {"[Peer]\nPublicKey = {a}\nAllowedIPs = 0.0.0.0/0, ::/0\nAllowedIPs = 192.0.2.0/24\n"
      "Endpoint = 192.0.2.1:51820\n"},
     {"[Peer]\nPublicKey = {a}\nAllowedIPs = 192.0.2.0/24\nEndpoint = gw.example.net:51820\n"}},
    {"WGS-LNT-013",
     "wg0.conf:2:7",
     {"[Interface]\nDNS = 192.0.2.53, example.net\n[Peer]\nPublicKey = {a}\n"
      "AllowedIPs = 10.9.0.0/24\n"},
     {"[Interface]\nDNS = 10.9.0.53, 127.0.0.1, example.net\n[Peer]\nPublicKey = {a}\n"
      "AllowedIPs = 10.9.0.0/24\n"}},
    {"WGS-LNT-015",
     "wg0.conf:3:23",
     {"[Peer]\nPublicKey = {a}\nPersistentKeepalive = 121\n"},
     {"[Peer]\nPublicKey = {a}\nPersistentKeepalive = 120\n"}},
    {"WGS-LNT-016",
     "wg0.conf:3:7",
     {"[Interface]\nAddress = fd00::2/64\nMTU = 1279\n"},
     {"[Interface]\nAddress = fd00::2/64\nMTU = 1280\n", "[Interface]\nMTU = 1000\n"}},
    {"WGS-LNT-017",
     "wg0.conf:2:7",
     {"[Interface]\nMTU = 1421\n[Peer]\nPublicKey = {a}\nEndpoint = [2001:db8::1]:51820\n"},
     {"[Interface]\nMTU = 1440\n[Peer]\nPublicKey = {a}\nEndpoint = 192.0.2.1:51820\n"}},
    {"WGS-LNT-019",
     "wg0.conf:2:10",
     {"[Interface]\nPostUp = echo 'x # y'\n"},
     {"[Interface]\nPostUp = echo 'x y'  # it's\n"}},
    {"WGS-LNT-020",
     "wg0.conf:2:10",
     {"[Interface]\nPostUp = iptables -A FORWARD -i %I -j ACCEPT\n"},
     {"[Interface]\nPostUp = iptables -A FORWARD -i %i -j ACCEPT; date +%I\n"}},
    {"WGS-LNT-021",
     "wg0.conf:2:10",
     {"[Interface]\nPostUp = wg set %i private-key <(echo {own})\n[Peer]\nPublicKey = {a}\n"},
     {"[Interface]\nPostUp = wg set %i peer {a} private-key /etc/wireguard/key\n"}},
    {"WGS-LNT-021",
     "wg0.conf:3:10",
     // Not by words around it: it is the private key of the file.
     {"[Interface]\nPrivateKey = {own}\nPostUp = logger {own}\n"},
     {"[Interface]\nPrivateKey = {own}\nPostUp = logger {own_public}\n"}},
    {"WGS-LNT-022",
     "wg0.conf:3:14",
     {"# Ansible managed\n[Interface]\nSaveConfig = true\n"},
     {"# Ansible managed\n[Interface]\nSaveConfig = false\n", "[Interface]\nSaveConfig = true\n"}},
    {"WGS-LNT-022",
     "wg0.conf:2:14",
     {"[Interface]\nSaveConfig = true\n[Peer]\n# Name = anna\nPublicKey = {a}\n"},
     {"[Interface]\n[Peer]\n# Name = anna\nPublicKey = {a}\n"}},
    {"WGS-LNT-023",
     "wg0.conf:2:14",
     {"[Interface]\nListenPort = 0\n"},
     {"[Interface]\nListenPort = 51820\n"}},
    {"WGS-LNT-023",
     "wg0.conf:2:7",
     {"[Interface]\nDNS = 10.9.0\n"},
     {"[Interface]\nDNS = corp.example\n"}},
    {"WGS-LNT-023",
     "wg0.conf:3:12",
     {"[Peer]\nPublicKey = {a}\nEndpoint = 2001:db8::1:51820\n"},
     {"[Peer]\nPublicKey = {a}\nEndpoint = [2001:db8::1]:51820\n"}},
    {"WGS-LNT-024",
     "wg0.conf:3:1",
     {"[Interface]\nMTU = 1400\nMTU = 1420\n"},
     {"[Interface]\nAddress = 10.0.0.1/32\nAddress = 10.0.0.2/32\n"}},
    {"WGS-LNT-025",
     "wg0.conf:2:11",
     {"[Interface]\nAddress = 10.9.0.0/24\n"},
     {"[Interface]\nAddress = 10.9.0.1/24, 10.8.0.0/32, 10.8.0.0/31, fd00::/64\n"}},
    {"WGS-LNT-025",
     "wg0.conf:2:11",
     {"[Interface]\nAddress = 10.9.0.255/24\n"},
     {"[Interface]\nAddress = 10.9.0.255/23\n"}},
    {"WGS-LNT-030",
     "wg0.conf:6:13",
     {kOne, "[Interface]\nPrivateKey = {other}\nListenPort = 51820\n"},
     {kOne, kTwo}},
    {"WGS-LNT-031",
     "wg1.conf:8:16",
     {kOne,
      "[Interface]\nPrivateKey = {other}\nAddress = 10.9.0.1/32\nListenPort = 51820\n[Peer]\n"
      "PublicKey = {own_public}\nAllowedIPs = 10.9.0.2/32\nPresharedKey = {psk}\n"},
     {kOne,
      "[Interface]\nPrivateKey = {other}\nAddress = 10.9.0.1/32\nListenPort = 51820\n[Peer]\n"
      "PublicKey = {own_public}\nAllowedIPs = 10.9.0.2/32\nPresharedKey = {zero}\n"}},
    {"WGS-LNT-032",
     "wg0.conf:3:11",
     {kOne,
      "[Interface]\nPrivateKey = {other}\nAddress = 10.9.0.1/32\nListenPort = 51820\n[Peer]\n"
      "PublicKey = {own_public}\nAllowedIPs = 10.9.0.3/32\n"},
     {kOne, kTwo}},
    {"WGS-LNT-033",
     "wg0.conf:3:11",
     {kOne,
      "[Interface]\nPrivateKey = {other}\nAddress = 10.9.0.2/24\nListenPort = 51820\n[Peer]\n"
      "PublicKey = {own_public}\nAllowedIPs = 10.9.0.2/32\n"},
     {kOne, kTwo}},
    {"WGS-LNT-034",
     "wg0.conf:8:12",
     {kOne,
      "[Interface]\nPrivateKey = {other}\nAddress = 10.9.0.1/32\nListenPort = 51821\n[Peer]\n"
      "PublicKey = {own_public}\nAllowedIPs = 10.9.0.2/32\n"},
     {kOne, kTwo}},
    {"WGS-LNT-034",
     "wg0.conf:8:12",
     {kOne,
      "[Interface]\nPrivateKey = {other}\nAddress = 10.9.0.1/32\n[Peer]\n"
      "PublicKey = {own_public}\nAllowedIPs = 10.9.0.2/32\n"},
     {kOne, kTwo}},
    {"WGS-LNT-035",
     "wg0.conf:3:1",
     {"[Interface]\nPrivateKey = {own}\n[Peer]\nPublicKey = {other_public}\n",
      "[Interface]\nPrivateKey = {other}\n[Peer]\nPublicKey = {own_public}\n"},
     {kOne, kTwo}},
    {"WGS-LNT-036",
     "wg0.conf:3:7",
     {"[Interface]\nPrivateKey = {own}\nMTU = 1400\n[Peer]\nPublicKey = {other_public}\n"
      "Endpoint = gw:1\nPersistentKeepalive = 25\n",
      "[Interface]\nPrivateKey = {other}\nMTU = 1380\nListenPort = 1\n[Peer]\n"
      "PublicKey = {own_public}\n"},
     {kOne, kTwo}},
    {"WGS-LNT-037",
     "wg0.conf:3:1",
     {"[Interface]\nPrivateKey = {own}\n[Peer]\nPublicKey = {other_public}\nEndpoint = gw:1\n",
      "[Interface]\nPrivateKey = {other}\nListenPort = 1\n[Peer]\nPublicKey = {own_public}\n"},
     {kOne, kTwo}},
};

std::vector<std::string> texts_of(const std::vector<std::string_view>& patterns) {
  std::vector<std::string> texts;
  for (const std::string_view pattern : patterns) texts.push_back(filled(pattern));
  return texts;
}

TEST(LintRules, FindWhatIsWrongAtItsPlace) {
  for (const Rule& rule : kRules) {
    const LintResult result = lint_texts(texts_of(rule.bad));
    EXPECT_THAT(summary(result), Contains(std::string(rule.at) + " " + std::string(rule.id)))
        << rule.bad.front();
  }
}

TEST(LintRules, DoNotFindWhatOnlyLooksLikeIt) {
  for (const Rule& rule : kRules) {
    EXPECT_THAT(summary(lint_texts(texts_of(rule.good))), Not(Contains(EndsWith(rule.id))))
        << rule.good.front();
  }
}

TEST(LintRules, NeverRepeatASecret) {
  for (const Rule& rule : kRules) expect_no_secrets(lint_texts(texts_of(rule.bad)));
}

TEST(LintRules, SayNothingOfTwoEndsThatFit) {
  EXPECT_THAT(summary(lint_texts({filled(kOne), filled(kTwo)})), IsEmpty());
}

TEST(LintRules, SayOneThingOfALineThatCannotBeRead) {
  const auto found = [](std::string_view text) { return summary(lint_texts({filled(text)})); };
  EXPECT_THAT(found("[Peer]\nPublicKey = {a}\nAllowedIPs = , 10.9.0.0/99\n"),
              ElementsAre("wg0.conf:3:16 WGS-LNT-002"));
  EXPECT_THAT(found("[Interface]\nMTU = 1400\nMTU = big\n"),
              ElementsAre("wg0.conf:3:7 WGS-LNT-002"));
  // What cannot be read may be ::/0.
  EXPECT_THAT(found("[Peer]\nPublicKey = {a}\nAllowedIPs = 0.0.0.0/0, ::0/0/0\n"),
              ElementsAre("wg0.conf:3:25 WGS-LNT-002"));
}

TEST(LintRules, SayWhichPresharedKeysDiffer) {
  const auto with = [](std::string_view pattern, std::string_view key) {
    return filled(std::string(pattern) + "PresharedKey = " + std::string(key) + "\n");
  };
  EXPECT_THAT(summary(lint_texts({with(kOne, "{psk}"), with(kTwo, "{psk2}")})),
              ElementsAre("wg0.conf:10:16 WGS-LNT-031"));
  EXPECT_THAT(summary(lint_texts({with(kOne, "{psk}"), with(kTwo, "{psk}")})), IsEmpty());
}

TEST(LintRules, AskForKeepalivesBehindADeclaredNatAlone) {
  const std::string text =
      filled("[Peer]\nPublicKey = {a}\nEndpoint = gw:51820\n[Peer]\nPublicKey = {b}\n");
  EXPECT_THAT(summary(lint_texts({text})), IsEmpty());
  EXPECT_THAT(summary(lint_texts({text}, {.derive = {}, .behind_nat = true})),
              ElementsAre("wg0.conf:1:1 WGS-LNT-014"));
}

LintResult lint_with(const FileFacts& facts, std::string_view pattern) {
  const std::string text = filled(pattern);
  const std::vector<LintFile> files{{.name = "wg0.conf", .text = text, .facts = facts}};
  return lint(files, {.derive = derive});
}

TEST(LintRules, LookAtWhoCanReadAFileWithKeys) {
  constexpr std::string_view kSecret = "[Interface]\nPrivateKey = {own}\n";
  EXPECT_THAT(summary(lint_with({.file = {0644, 0, 0}, .folder = {}}, kSecret)),
              ElementsAre("wg0.conf WGS-KEY-003"));
  EXPECT_THAT(summary(lint_with({.file = {0600, 0, 0}, .folder = {}}, kSecret)), IsEmpty());
  EXPECT_THAT(summary(lint_with({.file = {0644, 0, 0}, .folder = {}}, "[Interface]\n")), IsEmpty());
}

TEST(LintRules, LookAtWhoCanChangeAFile) {
  constexpr std::string_view kText = "[Interface]\n";
  const FileRights safe{0700, 0, 0};
  const auto found = [&](const FileFacts& facts) { return summary(lint_with(facts, kText)); };
  const std::vector<std::string> changeable{"wg0.conf WGS-LNT-018"};
  EXPECT_EQ(found({.file = {0602, 0, 0}, .folder = safe}), changeable);
  EXPECT_EQ(found({.file = safe, .folder = FileRights{0777, 0, 0}}), changeable);
  EXPECT_THAT(found({.file = safe, .folder = FileRights{01777, 0, 0}}), IsEmpty());  // as /tmp is
  // A working copy belongs to whoever works on it, what is below /etc belongs to root.
  EXPECT_THAT(found({.file = {0664, 1000, 1000}, .folder = FileRights{0775, 1000, 1000}}),
              IsEmpty());
  EXPECT_EQ(found({.file = {0600, 1000, 0}, .folder = safe, .is_system = true}), changeable);
  EXPECT_EQ(found({.file = {0660, 0, 27}, .folder = safe, .is_system = true}), changeable);
  EXPECT_THAT(found({.file = {0660, 0, 0}, .folder = safe, .is_system = true}), IsEmpty());
}

TEST(LintRules, NameFilesThatWgQuickCannotUse) {
  const std::string text = "[Interface]\n";
  const auto found = [&](std::string name) {
    const std::vector<LintFile> files{{.name = std::move(name), .text = text}};
    return summary(lint(files, {.derive = derive}));
  };
  EXPECT_THAT(found("etc/a-long-name-16ch.conf"), ElementsAre(EndsWith(" WGS-LNT-026")));
  EXPECT_THAT(found("etc/wg 0.conf"), ElementsAre(EndsWith(" WGS-LNT-026")));
  EXPECT_THAT(found("etc/wg-berlin.15chr.conf"), IsEmpty());
  EXPECT_THAT(found("-"), IsEmpty());
}

}  // namespace
}  // namespace wgscope::audit
