#include <cstddef>
#include <cstdint>
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

using namespace std::string_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::Pair;
using ::testing::StartsWith;
using ::testing::UnorderedElementsAre;

// What must never leave the file, in whatever way it is broken.
constexpr std::string_view kSecret = "kPrivateKeyThatMustNotLeakAAAAAAAAAAAAAAAAAA=";

PeerNames names_in(std::string_view text) {
  auto names = parse_wg_quick_names(text);
  EXPECT_TRUE(names) << names.error().context;
  return names ? names->names : PeerNames();
}

std::string error_of(std::string_view text) {
  const auto names = parse_wg_quick_names(text);
  EXPECT_FALSE(names) << names->names.size() << " names";
  if (names) return "";
  EXPECT_EQ(names.error().code, Errc::bad_value);
  return names.error().context;
}

/// "3: text" for each warning.
std::vector<std::string> warnings_of(std::string_view text) {
  std::vector<std::string> texts;
  const auto found = parse_wg_quick_names(text);
  EXPECT_TRUE(found) << found.error().context;
  if (!found) return texts;
  for (const Warning& warning : found->warnings)
    texts.push_back(fmt::format("{}: {}", warning.line, warning.text));
  return texts;
}

TEST(WgQuickNames, AreReadFromBothFormsOfComment) {
  const std::string text = fmt::format(R"([Interface]
PrivateKey = {}
ListenPort = 51820

[Peer]
# friendly_name = ann's laptop
PublicKey = {}
AllowedIPs = 10.0.0.2/32

[Peer]
# Name = gateway = east
PublicKey = {}
)",
                                       kSecret, key_text(1), key_text(2));
  EXPECT_THAT(names_in(text),
              UnorderedElementsAre(Pair(key(1), "ann's laptop"), Pair(key(2), "gateway = east")));
}

TEST(WgQuickNames, MayStandBehindTheKeyAndAtTheEndOfTheFile) {
  EXPECT_THAT(names_in("[Peer]\nPublicKey=" + key_text(1) + "\n#Name=last"),
              ElementsAre(Pair(key(1), "last")));
}

TEST(WgQuickNames, AreFoundInAnyCaseAndSpacing) {
  const std::string text = fmt::format(
      "  [PEER]\t\n\t#\tFRIENDLY_NAME\t=\t a b \t\n publickey={}\n[peer]\n#name=c\nPUBLICKEY   =   "
      "{}   \n",
      key_text(1), key_text(2));
  EXPECT_THAT(names_in(text), UnorderedElementsAre(Pair(key(1), "a b"), Pair(key(2), "c")));
}

TEST(WgQuickNames, AreReadFromFilesOfOtherSystems) {
  const std::string text =
      "\xEF\xBB\xBF[Peer]\r\n# Name = windows\r\nPublicKey = " + key_text(1) + "\r\n";
  EXPECT_THAT(names_in(text), ElementsAre(Pair(key(1), "windows")));
}

TEST(WgQuickNames, IgnoreCommentsOfTheFileAndOfTheInterface) {
  const std::string text = fmt::format(
      "# Name = the file\n[Interface]\n# friendly_name = the interface\nPrivateKey = "
      "{}\n[Peer]\nPublicKey = {}\n",
      kSecret, key_text(1));
  EXPECT_THAT(names_in(text), IsEmpty());
  EXPECT_THAT(warnings_of(text), IsEmpty());
}

TEST(WgQuickNames, DoNotGoOverToTheNextPeer) {
  const std::string text = fmt::format(
      "[Peer]\n# Name = one\nPublicKey = {}\n[Peer]\nPublicKey = {}\n", key_text(1), key_text(2));
  EXPECT_THAT(names_in(text), ElementsAre(Pair(key(1), "one")));
}

/// As docs/names.md says.
TEST(WgQuickNames, AboveEachPeerAreUnclearWithoutAnyEmptyLineAndClearWithOne) {
  const std::string interface = "[Interface]\nPrivateKey = " + std::string(kSecret) + "\n";
  const std::string peers =
      fmt::format("# Name = alpha\n[Peer]\nPublicKey = {}\n# Name = beta\n[Peer]\nPublicKey = {}\n",
                  key_text(1), key_text(2));
  EXPECT_THAT(names_in(interface + peers), IsEmpty());
  EXPECT_THAT(warnings_of(interface + peers),
              ElementsAre(HasSubstr("could belong to the peer above or to the peer below")));
  const auto both = UnorderedElementsAre(Pair(key(1), "alpha"), Pair(key(2), "beta"));
  EXPECT_THAT(names_in(interface + "\n" + peers), both);
  EXPECT_THAT(warnings_of(interface + "\n" + peers), IsEmpty());
  EXPECT_THAT(names_in(peers), both) << "the first line of a file is as if it stood below one";
}

