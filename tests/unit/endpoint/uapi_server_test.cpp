#include "wgscope/endpoint/uapi_server.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <utility>
#include <vector>

#include <fmt/core.h>
#include <gtest/gtest.h>

#include "wgscope/base/keys.hpp"
#include "wgscope/model/device.hpp"
#include "wgscope/model/public_key.hpp"
#include "wgscope/model/snapshot.hpp"
#include "wgscope/os/clock.hpp"
#include "wgscope/os/unique_fd.hpp"
#include "wgscope/source/collect.hpp"
#include "wgscope/tunnel/interface.hpp"

#include "endpoint_fixture.hpp"
#include "temp_dir.hpp"

namespace wgscope::endpoint {
namespace {

using namespace std::chrono_literals;
using test::TestEndpoint;
using test::TestEndpointOptions;
using test::TestLoop;
using test::TestPeer;

constexpr std::string_view kGet = "get=1\n\n";
constexpr std::string_view kNotSupported = "errno=-95\n\n";
constexpr std::string_view kInvalid = "errno=-22\n\n";

/// One client's end, blocking; for a thread beside the loop.
class Client {
 public:
  explicit Client(const std::string& path) : socket_(socket(AF_UNIX, SOCK_STREAM, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::ranges::copy(path, address.sun_path);
    const timeval limit{.tv_sec = 30, .tv_usec = 0};
    setsockopt(socket_.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    setsockopt(socket_.get(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    if (connect(socket_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
      throw std::runtime_error("cannot connect to " + path);
  }

  /// @returns whether all was taken.
  bool send(std::string_view text) const {
    while (!text.empty()) {
      const ssize_t size = ::send(socket_.get(), text.data(), text.size(), MSG_NOSIGNAL);
      if (size <= 0) return false;
      text.remove_prefix(static_cast<std::size_t>(size));
    }
    return true;
  }
  /// Up to and with the empty line; less where the server hangs up.
  [[nodiscard]] std::string answer() const {
    std::string text;
    std::array<char, 1> one{};
    while (!text.ends_with("\n\n") && recv(socket_.get(), one.data(), 1, 0) == 1) text += one[0];
    return text;
  }
  [[nodiscard]] bool hung_up() const {
    char one = 0;
    return recv(socket_.get(), &one, 1, 0) == 0;
  }
  [[nodiscard]] std::string ask(std::string_view request) const {
    return send(request) ? answer() : "";
  }
  void finish() const { shutdown(socket_.get(), SHUT_WR); }

 private:
  os::UniqueFd socket_;
};

class UapiServers : public ::testing::Test {
 protected:
  UapiServers() {
    TestPeer peer;
    peer.public_key = client_.keys().public_key;
    peer.preshared_key = preshared_key_;
    peer.allowed_ips = {"10.9.0.2/32", "fd09::2/128"};
    peer.keepalive = 25s;
    gateway_.add_peer(peer);
    peer.public_key = absent_.public_key;
    peer.preshared_key.clear();
    peer.allowed_ips = {"10.9.0.3/32"};
    peer.keepalive = 0s;
    gateway_.add_peer(peer);
    peer.public_key = gateway_.keys().public_key;
    peer.preshared_key = preshared_key_;
    peer.allowed_ips = {"0.0.0.0/0"};
    peer.endpoint = fmt::format("127.0.0.1:{}", gateway_.port());
    client_.add_peer(peer);
  }

  UapiServer open() {
    return UapiServer::open(loop_.get(), gateway_.endpoint(),
                            PrivateKey::from_base64(gateway_.keys().private_key).value(), path())
        .value();
  }
  [[nodiscard]] std::string path() const { return (folder_ / "gw0.sock").string(); }
  /// Runs clients beside the loop.
  void clients(const std::function<void()>& work) { loop_.run_while(work); }
  [[nodiscard]] std::string asked(std::string_view request) const {
    return Client(path()).ask(request);
  }
  static void expect_whole(std::string_view answer) {
    EXPECT_TRUE(answer.starts_with("private_key=")) << answer.substr(0, 12);
    EXPECT_TRUE(answer.ends_with("\nerrno=0\n\n"));
  }

  test::TempDir folder_;
  TestLoop loop_;
  std::string preshared_key_ = test::generate_preshared_key();
  test::KeyPair absent_ = test::generate_key_pair();
  TestEndpoint gateway_{loop_, {.addresses = {"10.9.0.1/24"}}};
  TestEndpoint client_{loop_};
  UapiServer server_ = open();
};

/// As many as wait in the queue of the listener, and more.
TEST_F(UapiServers, AnswerBesideClientsThatConnectAndSayNothing) {
  clients([&] {
    const Instant first = os::boot_now();
    std::vector<Client> silent;
    for (int i = 0; i < 50; ++i) silent.emplace_back(path());
    const Instant start = os::boot_now();
    expect_whole(asked(kGet));
    EXPECT_LT(os::boot_now() - start, 3s) << "each 16 of them may cost others a tenth of a second";
    EXPECT_GE(os::boot_now() - first, 100ms)
        << "the first had a tenth of a second to say something";
  });
}

TEST_F(UapiServers, TellTheExportersReaderWhatTheInterfaceKnows) {
  ASSERT_TRUE(client_.ping("10.9.0.1"));
  Snapshot snapshot;
  clients([&] {
    source::SnapshotSource source({.kernel = false, .uapi_folder = folder_.path().string()});
    const Now now = os::now();
    source.collect(now, now.boot + 30s, snapshot);
  });
  ASSERT_EQ(snapshot.devices.size(), 1U);
  const Device& device = snapshot.devices[0];
  EXPECT_EQ(device.name, "gw0");
  EXPECT_EQ(device.public_key->base64(), gateway_.keys().public_key);
  EXPECT_EQ(device.listen_port, gateway_.port());
  ASSERT_EQ(device.peers.size(), 2U);
  for (const Peer& peer : device.peers) {
    const auto id = gateway_.interface().find_peer(peer.public_key);
    ASSERT_TRUE(id);
    const tunnel::PeerStatus status = gateway_.interface().status(*id);
    EXPECT_EQ(peer.has_preshared_key, status.has_preshared_key);
    EXPECT_EQ(peer.endpoint, status.endpoint);
    EXPECT_EQ(peer.last_handshake, status.last_handshake);
    EXPECT_EQ(peer.receive_bytes, status.receive_bytes);
    EXPECT_EQ(peer.transmit_bytes, status.transmit_bytes);
    EXPECT_EQ(peer.persistent_keepalive_seconds, status.persistent_keepalive.count());
    const auto prefixes = device.allowed_ips_of(peer);
    EXPECT_TRUE(std::ranges::equal(prefixes, status.allowed_ips));
    EXPECT_EQ(peer.last_handshake.has_value(),
              peer.public_key.base64() == client_.keys().public_key);
  }
}

TEST_F(UapiServers, AreOfUseToTheirOwnerOnly) {
  struct stat status{};
  ASSERT_EQ(stat(path().c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0600U);
}

TEST_F(UapiServers, AnswerSeveralRequestsOfOneConnection) {
  clients([&] {
    const Client client(path());
    for (int i = 0; i < 3; ++i) expect_whole(client.ask(kGet));
    EXPECT_EQ(client.ask("set=1\nlisten_port=1\n\n"), kNotSupported);
    EXPECT_EQ(client.ask("hello\n\n"), kInvalid);
    expect_whole(client.ask(kGet));
  });
}

TEST_F(UapiServers, AnswerRequestsThatDidNotWaitForEachOther) {
  clients([&] {
    const Client client(path());
    ASSERT_TRUE(client.send("get=1\n\nset=1\n\nget=1\n\nget=1"));
    expect_whole(client.answer());
    EXPECT_EQ(client.answer(), kNotSupported);
    expect_whole(client.answer());
    expect_whole(client.ask("\n\n"));
  });
}

TEST_F(UapiServers, AnswerAClientThatWritesNothingMore) {
  clients([&] {
    const Client client(path());
    ASSERT_TRUE(client.send(kGet));
    client.finish();
    expect_whole(client.answer());
    EXPECT_TRUE(client.hung_up());
  });
}

TEST_F(UapiServers, PutARequestTogetherFromSingleBytes) {
  clients([&] {
    const Client client(path());
    for (const char c : kGet) ASSERT_TRUE(client.send({&c, 1}));
    expect_whole(client.answer());
  });
}

TEST_F(UapiServers, ServeOthersWhileOneSendsNothingOrTooMuch) {
  clients([&] {
    const Client silent(path());
    const Client begun(path());
    ASSERT_TRUE(begun.send("get=1\n"));
    const Client endless(path());
    ASSERT_TRUE(endless.send(std::string(10 << 20, 'x')));
    EXPECT_EQ(endless.answer(), kInvalid);
    {
      const Client leaves_midway(path());
      EXPECT_TRUE(leaves_midway.send("get="));
    }
    {
      const Client leaves_unanswered(path());
      EXPECT_TRUE(leaves_unanswered.send(kGet));
    }
    expect_whole(asked(kGet));
    expect_whole(begun.ask("\n"));
  });
}

TEST_F(UapiServers, HangUpOnWhoeverSaysNothingForFiveSeconds) {
  clients([&] {
    const Instant before = os::boot_now();
    const Client silent(path());
    EXPECT_TRUE(silent.hung_up());
    EXPECT_GE(os::boot_now() - before, 4s) << "a client may think for a while";
  });
}

TEST_F(UapiServers, GiveALongAnswerAsFastAsItIsReadAndServeOthersMeanwhile) {
  constexpr std::size_t kPeers = 5000;  // a megabyte, more than a socket holds
  for (std::size_t i = 0; i < kPeers; ++i) {
    TestPeer peer;
    peer.public_key = test::generate_key_pair().public_key;
    peer.allowed_ips = {fmt::format("10.{}.{}.{}/32", 16 + i / 65536, i / 256 % 256, i % 256)};
    gateway_.add_peer(peer);
  }
  clients([&] {
    const Client slow(path());
    ASSERT_TRUE(slow.send(kGet));
    expect_whole(asked(kGet));
    const std::string answer = slow.answer();
    expect_whole(answer);
    std::size_t peers = 0;
    for (std::size_t at = 0; (at = answer.find("\npublic_key=", at)) != std::string::npos; ++at)
      ++peers;
    EXPECT_EQ(peers, kPeers + 2);
  });
}

TEST_F(UapiServers, TakeTheSocketWithThem) {
  {
    const UapiServer gone = std::move(server_);
  }
  struct stat status{};
  EXPECT_NE(stat(path().c_str(), &status), 0);
}

}  // namespace
}  // namespace wgscope::endpoint
