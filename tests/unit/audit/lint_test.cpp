#include "wgscope/audit/lint.hpp"

#include <algorithm>
#include <cstddef>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "wgscope/audit/placed.hpp"
#include "wgscope/base/result.hpp"
#include "wgscope/config/inventory_file.hpp"
#include "wgscope/diagnosis/finding.hpp"

#include "lint_support.hpp"

namespace wgscope::audit {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

TEST(Lint, FindsAllErrorsOfAFileAndLooksAtTheRestOfIt) {
  const LintResult result =
      lint_texts({filled("[Interface]\nMTU = big\nListenPort = 0\n[Peer]\nPublicKey = {a}\n"
                         "AllowedIPs = 10.9.0.7/24, nonsense\nEndpoint = 192.0.2.1\n")});
  EXPECT_THAT(summary(result), ElementsAre("wg0.conf:2:7 WGS-LNT-002", "wg0.conf:3:14 WGS-LNT-023",
                                           "wg0.conf:6:14 WGS-LNT-008", "wg0.conf:6:27 WGS-LNT-002",
                                           "wg0.conf:7:12 WGS-LNT-002"));
}

TEST(Lint, CountsTheErrorsThatItDoesNotList) {
  std::string text = "[Interface]\n";
  for (int i = 0; i < 60; ++i) text += "MTU = big\n";
  const LintResult result = lint_texts({text});
  EXPECT_EQ(result.left_off, 10U);
}

TEST(Lint, SaysWhichFilesCouldNotBeReadAndLooksAtTheOthers) {
  const std::string text = "[Interface]\nListenPort = 0\n";
  const std::vector<LintFile> files{
      {.name = "a.conf", .text = {}, .facts = {}, .unread = "open: not permitted"},
      {.name = "b.conf", .text = text}};
  const LintResult result = lint(files, {.derive = derive});
  EXPECT_THAT(summary(result), ElementsAre("a.conf WGS-LNT-001", "b.conf:2:14 WGS-LNT-023"));
  EXPECT_EQ(result.files, 2U);
  EXPECT_EQ(result.unread, 1U);
}

TEST(Lint, LeavesOutWhatCommentsSuppress) {
  constexpr std::string_view kText =
      "[Peer]\nPublicKey = {{a}}\n{}AllowedIPs = 10.9.0.7/24, 0.0.0.0{}\n";
  const auto found = [&](std::string_view above, std::string_view beside) {
    const LintResult result = lint_texts({filled(fmt::format(fmt::runtime(kText), above, beside))});
    return std::pair(result.findings.size(), result.suppressed);
  };
  EXPECT_EQ(found("", ""), std::pair(2UL, 0UL));
  EXPECT_EQ(found("", "  # wgscope: ignore WGS-LNT-008"), std::pair(1UL, 1UL));
  EXPECT_EQ(found("# wgscope: ignore WGS-LNT-008\n", ""), std::pair(1UL, 1UL));
  EXPECT_EQ(found("# office; wgscope: ignore WGS-LNT-008, WGS-CFG-006 is meant\n", ""),
            std::pair(0UL, 2UL));
  EXPECT_EQ(found("# wgscope: ignore WGS-LNT-008\n\n", ""), std::pair(2UL, 0UL));
  EXPECT_EQ(found("# wgscope: ignore\n", ""), std::pair(2UL, 0UL));
}

TEST(Lint, SuppressesWhatIsAboutTheWholeFileAtItsTop) {
  const auto found = [](std::string_view text) {
    const std::vector<LintFile> files{{.name = "a-name-that-is-too-long.conf", .text = text}};
    return lint(files, {.derive = derive}).findings.size();
  };
  EXPECT_EQ(found("# wgscope: ignore WGS-LNT-026\n\n[Interface]\n"), 0U);
  EXPECT_EQ(found("[Interface]\n# wgscope: ignore WGS-LNT-026\n"), 1U);
}

/// Lints an inventory, with wg-quick files beside it.
LintResult lint_inventory(const std::string& yaml, const std::vector<std::string>& texts = {}) {
  const std::vector<config::InventoryText> files{{"inventory.yaml", yaml}};
  const config::InventoryRead read =
      config::read_inventory(files, [](std::string_view) { return Result<>(); });
  return lint_texts(texts,
                    {.derive = {}, .behind_nat = false, .inventory = LintInventory{&read, files}});
}

std::string peers(std::string_view rest) {
  return filled(fmt::format(
      "peers:\n"
      "  - {{{{name: anna, public_key: \"{{a}}\", labels: {{{{tenant: acme}}}}, allowed_ips: "
      "[10.1.0.0/24], endpoint: \"gw:51821\"}}}}\n"
      "  - {{{{name: bert, public_key: \"{{b}}\", labels: {{{{tenant: beta}}}}, allowed_ips: "
      "[10.1.0.7/32]}}}}\n{}",
      rest));
}

TEST(LintInventory, JudgesPrefixesByTheirWidth) {
  EXPECT_THAT(summary(lint_inventory(peers("policies: {{widest_prefix: [{{ipv4: 32}}]}}\n"))),
              ElementsAre("inventory.yaml:2:5 WGS-LNT-042"));
  EXPECT_THAT(summary(lint_inventory(peers("policies: {{widest_prefix: [{{ipv4: 24}}]}}\n"))),
              IsEmpty());
}

TEST(LintInventory, JudgesTenantsThatOverlap) {
  EXPECT_THAT(summary(lint_inventory(peers("policies: {{no_overlap: [tenant]}}\n"))),
              ElementsAre("inventory.yaml:3:5 WGS-LNT-043"));
  EXPECT_THAT(summary(lint_inventory(peers("policies: {{no_overlap: [site]}}\n"))), IsEmpty());
}

TEST(LintInventory, JudgesWhatIsReserved) {
  EXPECT_THAT(
      summary(lint_inventory(peers(
          "policies: {{reserved: [{{prefixes: [10.1.0.7/32], only: {{tenant: beta}}}}]}}\n"))),
      ElementsAre("inventory.yaml:2:5 WGS-LNT-045"));
  EXPECT_THAT(summary(lint_inventory(
                  peers("policies: {{reserved: [{{ports: [51821], only: {{tenant: beta}}}}]}}\n"))),
              ElementsAre("inventory.yaml:2:5 WGS-LNT-045"));
  EXPECT_THAT(summary(lint_inventory(
                  peers("policies: {{reserved: [{{ports: [51821], only: {{tenant: acme}}}}]}}\n"))),
              IsEmpty());
}

TEST(LintInventory, JudgesInterfacesThatPeersOfOthersHave) {
  constexpr std::string_view kRest =
      "interfaces: [{{{{name: wg0, labels: {{{{tenant: {}}}}}}}}}]\n"
      "policies: {{{{no_reach: [tenant]}}}}\n";
  const auto found = [&](std::string_view tenant) {
    return summary(lint_inventory(peers(fmt::format(fmt::runtime(kRest), tenant))));
  };
  EXPECT_THAT(found("acme"), ElementsAre("inventory.yaml:3:5 WGS-LNT-044"));  // bert
  EXPECT_THAT(found("beta"), ElementsAre("inventory.yaml:2:5 WGS-LNT-044"));
}

TEST(LintInventory, JudgesFilesOfDeclaredPeersAsWell) {
  const std::string yaml = filled(
      "peers:\n"
      "  - {{name: anna, public_key: \"{own_public}\", labels: {{tenant: acme}}}}\n"
      "  - {{name: bert, public_key: \"{b}\", labels: {{tenant: beta}}, allowed_ips: "
      "[10.2.0.7/32]}}\n"
      "policies: {{no_reach: [tenant], widest_prefix: [{{ipv4: 32}}]}}\n");
  constexpr std::string_view kFile =
      "[Interface]\nPrivateKey = {{own}}\n[Peer]\nPublicKey = {{{}}}\nAllowedIPs = {}\n";
  const auto found = [&](std::string_view peer, std::string_view prefix) {
    return summary(lint_inventory(yaml, {filled(fmt::format(fmt::runtime(kFile), peer, prefix))}));
  };
  // Another tenant as a peer, which is a client with too wide a prefix besides.
  EXPECT_THAT(found("b", "10.9.0.0/24"),
              ElementsAre("wg0.conf:4:13 WGS-LNT-044", "wg0.conf:5:14 WGS-LNT-042"));
  // Another tenant's address behind a gateway.
  EXPECT_THAT(found("c", "10.2.0.0/24"), ElementsAre("wg0.conf:5:14 WGS-LNT-044"));
  EXPECT_THAT(found("c", "10.3.0.0/24"), IsEmpty());
}

TEST(LintInventory, AsksDeclaredPeersBehindANatForKeepalives) {
  const std::string file =
      filled("[Interface]\nPrivateKey = {own}\n[Peer]\nPublicKey = {a}\nEndpoint = gw:1\n");
  const auto found = [&](std::string_view nat) {
    return summary(lint_inventory(
        filled(fmt::format("peers:\n  - {{{{name: anna, public_key: \"{{own_public}}\", labels: "
                           "{{{{nat: \"{}\"}}}}}}}}\n",
                           nat)),
        {file}));
  };
  EXPECT_THAT(found("yes"), ElementsAre("wg0.conf:3:1 WGS-LNT-014"));
  EXPECT_THAT(found("no"), IsEmpty());
}

TEST(LintInventory, HasTheProblemsOfTheReader) {
  EXPECT_THAT(summary(lint_inventory("peers:\n  - {name: anna}\n")),
              ElementsAre("inventory.yaml:2:5 WGS-LNT-040"));
  EXPECT_THAT(summary(lint_inventory("peers: []\ncolour: blue\n")),
              ElementsAre("inventory.yaml:2:1 WGS-LNT-041"));
  EXPECT_THAT(summary(lint_inventory("peers: []\n# wgscope: ignore WGS-LNT-041\ncolour: blue\n")),
              IsEmpty());
}

/// What patch(1) makes of a text with a diff that has no lines of context.
std::string patched(const std::string& text, const std::string& diff) {
  std::vector<std::string> lines;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    lines.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  std::string made;
  std::size_t next = 0;
  std::size_t at = 0;
  while (at < diff.size()) {
    const std::size_t end = diff.find('\n', at);
    const std::string line = diff.substr(at, end - at);
    at = end + 1;
    if (line.starts_with("---") || line.starts_with("+++") || line.starts_with('\\')) continue;
    if (line.starts_with("@@ -")) {
      const std::size_t number = std::stoul(line.substr(4));
      while (next + 1 < number) made += lines[next++] + '\n';
    } else if (line.starts_with('-')) {
      EXPECT_EQ(lines[next++], line.substr(1));
    } else {
      made += line.substr(1) + '\n';
    }
  }
  while (next < lines.size()) made += lines[next++] + '\n';
  return made;
}

TEST(LintDiff, ShowsTheCorrectedLinesAndNoOthers) {
  const std::string text = filled(
      "[Interface]\nPrivateKey = {own}\n[Peer]\nPublicKey = {a}\n"
      "AllowedIPs = 10.9.0.7/24,10.8.0.1/16  # office\n");
  const LintResult result = lint_texts({text});
  EXPECT_EQ(diff("wg0.conf", text, result.findings),
            "--- wg0.conf\n+++ wg0.conf\n@@ -5 +5,1 @@\n"
            "-AllowedIPs = 10.9.0.7/24,10.8.0.1/16  # office\n"
            "+AllowedIPs = 10.9.0.0/24,10.8.0.0/16  # office\n");
  EXPECT_EQ(diff("wg1.conf", text, result.findings), "");
}

TEST(LintDiff, LeavesOutLinesThatMayShowAKey) {
  const std::string text =
      filled("[Peer]\nPublicKey = {a}\nAllowedIPs = 10.9.0.7/24  # was {psk}\n");
  const LintResult result = lint_texts({text});
  EXPECT_THAT(result.findings, SizeIs(1));
  EXPECT_EQ(diff("wg0.conf", text, result.findings), "");
}

TEST(LintDiff, AppliedLeavesFewerFindingsAndNoKeyIsInIt) {
  std::mt19937 random(20261130);  // NOLINT: the same files each time
  const auto pick = [&](std::vector<std::string> from) { return from[random() % from.size()]; };
  std::size_t corrected = 0;
  for (int round = 0; round < 300; ++round) {
    std::string text = "[Interface]\nPrivateKey = {own}\n";
    for (int i = 0; i < 6; ++i)
      text += pick({"[Peer]\nPublicKey = {a}\n", "PresharedKey = {psk}\n",
                    "AllowedIPs = 10.1.2.3/8 , 10.2.3.4/ 16\n", "AllowedIPs = 10.0.0.0/24\r\n",
                    "[Peer]\nPublicKey = {b}\nAllowedIPs = fd00::1/64,10.3.3.3/9 # {psk}\n",
                    "Endpoint = 2001:db8::1:51820\n", "\n", "MTU = 1280\n"});
    if (round % 3 == 0) text += "AllowedIPs = 10.9.9.9/24";
    text = filled(text);
    const LintResult before = lint_texts({text});
    const std::string shown = diff("wg0.conf", text, before.findings);
    for (const std::string& secret : secrets()) EXPECT_THAT(shown, Not(HasSubstr(secret)));
    if (shown.empty()) continue;
    ++corrected;
    const std::string after = patched(text, shown);
    EXPECT_LT(lint_texts({after}).findings.size(), before.findings.size()) << text << shown;
  }
  EXPECT_GT(corrected, 100U);
}

TEST(Lint, LooksAtAHundredThousandLinesInOnePass) {
  std::string text = filled("[Interface]\nPrivateKey = {own}\n");
  for (unsigned i = 0; i < 25'000; ++i)
    text += fmt::format(
        "[Peer]\nPublicKey = {}\nAllowedIPs = 10.{}.{}.{}/24\nEndpoint = "
        "198.51.100.{}:51820\n",
        config::key_text(1000 + i), i / 62'500, i / 250 % 250, i % 250, i % 250);
  const LintResult result = lint_texts({text});
  EXPECT_THAT(summary(result), Contains(HasSubstr("WGS-LNT-008")));
  EXPECT_GT(result.findings.size(), 40'000U);
  EXPECT_THAT(diff("wg0.conf", text, result.findings), HasSubstr("@@ -"));
}

}  // namespace
}  // namespace wgscope::audit