TEST(WgQuickNames, IgnoreOtherComments) {
  const std::string text = fmt::format(
      "[Peer]\n#\n##\n# a note\n# Names = x\n# Name\n# Name =\n# friendly name = x\n## Name = "
      "x\nPublicKey = {}\n",
      key_text(1));
  EXPECT_THAT(names_in(text), IsEmpty());
}

TEST(WgQuickNames, ReadKeysInFrontOfInlineComments) {
  const std::string text = fmt::format(
      "[Peer] # Name = no\n# Name = one # of two\nPublicKey = {}# Name = no\n", key_text(1));
  EXPECT_THAT(names_in(text), ElementsAre(Pair(key(1), "one # of two")));
}

TEST(WgQuickNames, AreKeptAsTheyAreWhateverBytesTheyHold) {
  const std::string text =
      "[Peer]\n# Name = \"q\" \\ \xff\xc3 caf\xc3\xa9\nPublicKey = " + key_text(1) + "\n";
  EXPECT_THAT(names_in(text), ElementsAre(Pair(key(1), "\"q\" \\ \xff\xc3 caf\xc3\xa9")));
}

TEST(WgQuickNames, AreWhatIsMeantForToolsBeforeWhatIsNot) {
  const std::string text = fmt::format(
      "# Client: generated (12)\n[Peer]\n# Name = a\n# friendly_name = b\nPublicKey = {}\n",
      key_text(1));
  EXPECT_THAT(names_in(text), ElementsAre(Pair(key(1), "b")));
  EXPECT_THAT(warnings_of(text), IsEmpty());
}

TEST(WgQuickNames, AreNoneWhereSeveralAreGiven) {
  const std::string two_names =
      fmt::format("[Peer]\n# Name = a\n# Name = b\nPublicKey = {}\n", key_text(1));
  EXPECT_THAT(names_in(two_names), IsEmpty());
  EXPECT_THAT(
      warnings_of(two_names),
      ElementsAre(
          "3: the peer of the name in line 3 has another name already, so it has neither: keep "
          "one"));
  const std::string two_peers = fmt::format(
      "[Peer]\n# Name = a\nPublicKey = {0}\n[Peer]\n# Name = b\nPublicKey = {0}\n", key_text(1));
  EXPECT_THAT(names_in(two_peers), IsEmpty());
  EXPECT_THAT(warnings_of(two_peers),
              ElementsAre("4: a key is given twice with different names, so it has neither"));
}

TEST(WgQuickNames, AreNoneInASectionWithTwoKeys) {
  const std::string text = fmt::format(
      "[Peer]\n# Name = a\nPublicKey = {}\nPublicKey = {}\n[Peer]\n# Name = "
      "c\nPublicKey = {}\n",
      key_text(1), key_text(2), key_text(3));
  EXPECT_THAT(names_in(text), ElementsAre(Pair(key(3), "c")));
  EXPECT_THAT(warnings_of(text),
              ElementsAre("4: this section has another PublicKey already, so neither has a name: "
                          "most likely a [Peer] is missing above"));
}

TEST(WgQuickNames, AreNoneInAFileWithoutPeersOrNames) {
  EXPECT_THAT(names_in("[Interface]\n"), IsEmpty());
  EXPECT_THAT(names_in("[Peer]\n"), IsEmpty());
  EXPECT_THAT(names_in("[Peer]\nPublicKey = " + key_text(1)), IsEmpty());
  EXPECT_THAT(names_in("[Interface]\n[Unknown]\n# Name = x\nKey\n=\n[\n]\n"), IsEmpty());
}

TEST(WgQuickNames, RefuseAFileWithoutAnySection) {
  for (const std::string& text : {std::string(), std::string("\n\n"), std::string("\xEF\xBB\xBF"),
                                  "# Name = x\nPublicKey = " + key_text(1),
                                  std::string("[Network]\nName = x\n"), std::string("[Interfac")})
    EXPECT_THAT(error_of(text), HasSubstr("no [Interface] or [Peer] section")) << text;
  EXPECT_THAT(error_of("\xFF\xFE[\0P\0e\0e\0r\0]\0"s), HasSubstr("UTF-16"));
  EXPECT_THAT(error_of(std::string("[Peer]\n\0", 8)), HasSubstr("line 2: "));
}

TEST(WgQuickNames, TakeTheOthersWhereOneKeyIsBadOrMissing) {
  const std::string text = fmt::format(
      "[Peer]\n# Name = a\nPublicKey = short\n[Peer]\n# Name = b\n[Peer]\n# Name = "
      "c\nPublicKey = {}\n",
      key_text(1));
  EXPECT_THAT(names_in(text), ElementsAre(Pair(key(1), "c")));
  EXPECT_THAT(warnings_of(text),
              ElementsAre("3: PublicKey is not a base64 key of 44 characters (5 given)",
                          "4: this [Peer] has a name but no PublicKey"));
}

