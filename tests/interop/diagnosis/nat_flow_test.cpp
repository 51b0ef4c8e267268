// How long a NAT remembers the tunnel's own flow, against a gateway of the other implementation on
// which nothing is installed: a router that translates, with conntrack's timers set to seconds.

#include "wgscope/checks/nat_flow.hpp"

#include <arpa/inet.h>
#include <chrono>
#include <cstdint>
#include <functional>
#include <future>
#include <map>
#include <memory>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <optional>
#include <stdexcept>
#include <string>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>
#include <utility>
#include <vector>

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
#include "wgscope/os/unique_fd.hpp"
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

/// A TCP service in a namespace that takes what comes and never reads on.
class TestService {
 public:
  enum class Kind : std::uint8_t {
    speaks_first,
    answers,   ///< says nothing before it was asked
    gives_up,  ///< its host stops sending after three seconds without an acknowledgement
  };
  TestService(const NetworkNamespace& netns, Kind kind) : kind_(kind) {
    inside(netns.path(), [this] {
      listener_ = os::UniqueFd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
      sockaddr_in address{};
      address.sin_family = AF_INET;
      address.sin_port = htons(kPort);
      if (bind(listener_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
          listen(listener_.get(), 16) != 0)
        throw std::runtime_error("no TCP service");
    });
    server_ = std::thread([this] { serve(); });
  }
  TestService(const TestService&) = delete;
  TestService& operator=(const TestService&) = delete;
  ~TestService() {
    shutdown(listener_.get(), SHUT_RDWR);
    server_.join();
  }
  static constexpr std::uint16_t kPort = 2222;

 private:
  void serve() {
    for (;;) {
      os::UniqueFd connection(accept(listener_.get(), nullptr, nullptr));
      if (connection.get() < 0) return;
      const unsigned limit = 3'000;
      if (kind_ == Kind::gives_up)
        static_cast<void>(
            setsockopt(connection.get(), IPPROTO_TCP, TCP_USER_TIMEOUT, &limit, sizeof limit));
      char request = 0;
      if (kind_ == Kind::answers) static_cast<void>(read(connection.get(), &request, 1));
      static_cast<void>(write(connection.get(), "here I am\r\n", 11));
      connections_.push_back(std::move(connection));
    }
  }

  Kind kind_;
  os::UniqueFd listener_;
  std::vector<os::UniqueFd> connections_;
  std::thread server_;
};

/// A place behind a NAT, with two probe peers.
class Behind {
 public:
  /// @param lifetime  of conntrack, seconds, for flows that are streams. The other kind's is
  /// shorter, and must not count.
  explicit Behind(int lifetime) {
    for (const ProbePeer* peer : {&ours_, &twin_})
      place.gateway.set_peer(
          {.public_key = peer->keys.public_key, .allowed_ips = peer->address + "/32"});
    place.theirs.set("net/ipv4/ip_forward", "1");
    // What a NAT hides is not to be reached by its own address either.
    place.theirs.ip("route del 10.1.0.0/24");
    inside(place.router.path(), [this] {
      must_run({"nft", "-f", "-"},
               {.env = {},
                .netns = {},
                .input = fmt::format("table ip nat {{ chain post {{ type nat hook postrouting "
                                     "priority 100; oifname \"{}\" masquerade; }}; }}\n",
                                     place.far.left)});
    });
    place.router.set("net/netfilter/nf_conntrack_udp_timeout", "2");
    place.router.set("net/netfilter/nf_conntrack_udp_timeout_stream", std::to_string(lifetime));
  }

  FlowFacts through_twin(const checks::NatFlowOptions& options) {
    const checks::Target ours = target_of(ours_);
    const checks::Target twin = target_of(twin_);
    FlowFacts facts;
    inside(place.ours.path(), [&] {
      auto run = must(checks::Run::open());
      const auto our_session = connect(run, ours, ours_.stamps);
      const auto twins_session = connect(run, twin, twin_.stamps);
      facts = checks::nat_flow(run, *our_session, *twins_session,
                               must(checks::twin_addresses(ours, twin)), options);
    });
    return facts;
  }

  FlowFacts through_tcp(const checks::NatFlowOptions& options) {
    const checks::Target ours = target_of(ours_);
    FlowFacts facts;
    inside(place.ours.path(), [&] {
      auto run = must(checks::Run::open());
      const auto session = connect(run, ours, ours_.stamps);
      facts = checks::nat_flow(
          run, *session,
          must(Endpoint::parse(fmt::format("{}:{}", Place::kInner, TestService::kPort))), options);
    });
    return facts;
  }

