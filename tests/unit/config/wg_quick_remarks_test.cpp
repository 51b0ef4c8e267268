// What is said of files that wg refuses, or takes for something else than they seem.

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "wgscope/config/wg_quick.hpp"

#include "wg_quick_texts.hpp"

namespace wgscope::config {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

TEST(WgQuickRemarks, IgnoresBlanksWhereWgDoes) {
  const std::string key = key_text(1);
  const WgQuickConfig config = parsed(
      "[ Inter face ]\nListen Port = 5 18 20\n[\tPeer ]\nPublic Key = " + key.substr(0, 7) + " \t" +
      key.substr(7) + "\nAllowedIPs = 10.0.0.0 / 24 , fd00:: / 8\nEndpoint = gw.example.net : 5\n");
  EXPECT_EQ(config.listen_port, 51820);
  ASSERT_EQ(config.peers.size(), 1U);
  EXPECT_EQ(config.peers[0].public_key.base64(), key);
  EXPECT_THAT(texts_of(config.peers[0].allowed_ips), ElementsAre("10.0.0.0/24", "fd00::/8"));
  EXPECT_EQ(config.peers[0].endpoint, (EndpointName{"gw.example.net", 5}));
  EXPECT_THAT(config.warnings, IsEmpty());
}

TEST(WgQuickRemarks, SplitsTheListsOfWgQuickAtBlanksToo) {
  const WgQuickConfig config =
      parsed("[Interface]\nAddress = 10.0.0.2/24 fd00::2/64,\nDNS = 1.1.1.1 ~corp.example, ~.\n");
  EXPECT_THAT(texts_of(config.addresses), ElementsAre("10.0.0.2/24", "fd00::2/64"));
  EXPECT_THAT(config.dns, ElementsAre("1.1.1.1", "~corp.example", "~."));
  EXPECT_FALSE(parsed("[Interface]\nMTU =\nTable =\n").mtu);
}

struct Refused {
  const char* text;
  const char* warning;
};

TEST(WgQuickRemarks, WarnsOfEachThingThatWgRefusesAlthoughItIsClear) {
  const Refused cases[] = {
      {"[Peer]\nPublicKey={1}\nAllowedIPs =\n",
       "3: AllowedIPs has no value, which wg refuses: remove the line"},
      {"[Peer]\nPublicKey={1}\nAllowedIPs = 10.6.0.0/24,\n",
       "3: AllowedIPs has a comma with no prefix beside it, which wg refuses: remove the comma"},
      {"[Peer]\nPublicKey={1}\nAllowedIPs = ,10.6.0.0/24,,10.7.0.0/24\n",
       "3: AllowedIPs has a comma with no prefix beside it, which wg refuses: remove the comma"},
      {"[Peer]\nPublicKey={1}\nPersistentKeepalive = 0x19\n",
       "3: PersistentKeepalive is hexadecimal, which wg refuses: write it in decimal"},
      {"[Interface]\nListenPort = 0xca6c\n",
       "2: ListenPort is hexadecimal, which wg refuses: write it in decimal"},
      {"[Interface]\nFwMark = 0X5\n", "2: FwMark has 0X in front, which wg refuses: write 0x"},
      {"[Interface]\nSaveConfig = yes\n",
       "2: SaveConfig is neither true nor false, so wg-quick refuses the file"},
      {"[ Interface ]\nMTU = 1400\nDNS = 1.1.1.1\n",
       "2: wg-quick does not recognise its section because of the blanks inside its brackets, so "
       "it hands MTU to wg, which refuses it: write [Interface]"},
  };
  for (const Refused& one : cases) {
    EXPECT_THAT(warnings_of(one.text), ElementsAre(one.warning));
    EXPECT_EQ(parsed(one.text).warnings.at(0).kind, WarningKind::refused) << one.text;
  }
}

TEST(WgQuickRemarks, SaysWhereAPeerLineIsMissing) {
  const char* text =
      "[Peer]\n# Name = phone\nPublicKey={1}\nAllowedIPs=10.0.0.2/32\n\n# "
      "Mac\nPublicKey={2}\nAllowedIPs=10.0.0.3/32\n";
  EXPECT_THAT(warnings_of(text),
              ElementsAre("7: this section has a PublicKey in line 3 already, which is lost, and "
                          "this one gets the settings of both: most likely a [Peer] is missing "
                          "above"));
  const WgQuickConfig config = parsed(text);
  EXPECT_EQ(config.warnings[0].kind, WarningKind::header_missing);
  ASSERT_EQ(config.peers.size(), 1U) << "as wg has it";
  EXPECT_EQ(config.peers[0].public_key, key(2));
  EXPECT_EQ(config.peers[0].name, "");
  EXPECT_EQ(config.peers[0].allowed_ips.size(), 2U);
  EXPECT_THAT(warnings_of("[Peer]\nPublicKey={1}\nPublicKey={1}\n"), IsEmpty());
}

TEST(WgQuickRemarks, GivesAPrefixToTheLastPeerThatNamesIt) {
  const WgQuickConfig config = parsed(
      "[Peer]\nPublicKey={1}\nAllowedIPs=10.0.0.0/8, 10.2.0.0/16\n[Peer]\nPublicKey={2}\n"
      "AllowedIPs=10.1.0.0/8\n");
  EXPECT_THAT(texts_of(config.peers.at(0).allowed_ips), ElementsAre("10.2.0.0/16"));
  EXPECT_THAT(texts_of(config.peers.at(1).allowed_ips), ElementsAre("10.0.0.0/8"));
  ASSERT_EQ(config.warnings.size(), 2U);  // and of the host bits
  EXPECT_EQ(config.warnings[1].kind, WarningKind::overridden);
  EXPECT_THAT(config.warnings[1].text, StartsWith("AllowedIPs 10.0.0.0/8 is taken away from the "
                                                  "peer in line 3: "));
}

TEST(WgQuickRemarks, TakesTwoSectionsOfOneKeyForOnePeer) {
  const WgQuickConfig config = parsed(
      "[Peer]\n#Name=a\nPublicKey={1}\nAllowedIPs=10.0.0.0/8\nEndpoint=a:1\nPersistentKeepalive=5\n"
      "PresharedKey={0}\n[Peer]\nPublicKey={2}\nAllowedIPs=10.0.0.0/8\n[Peer]\nPublicKey={1}\n"
      "AllowedIPs=10.3.0.0/16\nEndpoint=b:2\nPersistentKeepalive=off\n");
  ASSERT_EQ(config.peers.size(), 2U);
  const WgQuickPeer& peer = config.peers[0];
  EXPECT_THAT(texts_of(peer.allowed_ips), ElementsAre("10.3.0.0/16"));
  EXPECT_EQ(peer.endpoint, (EndpointName{"b", 2}));
  EXPECT_FALSE(peer.persistent_keepalive);
  EXPECT_TRUE(peer.preshared_key) << "only the first says something about it";
  EXPECT_EQ(peer.name, "a");
  EXPECT_THAT(texts_of(config.peers[1].allowed_ips), ElementsAre("10.0.0.0/8"));
  EXPECT_THAT(config.warnings.back().text, StartsWith("this peer is already defined in line 3: "));
  EXPECT_EQ(config.warnings.back().kind, WarningKind::overridden);
}

TEST(WgQuickRemarks, TellsOneAddressFromAllAddresses) {
  EXPECT_THAT(warnings_of("[Peer]\nPublicKey={1}\nAllowedIPs = 0.0.0.0, ::0\n"),
              ElementsAre("3: AllowedIPs 0.0.0.0 is the one address 0.0.0.0/32, which no "
                          "host has: all addresses are 0.0.0.0/0",
                          "3: AllowedIPs :: is the one address ::/128, which no host has: all "
                          "addresses are ::/0"));
  EXPECT_THAT(warnings_of("[Peer]\nPublicKey={1}\nAllowedIPs = 0.0.0.0/0, ::/0, 0.0.0.0/32\n"),
              IsEmpty());
}

/// The only warning of that text.
Warning warning_of(std::string_view pattern) {
  WgQuickConfig config = parsed(pattern);
  EXPECT_EQ(config.warnings.size(), 1U) << pattern;
  return config.warnings.empty() ? Warning() : std::move(config.warnings[0]);
}

TEST(WgQuickRemarks, SaysOfAmneziaWgsKeysInOneWarningWhichOnesMatter) {
  const Warning changed = warning_of(
      "[Interface]\nMTU=1400\nJc=4\nJmin=40\nS1=33\nS2=0\nH1=1402919287\nH2=2\nI1=<b 0xf6>\n");
  EXPECT_EQ(changed.kind, WarningKind::obfuscated);
  EXPECT_EQ(changed.line, 3U);
  EXPECT_EQ(changed.text,
            "the file is for AmneziaWG, and S1 and H1 change WireGuard's messages, so plain "
            "WireGuard and this gateway do not understand each other; Jc, Jmin, S2, H2 and I1 do "
            "not matter");
  const Warning added = warning_of("[Interface]\nJc=4\nS1=0\nH1=1\nH2=2\nH3=3\nH4=4\n");
  EXPECT_EQ(added.kind, WarningKind::obfuscating);
  EXPECT_THAT(added.text, HasSubstr("plain WireGuard works without them"));
  for (const char* changing : {"S1=1", "S2=1", "S3=1", "S4=1", "H1=2", "H4=5", "H1=1-9", "S1=x"})
    EXPECT_EQ(warning_of(fmt::format("[Interface]\n{}\n", changing)).kind, WarningKind::obfuscated)
        << changing;
}

TEST(WgQuickRemarks, ReadsTheReservedBytesOfWarp) {
  constexpr ReservedBytes kBytes{std::byte{168}, std::byte{26}, std::byte{21}};
  for (const char* form : {"168,26,21", "168, 26, 21", "[168,26,21]", "0xa81a15", "qBoV"}) {
    const std::string text =
        fmt::format("[Interface]\nreserved = {}\n[Peer]\nPublicKey={{1}}\n", form);
    EXPECT_EQ(parsed(text).peers.at(0).reserved, kBytes) << form;
    EXPECT_EQ(warning_of(text).kind, WarningKind::reserved);
  }
  const WgQuickConfig own =
      parsed("[Interface]\nReserved=1,2,3\n[Peer]\nPublicKey={1}\nReserved=168,26,21\n");
  EXPECT_EQ(own.peers.at(0).reserved, kBytes) << "the peer's is nearer";
  for (const char* bad : {"168,26", "1,2,3,4", "256,1,1", "a,b,c", "qBo", "{0}", ",,"})
    EXPECT_EQ(warning_of(fmt::format("[Interface]\nReserved = {}\n", bad)).kind,
              WarningKind::not_known)
        << bad;
}

TEST(WgQuickRemarks, SaysWhatAFileIsThatIsNotUtf8) {
  const std::string text = text_of(kWhole);
  std::string little;
  for (const char c : text) little += std::string{c, '\0'};
  std::string big = std::string(1, '\0') + little.substr(0, little.size() - 1);
  const auto said = [](const std::string& file) { return parse_wg_quick(file).error().context; };
  EXPECT_THAT(said("\xFF\xFE" + little), HasSubstr("UTF-16, as some editors"));
  EXPECT_THAT(said("\xFE\xFF" + big), HasSubstr("iconv -f UTF-16 -t UTF-8"));
  EXPECT_THAT(said(little), HasSubstr("iconv -f UTF-16LE -t UTF-8"));
  EXPECT_THAT(said(big), HasSubstr("iconv -f UTF-16BE -t UTF-8"));
  EXPECT_EQ(said(std::string("[Peer]\n#\0\n", 10)),
            "line 2: this line has a byte of zero, so the file is not a text file");
}

TEST(WgQuickRemarks, SaysWhichCharacterMakesAKeyNoKey) {
  const std::string key = key_text(1);
  const auto said = [&](const std::string& text) {
    return parse_wg_quick("[Peer]\nPublicKey = " + text + "\n").error().context;
  };
  EXPECT_EQ(said("\xC2\xA0" + key),
            "line 2: PublicKey is not a base64 key of 44 characters: character 1 is a no-break "
            "space (U+00A0), which looks like a blank");
  EXPECT_THAT(said("\"" + key + "\""), HasSubstr("character 1 is a quotation mark"));
  EXPECT_THAT(said(key.substr(0, 43) + "A"), HasSubstr("the last one must be '='"));
}

}  // namespace
}  // namespace wgscope::config
