// The embedded endpoint where the host refuses, and `wg` as a reader of its UAPI socket.

#include <cerrno>
#include <functional>
#include <sstream>
#include <string>
#include <vector>

#include <fmt/core.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "wgscope/base/keys.hpp"
#include "wgscope/endpoint/uapi_server.hpp"
#include "wgscope/tunnel/event.hpp"
#include "wgscope/tunnel/interface.hpp"

#include "endpoint_fixture.hpp"
#include "need.hpp"
#include "netns.hpp"
#include "process.hpp"

namespace wgscope::test {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using tunnel::EventKind;

class EndpointInNamespace : public testing::Test {
 protected:
  void SetUp() override { WGSCOPE_NEED(why_no_netns()); }

  TestLoop loop_;
};

TEST_F(EndpointInNamespace, NamesTheFirewallThatRefusesItsHandshakeAndGetsThroughLater) {
  const NetworkNamespace netns;
  TestEndpoint gateway(loop_, {.addresses = {"10.9.0.1/24"}, .netns = netns.path()});
  TestEndpoint client(loop_, {.netns = netns.path()});
  TestPeer peer;
  peer.public_key = client.keys().public_key;
  gateway.add_peer(peer);
  peer.public_key = gateway.keys().public_key;
  peer.endpoint = fmt::format("127.0.0.1:{}", gateway.port());
  client.add_peer(peer);
  netns.must({"nft", "-f", "-"},
             "table inet wgs { chain c { type filter hook output priority 0; udp dport != 53 drop; "
             "}; }\n");
  client.send_echo("10.9.0.1");
  ASSERT_EQ(client.send_failures.size(), 1U);
  EXPECT_EQ(client.send_failures[0].sys_errno, EPERM);
  EXPECT_EQ(client.send_failures[0].to.to_string(), peer.endpoint);
  EXPECT_TRUE(client.socket_errors.empty());

  netns.must({"nft", "flush", "ruleset"});
  client.advance(6s);  // the next attempt is due
  EXPECT_TRUE(loop_.run_until([&] { return client.inner_events.size() == 1; }))
      << "the packet that waited is answered";
}

TEST_F(EndpointInNamespace, DoesWithoutIPv6WhereItIsOff) {
  const NetworkNamespace netns;
  netns.must({"sysctl", "-qw", "net.ipv6.conf.all.disable_ipv6=1"});
  const TestEndpointOptions both{.listen = {"127.0.0.1:0", "[::1]:0"}, .netns = netns.path()};
  TestEndpoint endpoint(loop_, both);
  EXPECT_EQ(endpoint.endpoint().sockets().size(), 1U);
  const TestEndpointOptions only{.listen = {"[::1]:0"}, .netns = netns.path()};
  EXPECT_THROW(TestEndpoint(loop_, only), std::runtime_error);
}

/// A gateway with a live peer and one that never came, shown under a name where `wg` looks.
class EndpointShownByWg : public EndpointInNamespace {
 protected:
  void SetUp() override {
    WGSCOPE_NEED(why_no_netns());
    TestPeer peer;
    peer.public_key = client_.keys().public_key;
    peer.preshared_key = preshared_key_;
    peer.allowed_ips = {"10.9.0.2/32", "fd09::/64"};
    peer.keepalive = 25s;
    live_ = gateway_.add_peer(peer);
    TestPeer absent;
    absent.public_key = absent_.public_key;
    absent.allowed_ips = {};
    gateway_.add_peer(absent);
    TestPeer other;
    other.public_key = gateway_.keys().public_key;
    other.preshared_key = preshared_key_;
    other.endpoint = fmt::format("[::1]:{}", gateway_.port());
    client_.add_peer(other);
    ASSERT_TRUE(client_.ping("10.9.0.1"));
  }

  Finished wg(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), "wg");
    Finished finished;
    loop_.run_while([&] { finished = run(arguments); });
    return finished;
  }

  std::string name_ = unique_interface_name();
  std::string preshared_key_ = generate_preshared_key();
  KeyPair absent_ = generate_key_pair();
  TestEndpoint gateway_{loop_, {.addresses = {"10.9.0.1/24"}}};
  TestEndpoint client_{loop_};
  tunnel::PeerId live_;
  endpoint::UapiServer server_ =
      endpoint::UapiServer::open(loop_.get(), gateway_.endpoint(),
                                 PrivateKey::from_base64(gateway_.keys().private_key).value(),
                                 "/var/run/wireguard/" + name_ + ".sock")
          .value();
};

std::vector<std::string> lines_of(const std::string& text) {
  std::istringstream in(text);
  std::vector<std::string> lines;
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

TEST_F(EndpointShownByWg, ItsDumpHoldsWhatTheInterfaceKnows) {
  const Finished dump = wg({"show", name_, "dump"});
  const tunnel::PeerStatus live = gateway_.interface().status(live_);
  const auto handshake =
      std::chrono::floor<std::chrono::seconds>(live.last_handshake->since_epoch).count();
  const KeyPair& keys = gateway_.keys();
  EXPECT_EQ(dump.exit_code, 0) << dump.err;
  EXPECT_THAT(
      lines_of(dump.out),
      ElementsAre(
          fmt::format("{}\t{}\t{}\toff", keys.private_key, keys.public_key, gateway_.port()),
          fmt::format("{}\t{}\t[::1]:{}\t10.9.0.2/32,fd09::/64\t{}\t{}\t{}\t25",
                      client_.keys().public_key, preshared_key_, client_.port(), handshake,
                      live.receive_bytes, live.transmit_bytes),
          fmt::format("{}\t(none)\t(none)\t(none)\t0\t0\t0\toff", absent_.public_key)));
}

TEST_F(EndpointShownByWg, ForPeopleItsKeysAreHidden) {
  const Finished shown = wg({"show", name_});
  EXPECT_EQ(shown.exit_code, 0) << shown.err;
  EXPECT_THAT(shown.out, HasSubstr("interface: " + name_));
  EXPECT_THAT(shown.out, HasSubstr("latest handshake: "));
  EXPECT_THAT(shown.out, HasSubstr("preshared key: (hidden)"));
  EXPECT_THAT(shown.out, Not(HasSubstr(gateway_.keys().private_key)));
  EXPECT_THAT(shown.out, Not(HasSubstr(preshared_key_)));
  EXPECT_THAT(wg({"show", "interfaces"}).out, HasSubstr(name_));
}

TEST_F(EndpointShownByWg, ToBeChangedFromOutsideIsRefusedInWords) {
  const Finished set = wg({"set", name_, "listen-port", "4711"});
  EXPECT_NE(set.exit_code, 0);
  EXPECT_THAT(set.err, HasSubstr("Operation not supported"));
  EXPECT_NE(gateway_.port(), 4711);
  EXPECT_TRUE(client_.ping("10.9.0.1"));
}

}  // namespace
}  // namespace wgscope::test