TEST(WgQuickNames, RefuseANamedPeerWithoutKeyWithItsLine) {
  EXPECT_THAT(error_of("[Interface]\n\n[Peer]\n# Name = x\nAllowedIPs = 10.0.0.0/8\n"),
              StartsWith("line 3: "));
  EXPECT_THAT(error_of("[Peer]\n# Name = x\n\n[Peer]\nPublicKey = " + key_text(1)),
              StartsWith("line 1: "));
}

TEST(WgQuickNames, RefuseAMalformedKeyWithItsLineAndWithoutItsText) {
  const std::string good = key_text(1);
  for (const std::string& bad :
       {std::string("short"), good.substr(1), good + "A", std::string(44, '!'),
        "B" + good.substr(0, 42) + "B", std::string(kSecret).substr(0, 43), std::string()}) {
    const std::string error =
        error_of("[Interface]\n[Peer]\nPublicKey = " + bad + "\n# Name = x\n");
    EXPECT_THAT(error, StartsWith("line 3: PublicKey is not a base64 key of 44 characters")) << bad;
    if (!bad.empty()) {
      EXPECT_THAT(error, Not(HasSubstr(bad)));
    }
  }
}

TEST(WgQuickNames, CountLinesWithEitherEnding) {
  EXPECT_THAT(error_of("[Peer]\r\n\r\n# c\r\nPublicKey = x\r\n"), StartsWith("line 4: "));
  EXPECT_THAT(error_of("\n\n\n\n[Peer]\nPublicKey = x"), StartsWith("line 6: "));
}

TEST(WgQuickNames, NeverRepeatAPrivateKeyWhereverItStands) {
  for (const char* text : {
           "[Peer]\nPublicKey = {}x\n",
           "[Peer]\nPublicKey = {}{}\n",
           "[Peer]\n# Name = {}\n",
           "[Interface]\nPrivateKey = {}\n[Peer]\n# Name = x\n",
           "PrivateKey = {}\n",
           "[{}]\n",
           "[Peer]\n# Name = x\n{}\n[Peer]\n",
           "[Peer]\n# Name = x\nPresharedKey = {}\n",
       }) {
    const std::string error = error_of(fmt::format(fmt::runtime(text), kSecret, kSecret));
    EXPECT_THAT(error, Not(HasSubstr("kPrivateKey"))) << text;
    EXPECT_THAT(error, Not(HasSubstr("MustNotLeak"))) << text;
  }
}

TEST(WgQuickNames, DoNotKeepPrivateAndPresharedKeys) {
  const std::string text = fmt::format(
      "[Interface]\nPrivateKey = {0}\n[Peer]\nPresharedKey = {0}\n# Name = x\nPublicKey = {1}\n# "
      "PrivateKey = {0}\n",
      kSecret, key_text(1));
  EXPECT_THAT(names_in(text), ElementsAre(Pair(key(1), "x")));
}

TEST(WgQuickNames, AreReadFromATruncatedFileOrRefusedAtEveryByte) {
  const std::string whole = fmt::format(
      "\xEF\xBB\xBF[Interface]\r\nPrivateKey = {}\r\n[Peer]\n# Name = x\nPublicKey = "
      "{}\n[Peer]\nPublicKey = {} # c\n"
      "#Name=y",
      kSecret, key_text(1), key_text(2));
  for (std::size_t size = 0; size <= whole.size(); ++size) {
    const auto names = parse_wg_quick_names(std::string_view(whole).substr(0, size));
    if (names)
      EXPECT_LE(names->names.size(), 2U);
    else
      EXPECT_THAT(names.error().context, Not(HasSubstr("kPrivateKey"))) << size;
  }
}

TEST(WgQuickNames, AreReadFromLargeFilesInOnePass) {
  constexpr std::uint32_t kPeers = 50'000;
  std::string text = "[Interface]\n";
  for (std::uint32_t i = 0; i < kPeers; ++i)
    text += fmt::format("[Peer]\n# Name = peer {}\nPublicKey = {}\nAllowedIPs = 10.0.0.1/32\n\n", i,
                        key_text(i));
  const PeerNames names = names_in(text);
  EXPECT_EQ(names.size(), kPeers);
  EXPECT_EQ(names.at(key(kPeers - 1)), fmt::format("peer {}", kPeers - 1));
}

TEST(WgQuickNames, AreReadFromOneEndlessLine) {
  EXPECT_THAT(error_of(std::string(10U << 20U, '=')), HasSubstr("section"));
  EXPECT_THAT(error_of("[Peer]\nPublicKey = " + std::string(10U << 20U, 'A')),
              HasSubstr("10485760 given"));
}

}  // namespace
}  // namespace wgscope::config
