#include "behind_nat.hpp"

#include <atomic>
#include <chrono>
#include <cstddef>
#include <memory>
#include <regex>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>

#include <fmt/core.h>

#include "wgscope/base/result.hpp"
#include "wgscope/checks/nat.hpp"
#include "wgscope/checks/nat_flow.hpp"
#include "wgscope/checks/run.hpp"
#include "wgscope/checks/session.hpp"
#include "wgscope/checks/stamps.hpp"
#include "wgscope/checks/target.hpp"
#include "wgscope/config/wg_quick.hpp"
#include "wgscope/diagnosis/nat.hpp"
#include "wgscope/diagnosis/nat_flow.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/os/clock.hpp"

#include "endpoint_fixture.hpp"
#include "netns.hpp"
#include "place.hpp"
#include "process.hpp"
#include "test_service.hpp"

namespace wgscope::test {
namespace {

using std::chrono::seconds;

template <class T>
T must(Result<T> result) {
  if (!result) throw std::runtime_error(result.error().context);
  return std::move(*result);
}

constexpr const char* kStunServer = "10.2.0.1:3478";

/// An endpoint of ours that answers STUN, on a thread of its own.
class StunServer {
 public:
  explicit StunServer(const NetworkNamespace& netns)
      : server_(loop_, {.listen = {kStunServer}, .stun = true, .netns = netns.path()}),
        thread_([this] {
          static_cast<void>(loop_.run_until([this] { return stop_.load(); }, kLongest));
        }) {}
  StunServer(const StunServer&) = delete;
  StunServer& operator=(const StunServer&) = delete;
  ~StunServer() {
    stop_ = true;
    loop_.wake();
    thread_.join();
  }

 private:
  static constexpr std::chrono::minutes kLongest{30};
  TestLoop loop_;
  TestEndpoint server_;
  std::atomic<bool> stop_ = false;
  std::thread thread_;
};

}  // namespace

BehindNat::BehindNat(seconds new_flow, seconds stream) {
  for (const ProbePeer* peer : {&ours_, &twin_})
    gateway.set_peer({.public_key = peer->keys.public_key, .allowed_ips = peer->address + "/32"});
  theirs.set("net/ipv4/ip_forward", "1");
  // What a NAT hides is not to be reached by its own address either.
  theirs.ip("route del 10.1.0.0/24");
  // A chain of type nat sees the first packet of each flow only, so that is what it counts.
  inside(router.path(), [this] {
    must_run({"nft", "-f", "-"},
             {.env = {},
              .netns = {},
              .input = fmt::format("table ip nat {{ chain post {{ type nat hook postrouting "
                                   "priority 100; oifname \"{}\" counter masquerade; }}; }}\n",
                                   far.left)});
  });
  router.set("net/netfilter/nf_conntrack_udp_timeout", std::to_string(new_flow.count()));
  router.set("net/netfilter/nf_conntrack_udp_timeout_stream", std::to_string(stream.count()));
}

void BehindNat::drop_keepalives() const {
  constexpr int kEmpty = 8 + 32;  // UDP's header, and a data message without content
  router.must(
      {"nft", "-f", "-"},
      fmt::format("table ip drops {{ chain in {{ type filter hook prerouting priority -300; "
                  "iifname \"{}\" udp dport 51820 udp length {} numgen inc mod 2 0 drop; "
                  "}}; }}\n",
                  near.right, kEmpty));
}

std::size_t BehindNat::flows() const {
  const std::string rules = router.must({"nft", "list", "chain", "ip", "nat", "post"});
  std::smatch found;
  if (!std::regex_search(rules, found, std::regex("counter packets ([0-9]+)")))
    throw std::runtime_error("the router does not count: " + rules);
  return std::stoul(found[1]);
}

diagnosis::FlowFacts BehindNat::through_twin(const checks::NatFlowOptions& options) {
  const checks::Target target = target_of(ours_);
  const checks::Target twin = target_of(twin_);
  diagnosis::FlowFacts facts;
  inside(ours.path(), [&] {
    auto run = must(checks::Run::open());
    const auto our_session = connect(run, target, ours_.stamps);
    const auto twins_session = connect(run, twin, twin_.stamps);
    facts = checks::nat_flow(run, *our_session, *twins_session,
                             must(checks::twin_addresses(target, twin)), options);
  });
  return facts;
}

diagnosis::FlowFacts BehindNat::through_tcp(const checks::NatFlowOptions& options) {
  const checks::Target target = target_of(ours_);
  diagnosis::FlowFacts facts;
  inside(ours.path(), [&] {
    auto run = must(checks::Run::open());
    const auto session = connect(run, target, ours_.stamps);
    facts = checks::nat_flow(
        run, *session, must(Endpoint::parse(fmt::format("{}:{}", kInner, TestService::kPort))),
        options);
  });
  return facts;
}

diagnosis::NatFacts BehindNat::by_stun(seconds keepalive, seconds longest_silence) {
  const StunServer server(theirs);
  diagnosis::NatFacts facts;
  inside(ours.path(), [&] {
    auto run = must(checks::Run::open());
    facts = checks::nat(run, {.servers = {must(config::EndpointName::parse(kStunServer))},
                              .longest_silence = longest_silence,
                              .keepalive = keepalive,
                              .router = false});
  });
  return facts;
}

checks::Target BehindNat::target_of(const ProbePeer& peer) const {
  return must(checks::make_target(must(config::parse_wg_quick(
      fmt::format("[Interface]\nPrivateKey = {}\nAddress = {}/24\n"
                  "[Peer]\nPublicKey = {}\nEndpoint = 10.2.0.1:51820\n"
                  "AllowedIPs = 10.9.0.0/24\n",
                  peer.keys.private_key, peer.address, gateway.keys().public_key)))));
}

std::unique_ptr<checks::Session> BehindNat::connect(checks::Run& run, const checks::Target& target,
                                                    checks::Stamps& stamps) {
  auto session =
      must(checks::Session::open(run, target, must(Endpoint::parse("10.2.0.1:51820")), stamps));
  session->initiate();
  if (!run.wait([&] { return session->established(); }, os::boot_now() + kLongEnough))
    throw std::runtime_error("no handshake");
  session->send_keepalive();
  return session;
}

}  // namespace wgscope::test
