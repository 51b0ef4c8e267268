#include "wgscope/config/wg_quick.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "wgscope/base/result.hpp"
#include "wgscope/model/address.hpp"

#include "wg_quick_texts.hpp"

namespace wgscope::config {
namespace {

using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;

TEST(WgQuick, ReadsAWholeFile) {
  const WgQuickConfig config = parsed(kWhole);
  EXPECT_THAT(config.warnings, IsEmpty());
  ASSERT_TRUE(config.private_key);
  EXPECT_TRUE(std::ranges::equal(config.private_key->secret.bytes(), key(100).bytes));
  EXPECT_THAT(texts_of(config.addresses), ElementsAre("10.0.0.2/24", "fd00::2/64"));
  EXPECT_EQ(config.listen_port, 51820);
  EXPECT_EQ(config.mtu, 1380);
  EXPECT_EQ(config.fwmark, 51820U);
  EXPECT_THAT(config.dns, ElementsAre("10.0.0.1", "corp.example"));
  EXPECT_EQ(config.table, "off");
  ASSERT_EQ(config.kept.size(), 1U);
  EXPECT_EQ(config.kept[0].key.view(), "PostUp");
  EXPECT_EQ(config.kept[0].text.view(), "ip rule add from %i");
  EXPECT_EQ(config.kept[0].line, 9U);
}

TEST(WgQuick, ReadsEachPeer) {
  const WgQuickConfig config = parsed(kWhole);
  ASSERT_EQ(config.peers.size(), 2U);
  const WgQuickPeer& peer = config.peers[0];
  EXPECT_EQ(peer.public_key, key(1));
  EXPECT_EQ(peer.name, "the gateway");
  EXPECT_EQ(peer.line, 11U);
  ASSERT_TRUE(peer.preshared_key);
  EXPECT_TRUE(std::ranges::equal(peer.preshared_key->secret.bytes(), key(100).bytes));
  EXPECT_THAT(texts_of(peer.allowed_ips), ElementsAre("10.0.0.0/24", "fd00::/64", "192.0.2.0/24"));
  EXPECT_EQ(peer.endpoint, (EndpointName{"gw.example.net", 51820}));
  EXPECT_EQ(peer.persistent_keepalive, seconds(25));
  const WgQuickPeer& bare = config.peers[1];
  EXPECT_EQ(bare.public_key, key(2));
  EXPECT_TRUE(bare.name.empty() && bare.allowed_ips.empty());
  EXPECT_FALSE(bare.preshared_key || bare.endpoint || bare.persistent_keepalive);
}

TEST(WgQuick, TakesKeysInAnyCaseAndFilesOfOtherSystems) {
  const WgQuickConfig config = parsed(
      "\xEF\xBB\xBF  [INTERFACE] # ours\r\nlistenport=5#five\r\n\r\n\t[peer]\r\npublickey\t=\t{1} "
      "# c\r\nALLOWEDIPS=10.0.0.0/8 ,fd00::/8\r\n");
  EXPECT_EQ(config.listen_port, 5);
  ASSERT_EQ(config.peers.size(), 1U);
  EXPECT_THAT(texts_of(config.peers[0].allowed_ips), ElementsAre("10.0.0.0/8", "fd00::/8"));
  ASSERT_EQ(config.warnings.size(), 1U);
  EXPECT_THAT(config.warnings[0].text, HasSubstr("byte order mark"));
}

TEST(WgQuick, TakesZeroAndOffForNotSet) {
  for (const char* off : {"0", "off", "OFF", "00"}) {
    const WgQuickConfig config = parsed(
        fmt::format("[Interface]\nListenPort=1\nListenPort=0\nFwMark={0}\n[Peer]\nPublicKey={{1}}\n"
                    "PersistentKeepalive={0}\n",
                    off));
    EXPECT_FALSE(config.listen_port || config.fwmark || config.peers.at(0).persistent_keepalive);
  }
  const std::string zeros = std::string(43, 'A') + "=";
  const WgQuickConfig config =
      parsed("[Interface]\nPrivateKey=" + zeros + "\n[Peer]\nPublicKey={1}\nPresharedKey=" + zeros);
  EXPECT_FALSE(config.private_key || config.peers.at(0).preshared_key);
}

TEST(WgQuick, GoesOnWithTheInterfaceAfterAPeer) {
  EXPECT_THAT(warnings_of("[Interface]\nMTU=1400\n[Peer]\nPublicKey={1}\n[Interface]\nMTU=1300\n"),
              ElementsAre("6: MTU is already set in line 2; this line takes precedence"));
}

TEST(WgQuick, WarnsOfEachThingThatMayNotBeMeant) {
  EXPECT_THAT(warnings_of("[Interface]\nXy = 4\n"),
              ElementsAre("2: Xy is unknown, so it is ignored"));
  EXPECT_THAT(warnings_of("[Interface]\nPrivatKey = 4\n[Peer]\nPublicKey={1}\nallowedip = x\n"),
              ElementsAre("2: PrivatKey is unknown, so it is ignored: did you mean 'PrivateKey'?",
                          "5: allowedip is unknown, so it is ignored: did you mean 'AllowedIPs'?"));
  EXPECT_THAT(warnings_of("[Peer]\nPublicKey={1}\n{0} = x\n"),
              ElementsAre("3: this key is unknown, so it is ignored"));
  EXPECT_THAT(warnings_of("[Network]\nName = x\n[Interface]\n"),
              ElementsAre("1: the section [Network] is unknown, so its lines are ignored"));
  EXPECT_THAT(warnings_of("[{0}]\n[Interface]\n"),
              ElementsAre("1: this section is unknown, so its lines are ignored"));
  EXPECT_THAT(warnings_of("[Interface]\nListenPort=1\n\nlistenport=2\n"),
              ElementsAre("4: ListenPort is already set in line 2; this line takes precedence"));
  EXPECT_THAT(warnings_of("[Interface]\nPrivateKey=" + std::string(43, 'A') + "="),
              ElementsAre("2: PrivateKey is all zeros, which means that there is none"));
  EXPECT_THAT(warnings_of("[Peer]\nPublicKey={1}\nAllowedIPs=10.1.2.3/9, fd00::1/127\n"),
              ElementsAre("3: AllowedIPs 10.1.2.3/9 means 10.0.0.0/9",
                          "3: AllowedIPs fd00::1/127 means fd00::/127"));
  EXPECT_THAT(warnings_of("[Peer]\nPublicKey={1}\nAllowedIPs=10.0.0.0/8\nAllowedIPs=10.0.0.0/8\n"),
              ElementsAre("4: AllowedIPs 10.0.0.0/8 is already in line 3"));
  EXPECT_THAT(warnings_of("[Peer]\nPublicKey={1}\nEndpoint=2001:db8::1:51820\n"),
              ElementsAre("3: Endpoint has an IPv6 address without brackets: the digits after its "
                          "last colon are read as the port"));
}

TEST(WgQuick, TellsWhatItDoesNotKnowFromWhatItOnlyRemarks) {
  const WgQuickConfig config = parsed(
      "[Network]\n[Interface]\nXy=4\nMTU=1400\nMTU=1300\n[Peer]\nPublicKey={1}\nHost=x\n"
      "AllowedIPs=10.1.2.3/9\n");
  std::vector<std::size_t> not_known;
  for (const Warning& warning : config.warnings)
    if (warning.kind == WarningKind::not_known) not_known.push_back(warning.line);
  EXPECT_THAT(not_known, ElementsAre(1, 3, 8));
  EXPECT_EQ(config.warnings.size(), 5U);
}

TEST(WgQuick, TakesTheLastOfWhatCanBeThereOnce) {
  const WgQuickConfig config = parsed(
      "[Interface]\nMTU=1400\nMTU=1300\n[Peer]\nPublicKey={1}\nEndpoint=a:1\nEndpoint=b:2\n"
      "PublicKey={2}\n");
  EXPECT_EQ(config.mtu, 1300);
  EXPECT_EQ(config.peers.at(0).endpoint, (EndpointName{"b", 2}));
  EXPECT_EQ(config.peers.at(0).public_key, key(2));
  EXPECT_EQ(config.warnings.size(), 3U);
  EXPECT_EQ(config.warnings[2].kind, WarningKind::header_missing);
}

TEST(WgQuick, KeepsWhatItDoesNotKnow) {
  const WgQuickConfig config =
      parsed("[Interface]\nS1=2\n[Peer]\nPublicKey={1}\nX y = a = b\n[Other]\nfree text\n= 1\n");
  EXPECT_EQ(config.kept.at(0).key.view(), "S1");
  EXPECT_EQ(config.peers.at(0).kept.at(0).key.view(), "X y");
  EXPECT_EQ(config.peers.at(0).kept.at(0).text.view(), "a = b");
  ASSERT_EQ(config.sections.size(), 1U);
  EXPECT_EQ(config.sections[0].header.view(), "[Other]");
  EXPECT_EQ(config.sections[0].lines.at(0).text.view(), "free text");
  EXPECT_EQ(config.sections[0].lines.at(1).text.view(), "= 1");
}

struct Mistake {
  const char* text;
  const char* error;
};

TEST(WgQuick, RefusesEachMistakeWithItsLineAndWhatBelongsThere) {
  const Mistake mistakes[] = {
      {"",
       "there is no [Interface] or [Peer] section: this is not a wg-quick file, or it is cut "
       "short"},
      {"[Network]\nx\n",
       "there is no [Interface] or [Peer] section: this is not a wg-quick file, or it is cut "
       "short"},
      {"\n# c\nMTU = 1\n",
       "line 3: this line is before any section: a file starts with [Interface] or [Peer]"},
      {"[Interface\n", "line 1: a section's name must end with ']'"},
      {"[Interface]\n{0}\n", "line 2: expected [Section] or 'Key = value'"},
      {"[Interface]\nnothing\n", "line 2: expected [Section] or 'Key = value'"},
      {"[Interface]\n= 1\n", "line 2: expected [Section] or 'Key = value'"},
      {"[Interface]\nPublicKey = {1}\n", "line 2: PublicKey belongs under [Peer]"},
      {"[Peer]\nPublicKey={1}\nprivatekey={0}\n", "line 3: PrivateKey belongs under [Interface]"},
      {"[Interface]\nPrivateKey = {0}{0}\n",
       "line 2: PrivateKey is not a base64 key of 44 characters (88 given); `wg genkey` makes a "
       "key"},
      {"[Interface]\nPrivateKey =\n",
       "line 2: PrivateKey is not a base64 key of 44 characters (0 given); `wg genkey` makes a "
       "key"},
      {"[Interface]\nAddress = {0}\n",
       "line 2: Address must be a list of addresses such as 10.0.0.2/24 or fd00::2/64"},
      {"[Interface]\nListenPort = 65536\n",
       "line 2: ListenPort must be a number from 0 to 65535; 0 means any free port"},
      {"[Interface]\nListenPort = off\n",
       "line 2: ListenPort must be a number from 0 to 65535; 0 means any free port"},
      {"[Interface]\nMTU = 67\n", "line 2: MTU must be a number from 68 to 65535"},
      {"[Interface]\nFwMark = 0x100000000\n",
       "line 2: FwMark must be a number such as 51820 or 0xca6c, or off"},
      {"[Interface]\nDNS = a/b\n", "line 2: DNS must be a list of addresses and search domains"},
      {"[Interface]\nTable = {0}\n",
       "line 2: Table must be off, auto, or the number or name of a routing table"},
      {"[Interface]\n[Peer]\nAllowedIPs=10.0.0.0/8\n[Peer]\n",
       "line 2: this [Peer] has no PublicKey, which identifies a peer"},
      {"[Peer]\nPublicKey = short\n",
       "line 2: PublicKey is not a base64 key of 44 characters (5 given)"},
      {"[Peer]\nPresharedKey = {0}x\n",
       "line 2: PresharedKey is not a base64 key of 44 characters (45 given); `wg genpsk` makes "
       "a key"},
      {"[Peer]\nAllowedIPs = 10.0.0.0/33\n",
       "line 2: AllowedIPs must be a list of prefixes such as 10.0.0.0/24 or fd00::/64"},
      {"[Peer]\nEndpoint = gw.example.net:0\n",
       "line 2: Endpoint is not a valid endpoint: nothing can be sent to port 0"},
      {"[Peer]\nEndpoint =\n",
       "line 2: Endpoint is not a valid endpoint: expected HOST:PORT, such as gw.example.net:51820 "
       "or [2001:db8::1]:51820"},
      {"[Peer]\nEndpoint = {0}\n",
       "line 2: Endpoint is not a valid endpoint: expected HOST:PORT, such as gw.example.net:51820 "
       "or [2001:db8::1]:51820"},
      {"[Peer]\nPersistentKeepalive = 1s\n",
       "line 2: PersistentKeepalive must be a number of seconds from 0 to 65535, or off"},
      {"[Peer]\nPublicKey={0}\n[Interface]\nPrivateKey={0}\n",
       "line 2: this PublicKey is the PrivateKey of line 4; give the peer's public key instead "
       "(`wg pubkey` derives it from the peer's private key). If the private key was given to "
       "somebody, replace it"},
  };
  for (const Mistake& mistake : mistakes) EXPECT_EQ(error_of(mistake.text), mistake.error);
}

TEST(WgQuick, LetsANarrowerPrefixBelongToAnotherPeer) {
  const WgQuickConfig config = parsed(
      "[Peer]\nPublicKey={1}\nAllowedIPs=10.0.0.0/8\n[Peer]\nPublicKey={2}\nAllowedIPs=10.0.0.0/9");
  EXPECT_EQ(config.peers.size(), 2U);
}

TEST(WgQuick, NeverRepeatsASecretWhereverItStands) {
  for (const char* key :
       {"PrivateKey", "Address", "ListenPort", "MTU", "FwMark", "DNS", "Table", "PostUp", "Other",
        "PublicKey", "PresharedKey", "AllowedIPs", "Endpoint", "PersistentKeepalive"}) {
    for (const char* section : {"[Interface]", "[Peer]\nPublicKey={2}", "[Other]", ""}) {
      for (const char* value : {"{0}", "{0}x", "x{0}", "{0}, {0}", "{0}:51820", "[{0}]:1"}) {
        const std::string text = text_of(fmt::format("{}\n{} = {}\n", section, key, value));
        const auto config = parse_wg_quick(text);
        std::string said = config ? "" : config.error().context;
        if (config)
          for (const Warning& warning : config->warnings) said += warning.text;
        EXPECT_THAT(said, Not(HasSubstr(key_text(100).substr(0, 20)))) << text;
      }
    }
  }
}

TEST(WgQuick, SaysHowToMakeAMissingPrivateKey) {
  EXPECT_TRUE(require_private_key(parsed("[Interface]\nPrivateKey={0}\n")));
  const auto missing = require_private_key(parsed("[Interface]\n"));
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, Errc::missing_key);
  EXPECT_THAT(missing.error().context, HasSubstr("wg genkey"));
  const auto zero =
      require_private_key(parsed("[Interface]\nPrivateKey=" + std::string(43, 'A') + "="));
  ASSERT_FALSE(zero);
  EXPECT_THAT(zero.error().context, StartsWith("PrivateKey under [Interface] is all zeros"));
}

TEST(WgQuick, IsReadOrRefusedWhereverItIsCutShort) {
  const std::string whole = text_of(kWhole);
  for (std::size_t size = 0; size <= whole.size(); ++size) {
    const auto config = parse_wg_quick(std::string_view(whole).substr(0, size));
    const std::string said = config ? "" : config.error().context;
    EXPECT_THAT(said, Not(HasSubstr(key_text(100).substr(0, 10)))) << size;
  }
}

TEST(WgQuick, ReadsManyPeersInOnePass) {
  constexpr std::uint32_t kPeers = 50'000;
  std::string text = "[Interface]\n";
  for (std::uint32_t i = 0; i < kPeers; ++i)
    text += fmt::format("[Peer]\nPublicKey = {}\nAllowedIPs = 10.{}.{}.{}/32\n", key_text(i),
                        i >> 16U, (i >> 8U) & 255U, i & 255U);
  const auto config = parse_wg_quick(text);
  ASSERT_TRUE(config) << config.error().context;
  EXPECT_EQ(config->peers.size(), kPeers);
}

TEST(EndpointName, ReadsNamesAndAddresses) {
  const auto read = [](std::string_view text) {
    const auto endpoint = EndpointName::parse(text);
    return endpoint ? endpoint->host + " " + endpoint->to_string() : endpoint.error().context;
  };
  EXPECT_EQ(read("gw.example.net:1"), "gw.example.net gw.example.net:1");
  EXPECT_EQ(read("192.0.2.1:65535"), "192.0.2.1 192.0.2.1:65535");
  EXPECT_EQ(read("[2001:db8::1]:2"), "2001:db8::1 [2001:db8::1]:2");
  EXPECT_EQ(read("[gw.example.net]:2"), "gw.example.net gw.example.net:2");
  EXPECT_EQ(read("[192.0.2.1]:2"), "192.0.2.1 192.0.2.1:2");
  EXPECT_THAT(read("gw:0"), HasSubstr("port 0"));
  EXPECT_EQ(read("2001:db8::1:2"), "2001:db8::1 [2001:db8::1]:2");
  EXPECT_EQ(read("[fe80::1%eth0]:2"), "fe80::1%eth0 [fe80::1%eth0]:2");
  for (const char* bad : {"", ":", "gw", "gw:", ":1", "gw:65536", "gw:1x", "gw:0x1", "[]:1",
                          "a b:1", "a:b:1", "[::1:1", "::1]:1", "gw:-1", "g\n:1"})
    EXPECT_THAT(read(bad), StartsWith("not a valid endpoint: expected HOST:PORT")) << bad;
  EXPECT_THAT(read(std::string(254, 'a') + ":1"), StartsWith("not a valid endpoint"));
}

TEST(EndpointName, IsAnAddressOnlyWhereNothingMustBeLookedUp) {
  const auto address = [](std::string_view text) { return EndpointName::parse(text)->address(); };
  EXPECT_EQ(address("192.0.2.1:5"), *Endpoint::parse("192.0.2.1:5"));
  EXPECT_EQ(address("[fe80::1%3]:5"), *Endpoint::parse("[fe80::1%3]:5"));
  EXPECT_FALSE(address("gw.example.net:5"));
  EXPECT_FALSE(address("[fe80::1%eth0]:5"));
}

TEST(WgQuickWriter, WritesWhatIsReadAsTheSame) {
  const WgQuickConfig config = parsed(kWhole);
  const SecretString written = write_wg_quick(config);
  EXPECT_EQ(written.view(), text_of(R"([Interface]
PrivateKey = {0}
Address = 10.0.0.2/24
Address = fd00::2/64
ListenPort = 51820
MTU = 1380
FwMark = 0xca6c
DNS = 10.0.0.1
DNS = corp.example
Table = off
PostUp = ip rule add from %i

[Peer]
# friendly_name = the gateway
PublicKey = {1}
PresharedKey = {0}
AllowedIPs = 10.0.0.0/24
AllowedIPs = fd00::/64
AllowedIPs = 192.0.2.0/24
Endpoint = gw.example.net:51820
PersistentKeepalive = 25

[Peer]
PublicKey = {2}
)"));
  const auto again = parse_wg_quick(written.view());
  ASSERT_TRUE(again) << again.error().context;
  EXPECT_EQ(write_wg_quick(*again).view(), written.view());
}

TEST(WgQuickWriter, WritesWhatWasKept) {
  const SecretString written = write_wg_quick(
      parsed("[Interface]\nS1=2\n[Peer]\nPublicKey={1}\nX = y\n[Other]\nfree text\n"));
  EXPECT_EQ(
      written.view(),
      text_of("[Interface]\nS1 = 2\n\n[Peer]\nPublicKey = {1}\nX = y\n\n[Other]\nfree text\n"));
}

TEST(WgQuickWriter, MakesNoSecondLineOfOneText) {
  WgQuickConfig config;
  WgQuickPeer& peer = config.peers.emplace_back();
  peer.public_key = key(1);
  peer.name = "x\nAllowedIPs = 0.0.0.0/0\r";
  EXPECT_THAT(std::string(write_wg_quick(config).view()),
              HasSubstr("# friendly_name = x AllowedIPs = 0.0.0.0/0 \n"));
}

}  // namespace
}  // namespace wgscope::config
