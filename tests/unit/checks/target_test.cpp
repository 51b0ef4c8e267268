#include "wgscope/checks/target.hpp"

#include <optional>
#include <string>

#include <fmt/core.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "wgscope/base/result.hpp"
#include "wgscope/config/wg_quick.hpp"
#include "wgscope/model/address.hpp"

#include "endpoint_fixture.hpp"

namespace wgscope::checks {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

const std::string kSecret = test::generate_key_pair().private_key;
const std::string kGateway = test::generate_key_pair().public_key;
const std::string kOther = test::generate_key_pair().public_key;

std::string interface(const std::string& more = "Address = 10.9.0.2/24\n") {
  return "[Interface]\nPrivateKey = " + kSecret + "\n" + more;
}
std::string peer(
    const std::string& key = kGateway,
    const std::string& more = "Endpoint = gw.example:51820\nAllowedIPs = 10.9.0.0/16\n") {
  return "[Peer]\nPublicKey = " + key + "\n" + more;
}
Result<Target> target(const std::string& text, const std::string& which = {}) {
  return make_target(config::parse_wg_quick(text).value(), which);
}
std::string refusal(const std::string& text, const std::string& which = {}) {
  const auto made = target(text, which);
  if (made) return "none";
  EXPECT_THAT(made.error().context, Not(HasSubstr(kSecret)));
  return made.error().context;
}

TEST(MakeTarget, TakesWhatTheFileSays) {
  const auto made =
      target(interface("Address = 10.9.0.2/24, fd09::2/64\nMTU = 1380\nFwMark = 0x2a\n"
                       "DNS = 10.9.0.53, corp.example\n") +
             peer());
  ASSERT_TRUE(made) << made.error().context;
  EXPECT_EQ(made->gateway.base64(), kGateway);
  EXPECT_EQ(made->endpoint.to_string(), "gw.example:51820");
  EXPECT_EQ(made->mtu, 1380);
  EXPECT_EQ(made->fwmark, 0x2aU);
  EXPECT_THAT(made->dns, ElementsAre(IpAddress::parse("10.9.0.53").value()));
  EXPECT_EQ(made->addresses.size(), 2U);
  EXPECT_TRUE(made->preshared_key.is_none());
}

TEST(MakeTarget, SaysWhatIsMissing) {
  EXPECT_THAT(refusal("[Interface]\nAddress = 10.9.0.2/24\n" + peer()), HasSubstr("PrivateKey"));
  EXPECT_THAT(refusal(interface("") + peer()), HasSubstr("Address"));
  EXPECT_THAT(refusal(interface()), HasSubstr("no [Peer]"));
  EXPECT_THAT(refusal(interface() + peer(kGateway, "")), HasSubstr("no Endpoint"));
}

TEST(MakeTarget, TakesOneOfSeveralPeersByKeyOrName) {
  const std::string two = interface() + peer() + "[Peer]\n# Name = oslo\nPublicKey = " + kOther +
                          "\nEndpoint = [2001:db8::1]:1\nAllowedIPs = 10.8.0.0/16\n";
  EXPECT_THAT(refusal(two), AllOf(HasSubstr("2 peers"), HasSubstr("--peer")));
  EXPECT_EQ(target(two, kGateway).value().endpoint.port, 51820);
  const auto named = target(two, "oslo");
  EXPECT_EQ(named.value().gateway.base64(), kOther);
  EXPECT_EQ(named.value().name, "oslo");
  EXPECT_THAT(refusal(two, "bergen"),
              HasSubstr("no peer has the name 'bergen'; the names are 'oslo'"));
  EXPECT_THAT(refusal(two, kSecret), HasSubstr("no peer")) << "and it is not repeated";
}

TEST(MakeTarget, ListsNoMoreNamesThanCanBeRead) {
  config::WgQuickConfig many;
  for (int i = 0; i < 11; ++i) many.peers.emplace_back().name = fmt::format("site-{}", i % 10);
  const auto chosen = choose_peer(many, "oslo");
  ASSERT_FALSE(chosen);
  EXPECT_THAT(chosen.error().context, HasSubstr("the names are 'site-0', 'site-1'"));
  EXPECT_THAT(chosen.error().context, HasSubstr("'site-7' and 2 more"));
}

TEST(MakeTarget, SaysWhyANameIsNobodys) {
  const std::string unclear = interface() + peer() + "# Name = beta\n" + peer(kOther, "");
  EXPECT_THAT(
      refusal(unclear, "beta"),
      AllOf(
          HasSubstr("no peer has the name 'beta'; no peer of the configuration has a name; line "),
          HasSubstr("could belong to the peer above or to the peer below")));
}

std::optional<std::string> guess(const std::string& addresses, const std::string& allowed,
                                 const std::string& more = "") {
  const auto made =
      target(interface("Address = " + addresses + "\n" + more) +
             peer(kGateway, "Endpoint = 192.0.2.1:1\nAllowedIPs = " + allowed + "\n"));
  const auto guessed = guess_inner_target(made.value());
  if (!guessed) return std::nullopt;
  return guessed->to_string();
}

TEST(GuessInnerTarget, IsAHostOfTheAllowedIpsOrTheNetworksFirst) {
  EXPECT_EQ(guess("10.9.0.2/24", "10.9.0.7/32, 10.8.0.0/16"), "10.9.0.7");
  EXPECT_EQ(guess("10.9.0.200/24", "0.0.0.0/0"), "10.9.0.1");
  EXPECT_EQ(guess("10.9.3.200/22", "10.9.0.0/16"), "10.9.0.1");
  EXPECT_EQ(guess("fd09::2/64", "fd09::/64"), "fd09::1");
}

TEST(GuessInnerTarget, IsFoundInWhatClientsUsuallyHave) {
  const std::string dns = "DNS = 10.8.0.53, 1.1.1.1\n";
  EXPECT_EQ(guess("10.9.0.2/32", "0.0.0.0/0", dns), "10.8.0.53");
  EXPECT_EQ(guess("10.9.0.2/32", "10.9.0.0/24", dns), "10.9.0.1") << "the servers are not inside";
  EXPECT_EQ(guess("10.9.0.2/32, fd09::2/128", "0.0.0.0/0, ::/0"), "10.9.0.1");
  EXPECT_EQ(guess("fd09::2/128", "::/0"), "fd09::1");
  EXPECT_EQ(guess("10.9.0.1/24", "10.9.0.0/24"), "10.9.0.2") << "the first is ourselves";
  EXPECT_EQ(guess("10.9.0.2/24", "10.7.0.0/24"), "10.7.0.1");
  EXPECT_EQ(guess("10.9.0.6/31", "10.9.0.6/31"), "10.9.0.7") << "RFC 3021";
  EXPECT_EQ(guess("fd09::7/127", "::/0"), "fd09::6") << "RFC 6164";
}

TEST(GuessInnerTarget, IsNothingThatNobodyCouldMean) {
  EXPECT_EQ(guess("10.9.0.2/32, fd09::2/128", "0.0.0.0, ::0"), std::nullopt) << "no hosts";
  EXPECT_EQ(guess("10.9.0.2/32", "fd09::1/128"), std::nullopt) << "we have no such address";
  EXPECT_EQ(guess("10.9.0.2/32", "10.9.0.2/32"), std::nullopt);
  EXPECT_EQ(guess("10.9.0.2/32", "0.0.0.0/32, 224.0.0.1/32"), std::nullopt) << "no hosts";
  EXPECT_EQ(guess("10.9.0.2/32", "0.0.0.0/5, 11.0.0.0/8"), std::nullopt) << "strangers";
}

TEST(IsAllowed, IsWhatThePeersPrefixesHave) {
  const auto made = target(interface() + peer());
  EXPECT_TRUE(is_allowed(made.value(), IpAddress::parse("10.9.255.1").value()));
  EXPECT_FALSE(is_allowed(made.value(), IpAddress::parse("10.10.0.1").value()));
  EXPECT_FALSE(is_allowed(made.value(), IpAddress::parse("::ffff:10.9.0.1").value()));
}

}  // namespace
}  // namespace wgscope::checks
