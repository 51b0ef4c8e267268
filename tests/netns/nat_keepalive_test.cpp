// The advised keepalives keep a mapping alive: real tunnels of wireguard-go on both sides of a NAT,
// with conntrack's timers, for three minutes. All wait at the same time.

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <future>
#include <map>
#include <memory>
#include <string>

#include <fmt/core.h>
#include <gtest/gtest.h>

#include "wgscope/path/keepalive.hpp"

#include "interop/diagnosis/place.hpp"
#include "interop/site.hpp"
#include "need.hpp"
#include "netns.hpp"
#include "process.hpp"
#include "wait.hpp"
#include "wireguard_go.hpp"

namespace wgscope::test {
namespace {

using namespace std::chrono_literals;
using std::chrono::seconds;
using std::chrono::steady_clock;

/// Chosen: as long as a person would watch. Each silence is as long as the keepalive lets it be.
constexpr seconds kWatched = 180s;
/// A gateway that got data answers with an empty packet, if nothing else goes there for so long
/// (KEEPALIVE_TIMEOUT, whitepaper §6.5): the silence begins with that.
constexpr seconds kPassive = 10s;
/// So long before the next keepalive the gateway sends.
constexpr std::chrono::milliseconds kBefore = 400ms;

struct Kept {
  std::size_t tried = 0;     ///< silences after which the gateway sent
  std::size_t lost = 0;      ///< packets of the gateway that did not arrive then
  bool opened_again = true;  ///< after each loss the next keepalive opened the flow
};

/// A tunnel that only its keepalives keep open.
class KeptTunnel {
 public:
  /// @param timers  of conntrack, for new flows and for streams.
  KeptTunnel(seconds new_flow, seconds stream, seconds keepalive) : keepalive_(keepalive) {
    place_.router.must(
        {"nft", "-f", "-"},
        fmt::format("table ip nat {{\n chain post {{\n  type nat hook postrouting priority 100\n  "
                    "oifname \"{}\" masquerade\n }}\n}}\n",
                    place_.far.left));
    place_.router.set("net/netfilter/nf_conntrack_udp_timeout", std::to_string(new_flow.count()));
    place_.router.set("net/netfilter/nf_conntrack_udp_timeout_stream",
                      std::to_string(stream.count()));
    // What a NAT hides is not to be reached by its own address.
    place_.theirs.ip("route del 10.1.0.0/24");
    const KeyPair keys = make_key_pair();
    place_.gateway.set_peer({.public_key = keys.public_key, .allowed_ips = "10.9.0.2/32"});
    client_.configure(
        fmt::format("[Interface]\nPrivateKey = {}\n[Peer]\nPublicKey = {}\nEndpoint = "
                    "10.2.0.1:51820\nAllowedIPs = 10.9.0.0/24\n"
                    "PersistentKeepalive = {}\n",
                    keys.private_key, place_.gateway.keys().public_key, keepalive.count()));
    client_.up("10.9.0.2/24");
  }

  Kept watch() {
    Kept kept;
    // Data both ways for more than two seconds make the flow a stream.
    if (!wait_until([&] { return arrives(); }, 20s, 1s)) return kept;
    for (int i = 0; i < 3; ++i) {
      pass(1100ms);
      static_cast<void>(arrives());
    }
    const auto end = steady_clock::now() + kWatched;
    while (steady_clock::now() < end) {
      pass(kPassive + keepalive_ - kBefore);
      ++kept.tried;
      if (arrives()) continue;
      ++kept.lost;
      kept.opened_again = kept.opened_again && wait_until([&] { return arrives(); }, 20s, 500ms);
    }
    return kept;
  }

 private:
  /// The silence itself is what is waited for.
  static void pass(std::chrono::milliseconds time) {
    static_cast<void>(wait_until([] { return false; }, time, 100ms));
  }
  /// Whether one packet that the gateway begins to send is answered through the tunnel.
  [[nodiscard]] bool arrives() const {
    return place_.theirs.exec({"ping", "-c1", "-W1", "10.9.0.2"}).exit_code == 0;
  }

  Place place_;
  WireguardGo client_{place_.ours};
  seconds keepalive_;
};

class NatKeepalive : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    if (why_no_real_interface()) return;
    const auto advised = [](seconds alive) { return *path::advise_keepalive(alive).set_to; };
    begin("linux", 30s, 120s, 25s);
    begin("24 with 25", 24s, 24s, 25s);
    begin("24 advised", 24s, 24s, advised(23s));
    begin("26 with 25", 26s, 26s, 25s);
    begin("18 advised", 18s, 18s, advised(17s));
    begin("6 advised", 6s, 6s, advised(5s));
  }
  static void TearDownTestSuite() { kept_.clear(); }
  void SetUp() override { WGSCOPE_NEED(why_no_real_interface()); }

  static Kept kept(const std::string& name) { return kept_.at(name).get(); }
  static void expect_kept(const std::string& name) {
    EXPECT_GE(kept(name).tried, 4U) << name;
    EXPECT_EQ(kept(name).lost, 0U) << name;
  }

 private:
  static void begin(const std::string& name, seconds new_flow, seconds stream, seconds keepalive) {
    kept_.emplace(name, std::async(std::launch::async, [=] {
                    return KeptTunnel(new_flow, stream, keepalive).watch();
                  }));
  }
  static inline std::map<std::string, std::shared_future<Kept>> kept_;
};

TEST_F(NatKeepalive, Of25SecondsKeepsAMappingBehindLinuxsOwnTimers) { expect_kept("linux"); }

TEST_F(NatKeepalive, ThatIsAdvisedKeepsAMapping) {
  expect_kept("24 advised");
  expect_kept("18 advised");
  expect_kept("6 advised");
}

TEST_F(NatKeepalive, ThatIsExactKeepsAMappingThatLivesASecondLonger) { expect_kept("26 with 25"); }

TEST_F(NatKeepalive, ThatIsTooLongLosesTheMappingUntilTheNextOneOpensItAgain) {
  // conntrack's timers end up to a second late, so that of 24 s lives for less than 25 s.
  const Kept lost = kept("24 with 25");
  EXPECT_GE(lost.tried, 3U);
  EXPECT_GE(lost.lost, 1U);
  EXPECT_TRUE(lost.opened_again);
}

}  // namespace
}  // namespace wgscope::test