  Place place;

 private:
  [[nodiscard]] checks::Target target_of(const ProbePeer& peer) const {
    return must(checks::make_target(must(config::parse_wg_quick(
        fmt::format("[Interface]\nPrivateKey = {}\nAddress = {}/24\n"
                    "[Peer]\nPublicKey = {}\nEndpoint = 10.2.0.1:51820\n"
                    "AllowedIPs = 10.9.0.0/24\n",
                    peer.keys.private_key, peer.address, place.gateway.keys().public_key)))));
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

  ProbePeer ours_{.address = "10.9.0.2", .stamps = {}};
  ProbePeer twin_{.address = "10.9.0.3", .stamps = {}};
};

FlowFacts with_service(TestService::Kind kind, int lifetime,
                       const checks::NatFlowOptions& options) {
  Behind behind(lifetime);
  const TestService service(behind.place.theirs, kind);
  return behind.through_tcp(options);
}

FlowFacts without_forwarding() {
  Behind behind(5);
  behind.place.theirs.set("net/ipv4/ip_forward", "0");
  return behind.through_twin({.keepalive = 25s, .longest_silence = 60s});
}

/// Pauses of 6.4 and 12.8 s leave open what becomes of 10 s.
FlowFacts interval_in_a_gap() {
  Behind behind(8);
  behind.place.theirs.set("net/ipv4/ipfrag_time", "13");
  const TestService service(behind.place.theirs, TestService::Kind::speaks_first);
  return behind.through_tcp({.keepalive = 10s});
}

/// Silences take their time: all at once.
class NatFlow : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    if (why_no_real_interface()) return;
    using Kind = TestService::Kind;
    begin("twin", [] { return Behind(5).through_twin({.keepalive = 3s, .longest_silence = 8s}); });
    begin("twin_short",
          [] { return Behind(3).through_twin({.keepalive = 5s, .longest_silence = 6s}); });
    begin("twin_alone", without_forwarding);
    begin("twin_long", [] { return Behind(60).through_twin({.longest_silence = 17s}); });
    begin("tcp", [] { return with_service(Kind::speaks_first, 8, {.keepalive = 3s}); });
    begin("tcp_short", [] { return with_service(Kind::answers, 8, {.keepalive = 20s}); });
    begin("tcp_gap", interval_in_a_gap);
    begin("tcp_ends", [] { return with_service(Kind::gives_up, 60, {.keepalive = 5s}); });
    begin("tcp_none", [] { return Behind(5).through_tcp({.keepalive = 5s}); });
  }
  static void TearDownTestSuite() { measured_.clear(); }
  void SetUp() override { WGSCOPE_NEED(why_no_real_interface()); }

  static const FlowFacts& measured(const std::string& name) { return measured_.at(name).get(); }

  [[nodiscard]] static std::optional<FindingId> finding(const FlowFacts& facts) {
    for (const diagnosis::Check& check : diagnosis::diagnose(facts))
      if (check.finding) return check.finding->id;
    return std::nullopt;
  }

 private:
  static void begin(const std::string& name, const std::function<FlowFacts()>& scenario) {
    measured_.emplace(name, std::async(std::launch::async, scenario));
  }
  static inline std::map<std::string, std::shared_future<FlowFacts>> measured_;
};

/// conntrack's timers end within the second after they are over.
void expect_lifetime(const FlowFacts& facts, int lifetime) {
  ASSERT_TRUE(facts.found.alive_after && facts.found.gone_after);
  EXPECT_GE(*facts.found.alive_after, seconds(lifetime - 1));
  EXPECT_LE(*facts.found.alive_after, seconds(lifetime + 1));
  EXPECT_EQ(*facts.found.gone_after - *facts.found.alive_after, seconds(1));
}

TEST_F(NatFlow, TwinFindsTheLifetimeToASecondAndThatTheKeepaliveIsOftenEnough) {
  const FlowFacts& facts = measured("twin");
  expect_lifetime(facts, 5);
  EXPECT_EQ(facts.found.keepalive, KeepaliveVerdict::enough);
  EXPECT_GE(facts.found.trials, 3U);
  EXPECT_EQ(facts.found.broken_silences, 0U) << "the gateway was to be silent";
  EXPECT_EQ(finding(facts), std::nullopt);
}

