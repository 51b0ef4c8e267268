// Which peer a name in a comment belongs to: for the probe, which reads whole files, and for the
// exporter, which reads names alone.

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "wgscope/config/names.hpp"
#include "wgscope/config/wg_quick.hpp"

#include "keys.hpp"

namespace wgscope::config {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr std::size_t kPeers = 3;

/// The names that keys 1, 2 and 3 get in a text that has them where {1}, {2} and {3} stand. Both
/// readers must agree.
std::vector<std::string> names_of(std::string_view pattern) {
  const std::string text =
      fmt::format(fmt::runtime(pattern), "", key_text(1), key_text(2), key_text(3));
  const auto found = parse_wg_quick_names(text);
  const auto config = parse_wg_quick(text);
  EXPECT_TRUE(found) << found.error().context;
  EXPECT_TRUE(config) << config.error().context;
  std::vector<std::string> names(kPeers);
  if (!found || !config) return names;
  for (std::size_t i = 0; i < kPeers; ++i) {
    const auto name = found->names.find(key(static_cast<std::uint32_t>(i + 1)));
    if (name != found->names.end()) names[i] = name->second;
    for (const WgQuickPeer& peer : config->peers)
      if (peer.public_key == key(static_cast<std::uint32_t>(i + 1))) {
        EXPECT_EQ(peer.name, names[i]) << text;
      }
  }
  return names;
}

/// Lines of the warnings about names, which both readers give alike.
std::vector<std::size_t> unclear_lines(std::string_view pattern) {
  const std::string text =
      fmt::format(fmt::runtime(pattern), "", key_text(1), key_text(2), key_text(3));
  std::vector<std::size_t> lines;
  std::vector<std::size_t> again;
  const auto config = parse_wg_quick(text);
  const auto found = parse_wg_quick_names(text);
  for (const Warning& warning : config->warnings)
    if (warning.kind == WarningKind::name_unclear) lines.push_back(warning.line);
  for (const Warning& warning : found->warnings)
    if (warning.kind == WarningKind::name_unclear) again.push_back(warning.line);
  EXPECT_EQ(lines, again);
  return lines;
}

struct Case {
  const char* what;
  const char* text;
  std::vector<std::string> names;
  std::vector<std::size_t> unclear = {};
};

void expect(const Case& one) {
  SCOPED_TRACE(one.what);
  EXPECT_EQ(names_of(one.text), one.names);
  EXPECT_EQ(unclear_lines(one.text), one.unclear);
}

TEST(PeerNames, AreOfThePeerWhoseSectionTheyStandIn) {
  expect({"before the key",
          "[Peer]\n# Name = a\nPublicKey={1}\n[Peer]\nPublicKey={2}\n",
          {"a", "", ""}});
  expect({"between keys",
          "[Peer]\nPublicKey={1}\n\n# Name = a\n\nAllowedIPs=10.0.0.0/8\n",
          {"a", "", ""}});
  expect({"apart from the header", "[Peer]\n\n# Name = a\n\nPublicKey={1}\n", {"a", "", ""}});
  expect({"at the end, apart from the next",
          "[Peer]\nPublicKey={1}\n# Name = a\n\n[Peer]\nPublicKey={2}\n",
          {"a", "", ""}});
  expect({"at the end of the file", "[Peer]\nPublicKey={1}\n# Name = a\n", {"a", "", ""}});
}

TEST(PeerNames, AreOfThePeerDirectlyBelow) {
  expect({"after an empty line",
          "[Interface]\nMTU=1400\n\n# Name = a\n[Peer]\nPublicKey={1}\n\n# Name = "
          "b\n[Peer]\nPublicKey={2}\n",
          {"a", "b", ""}});
  expect({"at the beginning of the file", "# Name = a\n[Peer]\nPublicKey={1}\n", {"a", "", ""}});
  expect({"in a block of comments",
          "[Peer]\nPublicKey={1}\n\n# a laptop\n# Name = b\n# of Ada\n[Peer]\nPublicKey={2}\n",
          {"", "b", ""}});
}

TEST(PeerNames, AreNoneWhereTwoPeersAreEquallyNear) {
  expect({"between two peers without an empty line",
          "[Peer]\nPublicKey={1}\n# Name = a\n[Peer]\nPublicKey={2}\n",
          {"", "", ""},
          {3}});
  expect({"between two peers with two empty lines",
          "[Peer]\nPublicKey={1}\n\n# Name = a\n\n[Peer]\nPublicKey={2}\n",
          {"", "", ""},
          {4}});
  expect({"between the interface and a peer",
          "[Interface]\nMTU=1400\n# Name = a\n[Peer]\nPublicKey={1}\n",
          {"", "", ""},
          {3}});
  expect({"alone at the end", "[Peer]\nPublicKey={1}\n\n# Name = a\n", {"", "", ""}, {4}});
}

TEST(PeerNames, AreOfTheOneThatHasNoOther) {
  expect({"the peer above has one",
          "[Peer]\n# Name = a\nPublicKey={1}\n# Name = b\n[Peer]\nPublicKey={2}\n",
          {"a", "b", ""}});
  expect({"the peer below has one",
          "[Peer]\nPublicKey={1}\n# Name = a\n[Peer]\n# Name = b\nPublicKey={2}\n",
          {"a", "b", ""}});
  expect({"both have one",
          "[Peer]\n# Name = a\nPublicKey={1}\n# Name = x\n[Peer]\n# Name = b\nPublicKey={2}\n",
          {"a", "b", ""}});
  expect({"the interface's own",
          "[Interface]\nMTU=1400\n# Name = x\n[Peer]\n# Name = a\nPublicKey={1}\n",
          {"a", "", ""}});
}

TEST(PeerNames, StandWhereAllOthersOfTheFileStand) {
  expect({"all at the end",
          "[Peer]\nPublicKey={1}\n# Name = a\n[Peer]\nPublicKey={2}\n# Name = "
          "b\n[Peer]\nPublicKey={3}\n# Name = c\n",
          {"a", "b", "c"}});
  expect({"all above",
          "# Name = a\n[Peer]\nPublicKey={1}\n# Name = b\n[Peer]\nPublicKey={2}\n# Name = "
          "c\n[Peer]\nPublicKey={3}\n",
          {"a", "b", "c"}});
  expect({"some above and some at the end",
          "[Peer]\nPublicKey={1}\n# Name = a\n\n[Peer]\nPublicKey={2}\n\n# Name = "
          "c\n[Peer]\nPublicKey={3}\n",
          {"a", "", "c"}});
}

TEST(PeerNames, AreReadFromTheMarksOfGenerators) {
  expect({"wg-easy",
          "[Interface]\nMTU=1400\n\n# Client: Ada (work) (4f2bb4e0-5b6c-4d7e-8a90-1b2c3d4e5f60)\n"
          "[Peer]\nPublicKey={1}\n\n\n# Client: phone (2)\n[Peer]\nPublicKey={2}\n",
          {"Ada (work)", "phone", ""}});
  expect({"PiVPN",
          "[Interface]\nAddress=10.8.0.1/24\n### begin phone ###\n[Peer]\nPublicKey={1}\n### end "
          "phone ###\n### begin lap top ###\n[Peer]\nPublicKey={2}\n### end lap top ###\n",
          {"phone", "lap top", ""}});
  expect({"angristan",
          "[Interface]\nMTU=1400\n\n### Client phone\n[Peer]\nPublicKey={1}\n\n### Client "
          "laptop\n[Peer]\nPublicKey={2}\n",
          {"phone", "laptop", ""}});
  expect({"wireguard-ui",
          "[Interface]\nMTU=1400\n\n# ID:           c1\n# Name:         the phone\n# Email:        "
          "a@example.net\n[Peer]\nPublicKey={1}\n",
          {"the phone", "", ""}});
  expect({"Nyr",
          "[Interface]\nMTU=1400\n# BEGIN_PEER phone\n[Peer]\nPublicKey={1}\n# END_PEER phone\n# "
          "BEGIN_PEER laptop\n[Peer]\nPublicKey={2}\n# END_PEER laptop\n",
          {"phone", "laptop", ""}});
}

TEST(PeerNames, AreNotThoseOfPeersThatAreCommentedOut) {
  expect({"after a live peer",
          "[Peer]\n# Name = a\nPublicKey={1}\n\n#[Peer]\n# Name = gone\n#PublicKey = x\n",
          {"a", "", ""}});
  expect({"after a live peer without a name",
          "[Peer]\nPublicKey={1}\n\n# [Peer]\n# Name = gone\n# PublicKey = x\n",
          {"", "", ""}});
  expect({"its name above",
          "[Peer]\nPublicKey={1}\n\n# Name = gone\n#[Peer]\n#PublicKey = x\n\n# Name = "
          "b\n[Peer]\nPublicKey={2}\n",
          {"", "b", ""}});
  expect({"its name at its end",
          "#[Peer]\n#PublicKey = x\n# Name = gone\n\n[Peer]\nPublicKey={1}\n",
          {"", "", ""}});
  expect({"with the next peer directly below",
          "#[Peer]\n#PublicKey = x\n# Name = whose\n[Peer]\nPublicKey={1}\n",
          {"", "", ""},
          {3}});
  expect({"PiVPN's",
          "### begin a ###\n[Peer]\nPublicKey={1}\n### end a ###\n#[disabled] ### begin b "
          "###\n#[disabled] [Peer]\n#[disabled] PublicKey = x\n#[disabled] ### end b ###\n### "
          "begin c ###\n[Peer]\nPublicKey={2}\n### end c ###\n",
          {"a", "c", ""}});
}

TEST(PeerNames, AreSaidToBeUnclearInOneWarning) {
  std::string text;
  for (std::uint32_t i = 1; i <= 7; ++i)
    text += fmt::format("[Peer]\nPublicKey = {}\n# Name = n{}\n", key_text(i), i);
  text += "\n# Name = apart\n[Peer]\nPublicKey = " + key_text(8);
  const auto config = parse_wg_quick(text);
  ASSERT_EQ(config->warnings.size(), 1U);
  EXPECT_THAT(config->warnings[0].text,
              HasSubstr("the name in lines 3, 6, 9 and 2 more could belong to"));
  EXPECT_EQ(config->peers[6].name, "n7") << "it is apart from the next, which has its own";
}

}  // namespace
}  // namespace wgscope::config
