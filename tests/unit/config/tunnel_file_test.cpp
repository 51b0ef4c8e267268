#include "wgscope/config/tunnel_file.hpp"

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "wgscope/config/wg_quick.hpp"
#include "wgscope/model/public_key.hpp"

#include "keys.hpp"
#include "wg_quick_texts.hpp"

namespace wgscope::config {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

TunnelFileRead read(std::string_view pattern) { return read_wg_quick_file(text_of(pattern)); }

std::vector<std::string> errors_of(const TunnelFileRead& read) {
  std::vector<std::string> texts;
  for (const TunnelError& error : read.errors)
    texts.push_back(fmt::format("{}:{}: {}", error.at.line, error.at.column, error.text));
  return texts;
}

TEST(TunnelFile, KnowsThePlaceOfEachValue) {
  const TunnelFileRead file = read(
      "[Interface]\n"
      "  PrivateKey = {0}  # mine\n"
      "Address = 10.9.0.2/24,fd09::2/64\n"
      "Address=10.8.0.2\n"
      "MTU = 1420\n"
      "DNS = 10.9.0.1, example.net\n"
      "PostUp = echo %i # done\n"
      "[Peer]\n"
      "PublicKey = {1}\n"
      "AllowedIPs = 10.9. 0.0/24 , 192.0.2.7/24\n"
      "Endpoint = gw.example.net : 51820\n");
  EXPECT_THAT(file.errors, SizeIs(0));
  const TunnelFile& tunnel = file.tunnel;
  EXPECT_EQ(tunnel.private_key->at, (Spot{2, 16, 44}));
  ASSERT_THAT(tunnel.addresses, SizeIs(3));
  EXPECT_EQ(tunnel.addresses[0].at, (Spot{3, 11, 11}));
  EXPECT_EQ(tunnel.addresses[1].at, (Spot{3, 23, 10}));
  EXPECT_TRUE(tunnel.addresses[1].has_length);
  EXPECT_FALSE(tunnel.addresses[2].has_length);
  EXPECT_EQ(tunnel.mtu->at, (Spot{5, 7, 4}));
  ASSERT_THAT(tunnel.dns, SizeIs(2));
  EXPECT_EQ(tunnel.dns[1].at, (Spot{6, 17, 11}));
  ASSERT_THAT(tunnel.commands, SizeIs(1));
  EXPECT_EQ(tunnel.commands[0].at, (Spot{7, 10, 7}));
  EXPECT_EQ(tunnel.commands[0].key, "PostUp");
  EXPECT_TRUE(tunnel.commands[0].was_cut);
  ASSERT_THAT(tunnel.peers, SizeIs(1));
  const TunnelPeer& peer = tunnel.peers[0];
  EXPECT_EQ(peer.at, (Spot{8, 1, 6}));
  ASSERT_THAT(peer.allowed_ips, SizeIs(2));
  EXPECT_EQ(peer.allowed_ips[0].at, (Spot{10, 14, 12}));
  EXPECT_EQ(peer.allowed_ips[0].value.to_string(), "10.9.0.0/24");
  EXPECT_EQ(peer.allowed_ips[1].at, (Spot{10, 29, 12}));
  EXPECT_EQ(peer.allowed_ips[1].value.to_string(), "192.0.2.7/24");  // host bits are kept
  EXPECT_EQ(peer.endpoint->at, (Spot{11, 12, 22}));
}

TEST(TunnelFile, CountsCharactersAndNotBytes) {
  const TunnelFileRead file = read(
      "\xC2\xA0[Interface]\n"
      "[Interface]\nPostUp = echo \xC3\xA9\xC3\xA9; \xE2\x82\xAC\n");
  ASSERT_THAT(file.tunnel.commands, SizeIs(1));
  EXPECT_EQ(file.tunnel.commands[0].at, (Spot{3, 10, 10}));
}

TEST(TunnelFile, FindsEveryErrorAndKeepsTheRest) {
  const TunnelFileRead file = read(
      "junk\n"
      "[Interface]\n"
      "ListenPort = 70000\n"
      "MTU = 1420\n"
      "Endpoint = 192.0.2.1:51820\n"
      "[Peer]\n"
      "AllowedIPs = 10.9.0.0/24\n"
      "[Peer\n"
      "ignored\n"
      "[Peer]\n"
      "PublicKey = short\n"
      "[Peer]\n"
      "PublicKey = {1}\n"
      "AllowedIPs = 10.9.0.0/24, 10.9.0.0/40\n");
  EXPECT_THAT(errors_of(file), ElementsAre(HasSubstr("1:1: this line is before any section"),
                                           HasSubstr("3:14: ListenPort must be"),
                                           HasSubstr("5:1: Endpoint belongs under [Peer]"),
                                           HasSubstr("6:0: this [Peer] has no PublicKey"),
                                           HasSubstr("8:1: a section's name must end with ']'"),
                                           HasSubstr("11:13: PublicKey is"),
                                           HasSubstr("14:27: AllowedIPs must be")));
  EXPECT_EQ(file.error_count, 7U);
  EXPECT_EQ(file.tunnel.mtu->value, 1420);
  ASSERT_THAT(file.tunnel.peers, SizeIs(1));  // those without a key are gone
  EXPECT_THAT(file.tunnel.peers[0].allowed_ips, SizeIs(1));
}

TEST(TunnelFile, KeepsABoundedNumberOfErrors) {
  std::string text = "[Interface]\n";
  for (std::size_t i = 0; i < 2 * kMaxTunnelErrors; ++i) text += "MTU = 1\n";
  const TunnelFileRead file = read_wg_quick_file(text);
  EXPECT_THAT(file.errors, SizeIs(kMaxTunnelErrors));
  EXPECT_EQ(file.error_count, 2 * kMaxTunnelErrors);
}

TEST(TunnelFile, SaysThatAFileIsNotText) {
  EXPECT_THAT(errors_of(read_wg_quick_file(std::string_view("a\0b", 3))),
              ElementsAre(HasSubstr("0:0: line 1: this line has a byte of zero")));
  EXPECT_THAT(errors_of(read_wg_quick_file("")), ElementsAre(HasSubstr("0:0: there is no [Inter")));
}

TEST(TunnelFile, KeepsNoPublicKeyThatIsThePrivateOne) {
  const TunnelFileRead file =
      read("[Interface]\nPrivateKey = {0}\n[Peer]\nPublicKey = {0}\n[Peer]\nPublicKey = {1}\n");
  ASSERT_THAT(file.errors, SizeIs(1));
  EXPECT_EQ(file.errors[0].kind, TunnelErrorKind::key_exposed);
  EXPECT_EQ(file.errors[0].at.line, 4U);
  ASSERT_THAT(file.tunnel.peers, SizeIs(1));
  EXPECT_EQ(file.tunnel.peers[0].public_key.value.base64(), key_text(1));
}

TEST(TunnelFile, HasWarningsWithTheirColumns) {
  const TunnelFileRead file = read("[Peer]\nPublicKey = {1}\nAllowedIPs =\n  Frobnicate = 1\n");
  ASSERT_THAT(file.warnings, SizeIs(2));
  EXPECT_EQ(file.warnings[1].at.line, 4U);
  EXPECT_EQ(file.warnings[1].at.column, 3U);
  EXPECT_EQ(file.warnings[1].kind, WarningKind::not_known);
}

TEST(TunnelFile, NamesPeersAsTheOtherReaderDoes) {
  const TunnelFileRead file =
      read("[Peer]\n# Name = anna\nPublicKey = {1}\n[Peer]\n# Name = bert\nPublicKey = {2}\n");
  ASSERT_THAT(file.tunnel.peers, SizeIs(2));
  EXPECT_EQ(file.tunnel.peers[1].name, "bert");
}

}  // namespace
}  // namespace wgscope::config
