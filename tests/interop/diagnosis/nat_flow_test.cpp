// How long a NAT remembers the tunnel's own flow, against a gateway of the other implementation on
// which nothing is installed: a router that translates, with conntrack's timers set to seconds.

#include "wgscope/checks/nat_flow.hpp"

#include <chrono>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>

#include <fmt/core.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "wgscope/base/result.hpp"
#include "wgscope/checks/run.hpp"
#include "wgscope/checks/session.hpp"
#include "wgscope/checks/stamps.hpp"
#include "wgscope/checks/target.hpp"
#include "wgscope/config/wg_quick.hpp"
#include "wgscope/diagnosis/finding.hpp"
#include "wgscope/diagnosis/nat_flow.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/os/clock.hpp"
#include "wgscope/path/flow_lifetime.hpp"

#include "need.hpp"
#include "place.hpp"

namespace wgscope::test {
namespace {

using namespace std::chrono_literals;
using diagnosis::FindingId;
using diagnosis::FlowFacts;
using path::FlowEnd;
using path::KeepaliveVerdict;
using std::chrono::seconds;

template <class T>
T must(Result<T> result) {
  if (!result) throw std::runtime_error(result.error().context);
  return std::move(*result);
}

/// One probe peer.
struct ProbePeer {
  KeyPair keys = generate_key_pair();
  std::string address;
  checks::Stamps stamps;
};

class NatFlow : public testing::Test {
 protected:
  void SetUp() override {
    WGSCOPE_NEED(why_no_real_interface());
    place_.emplace();
    for (const ProbePeer* peer : {&ours_, &twin_})
      place_->gateway.set_peer(
          {.public_key = peer->keys.public_key, .allowed_ips = peer->address + "/32"});
    place_->theirs.set("net/ipv4/ip_forward", "1");
    // What a NAT hides is not to be reached by its own address either.
    place_->theirs.ip("route del 10.1.0.0/24");
    inside(place_->router.path(), [&] {
      must_run({"nft", "-f", "-"},
               {.env = {},
                .netns = {},
                .input = fmt::format("table ip nat {{ chain post {{ type nat hook postrouting "
                                     "priority 100; oifname \"{}\" masquerade; }}; }}\n",
                                     place_->far.left)});
    });
  }

  /// Of conntrack, for flows that are streams. The other kind's is shorter, and must not count.
  void remember_for(int lifetime) {
    place_->router.set("net/netfilter/nf_conntrack_udp_timeout", "2");
    place_->router.set("net/netfilter/nf_conntrack_udp_timeout_stream", std::to_string(lifetime));
  }

  [[nodiscard]] checks::Target target_of(const ProbePeer& peer) const {
    return must(checks::make_target(must(config::parse_wg_quick(
        fmt::format("[Interface]\nPrivateKey = {}\nAddress = {}/24\n"
                    "[Peer]\nPublicKey = {}\nEndpoint = 10.2.0.1:51820\n"
                    "AllowedIPs = 10.9.0.0/24\n",
                    peer.keys.private_key, peer.address, place_->gateway.keys().public_key)))));
  }

  static std::unique_ptr<checks::Session> connect(checks::Run& run, const checks::Target& target,
                                                  checks::Stamps& stamps) {
    auto session =
        must(checks::Session::open(run, target, must(Endpoint::parse("10.2.0.1:51820")), stamps));
    session->initiate();
    if (!run.wait([&] { return session->established(); }, os::boot_now() + kLongEnough))
      throw std::runtime_error("no handshake");
    session->send_keepalive();
    return session;
  }

  FlowFacts through_twin(const checks::NatFlowOptions& options) {
    const checks::Target ours = target_of(ours_);
    const checks::Target twin = target_of(twin_);
    FlowFacts facts;
    inside(place_->ours.path(), [&] {
      auto run = must(checks::Run::open());
      const auto our_session = connect(run, ours, ours_.stamps);
      const auto twins_session = connect(run, twin, twin_.stamps);
      const Instant begun = os::boot_now();
      facts = checks::nat_flow(run, *our_session, *twins_session,
                               must(checks::twin_way(ours, twin)), options);
      took_ = os::boot_now() - begun;
    });
    return facts;
  }

  [[nodiscard]] static std::optional<FindingId> finding(const FlowFacts& facts) {
    for (const diagnosis::Check& check : diagnosis::diagnose(facts))
      if (check.finding) return check.finding->id;
    return std::nullopt;
  }

  ProbePeer ours_{.address = "10.9.0.2", .stamps = {}};
  ProbePeer twin_{.address = "10.9.0.3", .stamps = {}};
  std::optional<Place> place_;
  Nanoseconds took_{};
};

// conntrack's timers end within the second after they are over.
#define EXPECT_LIFETIME(facts, lifetime)                                           \
  do {                                                                             \
    ASSERT_TRUE((facts).found.alive_after && (facts).found.gone_after);            \
    EXPECT_GE(*(facts).found.alive_after, seconds((lifetime) - 1));                \
    EXPECT_LE(*(facts).found.alive_after, seconds((lifetime) + 1));                \
    EXPECT_EQ(*(facts).found.gone_after - *(facts).found.alive_after, seconds(1)); \
  } while (false)

TEST_F(NatFlow, TwinFindsTheLifetimeToASecondAndThatTheKeepaliveIsTight) {
  remember_for(5);
  const FlowFacts facts = through_twin({.keepalive = 3s, .longest = 8s});
  EXPECT_LIFETIME(facts, 5);
  EXPECT_EQ(facts.found.keepalive, KeepaliveVerdict::enough);
  EXPECT_GE(facts.found.trials, 3U);
  EXPECT_EQ(facts.found.broken, 0U) << "the gateway was to be silent";
  EXPECT_EQ(finding(facts), FindingId::keepalive_tight);
}

TEST_F(NatFlow, TwinSeesThatTheKeepaliveIsTooLong) {
  remember_for(3);
  const FlowFacts facts = through_twin({.keepalive = 5s, .longest = 6s});
  EXPECT_LIFETIME(facts, 3);
  EXPECT_EQ(facts.found.keepalive, KeepaliveVerdict::not_enough);
  EXPECT_EQ(finding(facts), FindingId::keepalive_not_enough);
}

TEST_F(NatFlow, TwinThatIsNotForwardedToUsIsNamed) {
  place_->theirs.set("net/ipv4/ip_forward", "0");
  const FlowFacts facts = through_twin({.keepalive = 25s, .longest = 60s});
  EXPECT_EQ(facts.found.end, FlowEnd::no_service);
  EXPECT_EQ(finding(facts), FindingId::twin_not_forwarded);
}

TEST_F(NatFlow, GatewayIsSilentForLongerThanItsTimersOnceItWasSilenced) {
  remember_for(60);
  const FlowFacts facts = through_twin({.longest = 17s});  // handshakes would come after 15 s
  EXPECT_EQ(facts.found.alive_after, 17s);
  EXPECT_EQ(facts.found.broken, 0U);
  EXPECT_EQ(facts.found.end, FlowEnd::done);
}

}  // namespace
}  // namespace wgscope::test
