#include "gateway.hpp"

#include <optional>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>

#include "wgscope/base/keys.hpp"
#include "wgscope/base/result.hpp"
#include "wgscope/checks/run.hpp"
#include "wgscope/checks/target.hpp"
#include "wgscope/endpoint/attachment.hpp"
#include "wgscope/endpoint/embedded_endpoint.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/model/public_key.hpp"
#include "wgscope/os/clock.hpp"
#include "wgscope/tunnel/interface.hpp"

#include "endpoint_fixture.hpp"

namespace wgscope::test {
namespace {

template <class T>
T must(Result<T> result) {
  if (!result) throw std::runtime_error(result.error().context);
  if constexpr (!std::is_void_v<T>) return std::move(*result);
}

}  // namespace

Gateway::Gateway(checks::Run& run, const GatewayOptions& options)
    : run_(run), keys_(generate_key_pair()), probe_keys_(generate_key_pair()) {
  endpoint::EndpointConfig config;
  config.interface.private_key = PrivateKey::from_base64(keys_.private_key).value();
  config.interface.handshakes_per_second = options.handshakes_per_second;
  config.interface.handshake_burst = options.handshake_burst;
  config.answer_stun = options.answer_stun;
  config.measuring = options.measuring;
  for (const std::string& text : options.addresses)
    config.host.addresses.push_back(must(Prefix::parse(text)));
  for (const std::string& text : options.listen)
    config.listen.push_back(must(Endpoint::parse(text)));
  endpoint_ = must(endpoint::EmbeddedEndpoint::open(std::move(config), random_, *this));
  if (options.knows_probe) {
    tunnel::PeerConfig peer;
    peer.public_key = must(PublicKey::from_base64(probe_keys_.public_key));
    if (!options.preshared_key.empty())
      peer.preshared_key = PresharedKey::from_base64(options.preshared_key).value();
    for (const std::string& text : options.allowed_ips)
      peer.allowed_ips.push_back(must(Prefix::parse(text)));
    peer_ = must(endpoint_->interface().add_peer(os::now(), std::move(peer)));
  }
  attachment_ = must(endpoint::Attachment::make(run.loop(), *endpoint_));
}

checks::Target Gateway::target(const std::string& preshared_key) const {
  checks::Target target;
  target.private_key = PrivateKey::from_base64(probe_keys_.private_key).value();
  target.addresses = {must(Prefix::parse("10.9.0.2/24")), must(Prefix::parse("fd09::2/64"))};
  target.gateway = must(PublicKey::from_base64(keys_.public_key));
  if (!preshared_key.empty())
    target.preshared_key = PresharedKey::from_base64(preshared_key).value();
  target.endpoint = {"127.0.0.1", port()};
  target.allowed_ips = {must(Prefix::parse("10.9.0.0/24")), must(Prefix::parse("fd09::/64"))};
  return target;
}

void Gateway::on_tunnel_event(const tunnel::Event& event) {
  events.push_back(event);
  if (on_tunnel) on_tunnel(event);
  run_.wake();
}

void Gateway::forget_probe() {
  if (peer_) endpoint_->interface().remove_peer(*peer_);
  peer_.reset();
}

std::optional<WallTime> Gateway::latest_handshake() const {
  if (!peer_) return std::nullopt;
  return endpoint_->interface().status(*peer_).last_handshake;
}

}  // namespace wgscope::test
