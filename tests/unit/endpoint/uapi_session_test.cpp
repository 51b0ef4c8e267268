#include "wgscope/endpoint/uapi_session.hpp"

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "wgscope/base/secret_string.hpp"
#include "wgscope/crypto/x25519.hpp"
#include "wgscope/model/device.hpp"
#include "wgscope/source/uapi/answer.hpp"
#include "wgscope/tunnel/interface.hpp"

#include "unit/inner/network.hpp"

namespace wgscope::endpoint {
namespace {

using std::chrono::seconds;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr Now kNow{Instant{seconds(1000)}, WallTime{seconds(1'700'000'000)}};

std::optional<UapiRequest> ask(std::string_view text) { return UapiRequestReader().feed(text); }

PrivateKey private_key(unsigned char number) {
  PrivateKey key;
  key.secret.bytes()[1] = std::byte{number};  // the first has bits that do not count
  key.secret.bytes()[31] = std::byte{0x40};
  return key;
}

PublicKey public_key(unsigned char number) {
  return PublicKey{crypto::derive_public_key(private_key(number).secret).value()};
}

TEST(UapiRequestReader, KnowsGetAndSet) {
  EXPECT_EQ(ask("get=1\n\n"), UapiRequest::get);
  EXPECT_EQ(ask("set=1\nprivate_key=00\nlisten_port=1\n\n"), UapiRequest::set);
  for (const char* other : {"\n", "get=2\n\n", "get=1 \n\n", "GET=1\n\n", "set=10\n\n", "x\n\n"})
    EXPECT_EQ(ask(other), UapiRequest::unknown) << other;
}

TEST(UapiRequestReader, WaitsForTheEmptyLine) {
  for (const char* part : {"", "g", "get=1", "get=1\n", "set=1\na=b\n", "set=1\na=b\nc"})
    EXPECT_EQ(ask(part), std::nullopt) << part;
}

TEST(UapiRequestReader, TakesARequestByteForByte) {
  UapiRequestReader reader;
  constexpr std::string_view kText = "get=1\n\n";
  for (std::size_t i = 0; i + 1 < kText.size(); ++i)
    EXPECT_EQ(reader.feed(kText.substr(i, 1)), std::nullopt);
  EXPECT_EQ(reader.feed(kText.substr(kText.size() - 1)), UapiRequest::get);
}

TEST(UapiRequestReader, GivesUpOnARequestWithoutEnd) {
  UapiRequestReader reader;
  const std::string line(4095, 'x');
  std::size_t fed = 0;
  while (!reader.feed(line + "\n")) ASSERT_LE(fed += 4096, UapiRequestReader::kMaxSize);
}

class UapiAnswerTest : public testing::Test {
 protected:
  UapiAnswerTest() : interface_(make()) {}

  tunnel::Interface make() {
    tunnel::InterfaceConfig config;
    config.private_key = private_key(1);
    return tunnel::Interface::create(std::move(config), random_).value();
  }

  std::string answer() {
    SecretString out;
    write_get_answer({.private_key = &key_, .listen_port = 51820}, interface_, out);
    return std::string(out.view());
  }

  /// What the project's own reader makes of it.
  Device read() {
    Device device;
    uapi::AnswerReader reader(device, kNow.wall);
    const std::string text = answer();
    EXPECT_EQ(reader.feed(text).value(), text.size());
    EXPECT_TRUE(reader.done());
    return device;
  }

  inner::testing::SeededRandom random_{1};
  PrivateKey key_ = private_key(1);
  tunnel::Interface interface_;
};

TEST_F(UapiAnswerTest, IsReadAsTheInterfaceItIs) {
  tunnel::PeerConfig peer;
  peer.public_key = public_key(2);
  peer.preshared_key.secret.bytes()[5] = std::byte{7};
  peer.allowed_ips = {Prefix::parse("10.0.0.0/24").value(), Prefix::parse("fd00::/64").value()};
  peer.endpoint = Endpoint::parse("[2001:db8::1]:5").value();
  peer.persistent_keepalive = seconds(25);
  ASSERT_TRUE(interface_.add_peer(kNow, std::move(peer)));
  tunnel::PeerConfig bare;
  bare.public_key = public_key(3);
  ASSERT_TRUE(interface_.add_peer(kNow, std::move(bare)));

  const Device device = read();
  EXPECT_EQ(device.public_key, public_key(1));
  EXPECT_EQ(device.listen_port, 51820);
  ASSERT_EQ(device.peers.size(), 2U);
  const Peer& first = device.peers[0];
  EXPECT_EQ(first.public_key, public_key(2));
  EXPECT_TRUE(first.has_preshared_key);
  EXPECT_EQ(first.endpoint, Endpoint::parse("[2001:db8::1]:5").value());
  EXPECT_EQ(first.persistent_keepalive_seconds, 25);
  EXPECT_EQ(first.allowed_ips_count, 2U);
  EXPECT_EQ(first.last_handshake, std::nullopt);
  const Peer& second = device.peers[1];
  EXPECT_FALSE(second.has_preshared_key || second.endpoint || second.allowed_ips_count != 0);
}

TEST_F(UapiAnswerTest, EndsAsTheProtocolSays) {
  EXPECT_TRUE(answer().ends_with("listen_port=51820\nerrno=0\n\n"));
  EXPECT_THAT(answer(), Not(HasSubstr("public_key=")));
}

}  // namespace
}  // namespace wgscope::endpoint
