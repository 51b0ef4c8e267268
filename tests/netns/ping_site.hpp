#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/core.h>
#include <gtest/gtest.h>

#include "wgscope/base/keys.hpp"
#include "wgscope/checks/ping.hpp"
#include "wgscope/checks/run.hpp"
#include "wgscope/checks/target.hpp"
#include "wgscope/checks/tunnel.hpp"
#include "wgscope/diagnosis/finding.hpp"
#include "wgscope/diagnosis/ping.hpp"
#include "wgscope/diagnosis/report.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/model/public_key.hpp"

#include "endpoint_fixture.hpp"
#include "gateway_process.hpp"
#include "need.hpp"
#include "netns.hpp"
#include "routed_path.hpp"

// Where pings are tried: a probe, a router that loses what a test says, and a gateway.
//
//   client 10.1.0.1 ---- router ---- 10.2.0.1 server
//   10.9.0.2 ============ tunnel ============ 10.9.0.1

namespace wgscope::test {

inline checks::Target target_of(const GatewayProcess& gateway, const std::string& host,
                                std::uint16_t port = kPort) {
  checks::Target target;
  target.private_key = PrivateKey::from_base64(gateway.probe_keys().private_key).value();
  target.addresses = {Prefix::parse("10.9.0.2/24").value()};
  target.gateway = PublicKey::from_base64(gateway.keys().public_key).value();
  target.endpoint = {host, port};
  target.allowed_ips = {Prefix::parse("10.9.0.0/24").value()};
  return target;
}

struct Pinged {
  std::optional<diagnosis::PingFacts> facts;
  diagnosis::Report report;
};

struct PingCheck {
  checks::HandshakeOptions handshake{.data = false};
  checks::PingOptions ping;
  /// Called once for each ping, when it is sent.
  std::function<void(std::uint64_t number)> on_sent = [](std::uint64_t) {};
};

inline PingCheck check_of(std::uint64_t count) {
  PingCheck check;
  check.ping.count = count;
  check.ping.interval = std::chrono::milliseconds{10};
  check.ping.target = IpAddress::parse("10.9.0.1").value();
  return check;
}

/// Keeps what a question found.
class Facts final : public checks::PingObserver {
 public:
  explicit Facts(std::function<void(std::uint64_t)> on_sent) : on_sent_(std::move(on_sent)) {}

  void on_round(const checks::PingRound& round) override {
    if (round.number <= seen_) return;
    seen_ = round.number;
    on_sent_(seen_);
  }
  void on_result(const diagnosis::PingFacts& facts) override { kept = facts; }

  std::optional<diagnosis::PingFacts> kept;

 private:
  std::function<void(std::uint64_t)> on_sent_;
  std::uint64_t seen_ = 0;
};

inline Pinged ask(checks::Run& run, checks::Target target, PingCheck check) {
  checks::Tunnel tunnel({.target = std::move(target), .stamps = {}, .noticed = {}},
                        std::move(check.handshake));
  Facts facts(std::move(check.on_sent));
  Pinged pinged;
  checks::ping_question(tunnel, check.ping, &facts).value()->ask(run, {}, pinged.report);
  pinged.facts = facts.kept;
  return pinged;
}

/// Runs a whole check on a thread in a namespace.
inline Pinged ping_in(
    const NetworkNamespace& netns, checks::Target target, PingCheck check,
    const std::function<void()>& before = [] {}) {
  Pinged pinged;
  inside(netns.path(), [&] {
    before();
    auto run = checks::Run::open().value();
    pinged = ask(run, std::move(target), std::move(check));
  });
  return pinged;
}

inline std::vector<diagnosis::FindingId> findings(const diagnosis::Report& report) {
  std::vector<diagnosis::FindingId> ids;
  for (const diagnosis::Check& check : report.checks)
    if (check.finding) ids.push_back(check.finding->id);
  return ids;
}

inline const diagnosis::Check& find(const diagnosis::Report& report, std::string_view name) {
  for (const diagnosis::Check& check : report.checks)
    if (check.name == name) return check;
  throw std::out_of_range(std::string(name));
}

class PingOverRouter : public testing::TestWithParam<Kind> {
 protected:
  void SetUp() override {
    WGSCOPE_NEED(why_no_netns());
    net_.emplace();
    // What a busy gateway hands over at once (UDP_SEGMENT) goes in packets of its own: the router's
    // rules look at packets.
    net_->client.ip(fmt::format("link set {} gso_max_segs 1", net_->near.left));
    net_->server.ip(fmt::format("link set {} gso_max_segs 1", net_->far.right));
    gateway_.emplace(net_->server, GetParam());
  }

  /// Pings of the usual size are datagrams of 128 bytes and UDP's header, no others are.
  void drop(const std::string& direction, std::size_t every) {
    net_->router.must(
        {"nft", "-f", "-"},
        fmt::format("table inet {} {{ chain c {{ type filter hook forward priority 0; udp {} {} "
                    "udp length 136 numgen inc mod {} 0 drop; }}; }}\n",
                    direction, direction, kPort, every));
  }
  Pinged ping(std::uint64_t count, const std::function<void()>& before = [] {}) {
    return ping_in(net_->client, target_of(*gateway_, RoutedPath::kServer), check_of(count),
                   before);
  }

  std::optional<RoutedPath> net_;
  std::optional<GatewayProcess> gateway_;
};

}  // namespace wgscope::test
