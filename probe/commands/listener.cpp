#include "probe/commands/listener.hpp"

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include <fmt/core.h>

#include "wgscope/base/keys.hpp"
#include "wgscope/base/result.hpp"
#include "wgscope/base/time.hpp"
#include "wgscope/config/wg_quick.hpp"
#include "wgscope/crypto/x25519.hpp"
#include "wgscope/endpoint/attachment.hpp"
#include "wgscope/endpoint/embedded_endpoint.hpp"
#include "wgscope/endpoint/uapi_server.hpp"
#include "wgscope/inner/event.hpp"
#include "wgscope/inner/services.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/model/public_key.hpp"
#include "wgscope/os/clock.hpp"
#include "wgscope/os/poll_loop.hpp"
#include "wgscope/os/resolve.hpp"
#include "wgscope/os/signal_fd.hpp"
#include "wgscope/os/stamp_store.hpp"
#include "wgscope/os/udp_socket.hpp"
#include "wgscope/tunnel/event.hpp"
#include "wgscope/tunnel/interface.hpp"

#include "probe/commands/listen_log.hpp"
#include "probe/render/event_limit.hpp"
#include "probe/render/events.hpp"

namespace wgscope::probe {
namespace {

Endpoint any_address(Family family, std::uint16_t port) {
  Endpoint endpoint;
  endpoint.address.family = family;
  endpoint.port = port;
  return endpoint;
}

}  // namespace

Result<std::unique_ptr<Listener>> Listener::start(const config::WgQuickConfig& config,
                                                  ListenerOptions options, ListenLog& log) {
  if (auto has_key = config::require_private_key(config); !has_key)
    return tl::unexpected(has_key.error());
  if (config.addresses.empty())
    return fail(Errc::bad_value,
                "there is no Address under [Interface]: peers reach the services at that address");
  const auto derived = crypto::derive_public_key(config.private_key->secret);
  if (!derived) return tl::unexpected(derived.error());
  auto loop = os::PollLoop::open();
  if (!loop) return tl::unexpected(loop.error());
  auto signals = os::SignalFd::open({SIGINT, SIGTERM});
  if (!signals) return tl::unexpected(signals.error());
  std::unique_ptr<Listener> listener(
      new Listener(std::move(*loop), std::move(*signals), std::move(options), log));
  if (auto done = listener->open_stamps(PublicKey{*derived}); !done)
    return tl::unexpected(done.error());
  if (auto done = listener->open_endpoint(config); !done) return tl::unexpected(done.error());
  for (const config::WgQuickPeer& peer : config.peers)
    if (auto done = listener->add_peer(peer); !done) return tl::unexpected(done.error());
  if (auto done = listener->attach(*config.private_key); !done) return tl::unexpected(done.error());
  return listener;
}

Result<> Listener::open_stamps(const PublicKey& key) {
  if (options_.stamp_folder.empty()) return {};
  auto store = os::StampStore::open(options_.stamp_folder, key);
  if (!store) return tl::unexpected(store.error());
  stamps_.emplace(std::move(*store));
  return {};
}

Result<> Listener::open_endpoint(const config::WgQuickConfig& config) {
  endpoint::EndpointConfig made;
  made.interface.private_key.secret = config.private_key->secret.clone();
  if (config.mtu) made.interface.mtu = made.host.mtu = *config.mtu;
  if (stamps_) made.interface.last_stamp.bytes = stamps_->last();
  made.host.addresses = config.addresses;
  made.host.fragments = true;
  made.listen = {any_address(Family::v4, options_.port), any_address(Family::v6, options_.port)};
  made.mark = config.fwmark;
  made.answer_stun = options_.stun;
  made.measuring = options_.measuring;
  auto opened = endpoint::EmbeddedEndpoint::open(std::move(made), random_, *this);
  if (!opened) return tl::unexpected(opened.error());
  endpoint_ = std::move(*opened);
  return {};
}

Result<> Listener::add_peer(const config::WgQuickPeer& peer) {
  tunnel::PeerConfig made;
  made.public_key = peer.public_key;
  if (peer.preshared_key) made.preshared_key.secret = peer.preshared_key->secret.clone();
  made.allowed_ips = peer.allowed_ips;
  made.persistent_keepalive = peer.persistent_keepalive.value_or(std::chrono::seconds(0));
  if (peer.endpoint) {
    auto found = os::resolve(peer.endpoint->host, peer.endpoint->port);
    if (!found) return tl::unexpected(found.error());
    made.endpoint = found->front();
  }
  const auto added = endpoint_->interface().add_peer(os::now(), std::move(made));
  if (!added)
    return fail(added.error().code,
                peer.line == 0 ? added.error().context
                               : fmt::format("line {}: {}", peer.line, added.error().context));
  peers_[added->value] = {peer.public_key, peer.name};
  return {};
}

Result<> Listener::attach(const PrivateKey& private_key) {
  auto services = inner::Services::start(endpoint_->host());
  if (!services) return tl::unexpected(services.error());
  services_.emplace(std::move(*services));
  auto attachment = endpoint::Attachment::make(loop_, *endpoint_);
  if (!attachment) return tl::unexpected(attachment.error());
  attachment_.emplace(std::move(*attachment));
  if (!options_.uapi_path.empty()) {
    auto served = endpoint::UapiServer::open(
        loop_, *endpoint_, PrivateKey{private_key.secret.clone()}, options_.uapi_path);
    if (!served) {
      const bool taken = served.error().sys_errno == EADDRINUSE;
      return fail(
          served.error().code,
          served.error().context + (taken ? "; --interface NAME gives this one another name" : ""),
          served.error().sys_errno);
    }
    uapi_.emplace(std::move(*served));
  }
  const auto stop = [this] {
    // Taken, or it would be delivered once the mask is put back.
    while (signals_.next()) loop_.stop();
  };
  auto watch = loop_.add(signals_.fd(), {.readable = stop, .writable = {}, .error = {}});
  if (!watch) return tl::unexpected(watch.error());
  on_signal_ = std::move(*watch);
  reports_ = loop_.add({.next = [this] { return next_report(); },
                        .expired = [this](Instant now) { catch_up(now); }});
  log_.on_failure([this] { loop_.stop(); });  // nobody reads any more
  return {};
}

Result<> Listener::run() { return loop_.run(); }

const Listener::Known& Listener::known(std::optional<std::uint32_t> peer) const {
  static const Known nobody;
  const auto found = peer ? peers_.find(*peer) : peers_.end();
  return found == peers_.end() ? nobody : found->second;
}

std::optional<Instant> Listener::next_report() const {
  std::optional<Instant> next;
  const auto consider = [&](std::optional<Instant> at) {
    if (at && (!next || *at < *next)) next = at;
  };
  for (const Ration* ration : {&socket_errors_, &send_failures_}) consider(ration->next());
  consider(limit_.next());
  consider(unconfirmed_.next());
  if (endpoint_->interface().events_lost() > events_lost_)
    consider(lost_said_ ? *lost_said_ + std::chrono::seconds(1) : Instant{});
  return next;
}

void Listener::say_left_out(Now now) {
  for (const EventLimit::LeftOut& left_out : limit_.take(now.boot)) {
    const Known& peer = known(left_out.sort.peer);
    log_.left_out({now.wall, left_out, peer.key, peer.name});
  }
}

/// Says what seconds that are over left out, and what did not happen in time.
void Listener::catch_up(Instant now) {
  const WallTime at = os::now().wall;
  say_left_out({now, at});
  log_.catch_up(socket_errors_, "errors about what was sent");
  log_.catch_up(send_failures_, "datagrams that could not be sent");
  const std::uint64_t lost = endpoint_->interface().events_lost();
  if (lost > events_lost_ && (!lost_said_ || now >= *lost_said_ + std::chrono::seconds(1))) {
    log_.gap(kEventsLost, lost - events_lost_);
    events_lost_ = lost;
    lost_said_ = now;
  }
  say_unconfirmed({now, at});
}

void Listener::say_unconfirmed(Now now) {
  for (const auto& report : unconfirmed_.take(now.boot)) {
    const Nanoseconds during = now.boot - report.since;
    // The event that says so may be one of those that were lost.
    const auto handshake = endpoint_->interface().status(report.peer).last_handshake;
    if (handshake && handshake->since_epoch >= now.wall.since_epoch - during) continue;
    const Known& peer = known(report.peer.value);
    log_.unconfirmed({now.wall, peer.key, peer.name, report.endpoint, report.responses, during,
                      endpoint_->listen_port()});
  }
}

void Listener::on_tunnel_event(const tunnel::Event& event) {
  const WallTime now = os::now().wall;
  unconfirmed_.note(event);
  say_left_out({event.at, now});
  if (!limit_.allow(event)) return;
  const Known& peer = known(event.peer ? std::optional(event.peer->value) : std::nullopt);
  log_.event({now, event, peer.key, peer.name});
}

void Listener::on_inner_event(const inner::Event& event) {
  if (services_) services_->handle_event(os::boot_now(), event);
}

void Listener::on_socket_error(const os::SocketError& error) {
  log_.complain(
      socket_errors_,
      fmt::format(
          "to {}: {}{}", error.destination.to_string(), std::strerror(error.sys_errno),
          error.offender ? fmt::format(" (ICMP error from {})", error.offender->to_string()) : ""));
}

void Listener::on_send_failure(const os::SendFailure& failure) {
  log_.complain(send_failures_, fmt::format("send to {}: {}", failure.to.to_string(),
                                            std::strerror(failure.sys_errno)));
}

bool Listener::on_stamp(const noise::Tai64n& stamp) {
  if (!stamps_) return true;
  const auto covered = stamps_->cover(stamp.bytes);
  if (!covered && !stamps_failed_)
    log_.complain(fmt::format("cannot start handshakes: {}", covered.error().context));
  stamps_failed_ = !covered;
  return covered.has_value();
}

}  // namespace wgscope::probe
