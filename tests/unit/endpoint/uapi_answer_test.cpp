#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "wgscope/base/secret_string.hpp"
#include "wgscope/crypto/x25519.hpp"
#include "wgscope/endpoint/uapi_session.hpp"
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

PrivateKey private_key(unsigned char number) {
  PrivateKey key;
  key.secret.bytes()[1] = std::byte{number};  // the first has bits that do not count
  key.secret.bytes()[31] = std::byte{0x40};
  return key;
}

PublicKey public_key(unsigned char number) {
  return PublicKey{crypto::derive_public_key(private_key(number).secret).value()};
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
