#include "site.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <sstream>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <fmt/core.h>

#include "need.hpp"
#include "wait.hpp"

namespace wgscope::test {

using namespace std::chrono_literals;

RealGateway::RealGateway(const NetworkNamespace& netns)
    : netns_(netns), interface_(make_real_interface(netns)) {
  const std::string& name = interface_->name();
  wg({"set", name, "listen-port", "51820", "private-key", "/dev/stdin"}, keys_.private_key + "\n");
  netns_.ip(
      fmt::format("address add 10.9.0.1/24 dev {0}\n"
                  "address add fd09::1/64 dev {0} nodad\n"
                  "link set {0} mtu 1420 up",
                  name));
}

void RealGateway::set_peer(const GatewayPeer& peer) const {
  std::vector<std::string> command{"set", interface_->name(), "peer", peer.public_key};
  const auto add = [&](const char* key, const std::string& value) {
    if (!value.empty()) command.insert(command.end(), {key, value});
  };
  add("allowed-ips", peer.allowed_ips);
  add("endpoint", peer.endpoint);
  if (peer.keepalive != 0) add("persistent-keepalive", std::to_string(peer.keepalive));
  if (!peer.preshared_key.empty()) add("preshared-key", "/dev/stdin");
  wg(std::move(command), peer.preshared_key + "\n");
}

void RealGateway::forget_peer(const std::string& public_key) const {
  wg({"set", interface_->name(), "peer", public_key, "remove"});
}

void RealGateway::listen_on(std::uint16_t port) const {
  wg({"set", interface_->name(), "listen-port", std::to_string(port)});
}

void RealGateway::remove() { interface_.reset(); }

bool RealGateway::ping(const std::string& address, std::size_t payload_size) const {
  const std::string family = address.find(':') == std::string::npos ? "-4" : "-6";
  return run({"ping", family, "-q", "-c", "1", "-W", "15", "-s", std::to_string(payload_size),
              address},
             {.env = {}, .netns = netns_.name(), .input = {}}, 60s)
             .exit_code == 0;
}

std::int64_t RealGateway::latest_handshake(const std::string& public_key) const {
  return std::stoll(show("latest-handshakes", public_key));
}

std::uint64_t RealGateway::received_bytes(const std::string& public_key) const {
  return std::stoull(show("transfer", public_key));  // the first of two numbers
}

std::string RealGateway::endpoint_of(const std::string& public_key) const {
  return show("endpoints", public_key);
}

std::string RealGateway::wg(std::vector<std::string> arguments, std::string input) const {
  arguments.insert(arguments.begin(), "wg");
  std::string out;
  // A child of a thread there is there too, without a process of `ip netns exec` first.
  inside(netns_.path(), [&] {
    out = must_run(std::move(arguments), {.env = {}, .netns = {}, .input = std::move(input)});
  });
  return out;
}

std::string RealGateway::show(const char* what, const std::string& public_key) const {
  std::istringstream lines(wg({"show", interface_->name(), what}));
  for (std::string line; std::getline(lines, line);)
    if (line.starts_with(public_key + '\t')) return line.substr(public_key.size() + 1);
  throw std::runtime_error("the gateway does not have that peer");
}

void Interop::SetUp() {
  WGSCOPE_NEED(why_no_real_interface());
  site_.emplace();
  site_->ours.must({"ip", "address", "add", "fd01::1/64", "dev", site_->way.left, "nodad"});
  site_->theirs.must({"ip", "address", "add", "fd01::2/64", "dev", site_->way.right, "nodad"});
}

TestEndpoint Interop::make_endpoint(TestEndpointOptions options) {
  options.listen = {"0.0.0.0:0", "[::]:0"};
  options.netns = site_->ours.path();
  return TestEndpoint(loop_, std::move(options));
}

TestPeer Interop::gateway_peer(const std::string& endpoint) const {
  TestPeer peer;
  peer.public_key = gateway().keys().public_key;
  peer.endpoint = endpoint;
  return peer;
}

GatewayPeer Interop::callable(const TestEndpoint& ours, bool ipv6) {
  return {.public_key = ours.keys().public_key,
          .preshared_key = {},
          .endpoint = fmt::format("{}:{}", ipv6 ? "[fd01::1]" : "10.1.0.1", ours.port())};
}

bool Interop::ping_from_gateway(const std::string& address, std::size_t payload_size) {
  bool answered = false;
  loop_.run_while([&] { answered = gateway().ping(address, payload_size); });
  return answered;
}

bool Interop::gateway_comes_to(const std::function<bool()>& say_yes) {
  bool yes = false;
  loop_.run_while([&] { yes = wait_until(say_yes, kLongEnough); });
  return yes;
}

}  // namespace wgscope::test
