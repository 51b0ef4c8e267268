#include "probe/commands/generate.hpp"

#include <algorithm>

#include <gtest/gtest.h>

#include "wgscope/crypto/random.hpp"
#include "wgscope/crypto/x25519.hpp"

namespace wgscope::probe {
namespace {

PublicKey public_key(const config::WgQuickConfig& config) {
  return PublicKey{crypto::derive_public_key(config.private_key.value().secret).value()};
}

TEST(GeneratePair, MakesTwoEndsThatKnowEachOther) {
  crypto::SystemRandom random;
  const auto pair = generate_pair(random).value();
  const auto& own = pair.own.peers.at(0);
  const auto& other = pair.other.peers.at(0);
  EXPECT_EQ(own.public_key, public_key(pair.other));
  EXPECT_EQ(other.public_key, public_key(pair.own));
  EXPECT_NE(own.public_key, other.public_key);
  ASSERT_TRUE(own.preshared_key && other.preshared_key);
  EXPECT_FALSE(own.preshared_key->is_none());
  EXPECT_TRUE(
      std::ranges::equal(own.preshared_key->secret.bytes(), other.preshared_key->secret.bytes()));
}

TEST(GeneratePair, MakesFilesThatCanBeRead) {
  crypto::SystemRandom random;
  const auto pair = generate_pair(random).value();
  for (const auto* config : {&pair.own, &pair.other}) {
    const SecretString written = config::write_wg_quick(*config);
    const auto read = config::parse_wg_quick(written.view());
    ASSERT_TRUE(read) << read.error().context;
    EXPECT_TRUE(read->warnings.empty());
    EXPECT_EQ(config::write_wg_quick(*read).view(), written.view());
  }
}

TEST(GeneratePair, MakesOtherKeysEachTime) {
  crypto::SystemRandom random;
  EXPECT_NE(public_key(generate_pair(random)->own), public_key(generate_pair(random)->own));
}

TEST(OwnAddress, IsAHostWithOrWithoutAPort) {
  const auto text = [](const char* given) {
    const auto own = parse_own_address(given);
    if (!own) return std::string("refused");
    return own->host + " " + (own->port ? std::to_string(*own->port) : "-");
  };
  EXPECT_EQ(text("gateway.example.net"), "gateway.example.net -");
  EXPECT_EQ(text("gateway.example.net:51820"), "gateway.example.net 51820");
  EXPECT_EQ(text("192.0.2.1"), "192.0.2.1 -");
  EXPECT_EQ(text("192.0.2.1:51820"), "192.0.2.1 51820");
  EXPECT_EQ(text("2001:db8::1"), "2001:db8::1 -");
  EXPECT_EQ(text("[2001:db8::1]"), "2001:db8::1 -");
  EXPECT_EQ(text("[2001:db8::1]:51820"), "2001:db8::1 51820");
  EXPECT_EQ(text("[host]:5"), "host 5") << "as wg takes it";
  for (const char* wrong : {"", "a host", "gateway.example.net ", "host:", "host:0", "host:65536",
                            "host:x", "a:b:5", "a\nb", "host:5:6"})
    EXPECT_EQ(text(wrong), "refused") << wrong;
}

}  // namespace
}  // namespace wgscope::probe