TEST_F(NatFlow, TwinSeesThatTheKeepaliveIsTooLong) {
  const FlowFacts& facts = measured("twin_short");
  expect_lifetime(facts, 3);
  EXPECT_EQ(facts.found.keepalive, KeepaliveVerdict::not_enough);
  EXPECT_EQ(finding(facts), FindingId::keepalive_not_enough);
}

TEST_F(NatFlow, TwinThatIsNotForwardedToUsIsNamed) {
  const FlowFacts& facts = measured("twin_alone");
  EXPECT_EQ(facts.found.end, FlowEnd::no_service);
  EXPECT_EQ(finding(facts), FindingId::twin_not_forwarded);
}

// Handshakes of the gateway would come after 15 s, its keepalives after 10 s.
TEST_F(NatFlow, GatewayThatWasSilencedStaysSilent) {
  const FlowFacts& facts = measured("twin_long");
  EXPECT_EQ(facts.found.alive_after, 17s);
  EXPECT_EQ(facts.found.broken_silences, 0U);
  EXPECT_EQ(facts.found.end, FlowEnd::done);
}

/// The pauses of a TCP sender double, from a timeout that its kernel chooses by the round trip,
/// 200 ms on an idle machine and more on a busy one. So the longest within the lifetime is more
/// than half of it, and the next one less than twice as long; Linux' timers add an eighth at
/// most, and half a second is given for the way. conntrack's own timers end within the second
/// after they are over.
void expect_bracket(const FlowFacts& facts, int lifetime) {
  ASSERT_TRUE(facts.found.alive_after && facts.found.gone_after);
  const int longest_alive = lifetime + 1;
  EXPECT_GE(*facts.found.alive_after, seconds(lifetime / 2));
  EXPECT_LE(*facts.found.alive_after, seconds(longest_alive));
  EXPECT_GT(*facts.found.gone_after, seconds(lifetime));
  EXPECT_LE(*facts.found.gone_after, seconds(longest_alive * 2 * 9 / 8 + 1));
}

TEST_F(NatFlow, RetransmissionsBracketTheLifetime) {
  const FlowFacts& facts = measured("tcp");
  EXPECT_EQ(facts.found.end, FlowEnd::done);
  expect_bracket(facts, 8);
  EXPECT_EQ(facts.found.keepalive, KeepaliveVerdict::enough);
  EXPECT_EQ(facts.found.broken_silences, 0U) << "the gateway was to be silent";
  EXPECT_EQ(finding(facts), std::nullopt);
}

TEST_F(NatFlow, RetransmissionsOfWhatWasAskedForShowAKeepaliveThatIsTooLong) {
  const FlowFacts& facts = measured("tcp_short");
  EXPECT_EQ(facts.found.keepalive, KeepaliveVerdict::not_enough);
  expect_bracket(facts, 8);
  EXPECT_EQ(finding(facts), FindingId::keepalive_not_enough);
}

/// The host reports packets that it gives up after 13 s, so that a silence just below 10 s is tried.
TEST_F(NatFlow, ReassemblyErrorsTellOfAnIntervalBetweenTwoPauses) {
  const FlowFacts& facts = measured("tcp_gap");
  EXPECT_EQ(facts.found.end, FlowEnd::done);
  EXPECT_EQ(facts.found.keepalive, KeepaliveVerdict::not_enough);
  EXPECT_LE(facts.found.gone_after, 10s);
  EXPECT_EQ(finding(facts), FindingId::keepalive_not_enough);
}

TEST_F(NatFlow, AServiceThatStopsSendingIsNotTakenForAFlowThatIsForgotten) {
  const FlowFacts& facts = measured("tcp_ends");
  EXPECT_EQ(facts.found.end, FlowEnd::service_ended);
  EXPECT_EQ(facts.found.gone_after, std::nullopt);
  EXPECT_NE(facts.found.keepalive, KeepaliveVerdict::not_enough);
}

TEST_F(NatFlow, APortThatRefusesIsNamed) {
  const FlowFacts& facts = measured("tcp_none");
  EXPECT_EQ(facts.fault, diagnosis::ServiceFault::refused);
  EXPECT_EQ(finding(facts), FindingId::service_unsuitable);
}

}  // namespace
}  // namespace wgscope::test
