#include "wgscope/checks/session.hpp"

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <utility>

#include "wgscope/base/result.hpp"
#include "wgscope/base/secret.hpp"
#include "wgscope/base/time.hpp"
#include "wgscope/checks/run.hpp"
#include "wgscope/checks/stamps.hpp"
#include "wgscope/checks/target.hpp"
#include "wgscope/diagnosis/session.hpp"
#include "wgscope/endpoint/embedded_endpoint.hpp"
#include "wgscope/endpoint/measuring_service.hpp"
#include "wgscope/inner/event.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/noise/tai64n.hpp"
#include "wgscope/os/clock.hpp"
#include "wgscope/os/local_address.hpp"
#include "wgscope/os/poll_loop.hpp"
#include "wgscope/os/udp_socket.hpp"
#include "wgscope/tunnel/event.hpp"
#include "wgscope/tunnel/interface.hpp"

#include "earlier.hpp"

namespace wgscope::checks {
namespace {

/// A flood of forged datagrams causes events, of which no more than this are kept.
constexpr std::size_t kMaxKept = 4096;

endpoint::EndpointConfig endpoint_config(const Target& target, const Endpoint& gateway,
                                         const Stamps& stamps) {
  endpoint::EndpointConfig config;
  config.interface.private_key = PrivateKey{target.private_key.secret.clone()};
  config.interface.mtu = target.mtu;
  config.interface.last_stamp = stamps.last();
  config.interface.reserved = target.reserved;
  config.host.addresses = target.addresses;
  config.host.mtu = target.mtu;
  config.host.fragments = true;
  Endpoint any;
  any.address.family = gateway.address.family;
  any.port = target.local_port;
  config.listen = {any};
  config.report_fragments = true;
  return config;
}

tunnel::PeerConfig peer_config(const Target& target, const Endpoint& gateway) {
  tunnel::PeerConfig config;
  config.public_key = target.gateway;
  config.preshared_key = PresharedKey{target.preshared_key.secret.clone()};
  config.allowed_ips = target.allowed_ips;
  config.endpoint = gateway;
  return config;
}

/// Refused only for what was in it.
bool was_decrypted(const tunnel::Event& event) {
  return event.reason == tunnel::DropReason::source_not_allowed ||
         event.reason == tunnel::DropReason::inner_malformed;
}

}  // namespace

Session::Session(Run& run, Stamps& stamps, const Endpoint& gateway)
    : run_(run), stamps_(stamps), gateway_(gateway) {}

Session::~Session() = default;

Result<std::unique_ptr<Session>> Session::open(Run& run, const Target& target,
                                               const Endpoint& gateway, Stamps& stamps) {
  std::unique_ptr<Session> session(new Session(run, stamps, gateway));
  if (auto opened = session->open_endpoint(target); !opened) return tl::unexpected(opened.error());
  const auto peer = session->interface().add_peer(os::now(), peer_config(target, gateway));
  if (!peer) return tl::unexpected(peer.error());
  session->peer_ = *peer;
  if (auto watched = session->watch(); !watched) return tl::unexpected(watched.error());
  return session;
}

/// Goes without the firewall mark where it may not be set, which most tunnels do not need and the
/// user is told. Takes another port where the wanted one is in use.
Result<> Session::open_endpoint(const Target& target) {
  std::optional<std::uint32_t> mark = target.fwmark;
  bool any_port = target.local_port == 0;
  for (;;) {
    endpoint::EndpointConfig config = endpoint_config(target, gateway_, stamps_);
    config.mark = mark;
    if (any_port) config.listen.front().port = 0;
    auto endpoint = endpoint::EmbeddedEndpoint::open(std::move(config), random_, *this);
    if (endpoint) {
      endpoint_ = std::move(*endpoint);
      return {};
    }
    if (mark && endpoint.error().code == Errc::not_permitted) {
      mark_refused_ = endpoint.error().context;
      mark.reset();
    } else if (!any_port) {
      any_port = true;
    } else {
      return tl::unexpected(endpoint.error());
    }
  }
}

/// As endpoint::Attachment does, with timers that can be stopped, and those of attendants.
Result<> Session::watch() {
  watches_.clear();
  for (const os::UdpSocket& socket : endpoint_->sockets()) {
    const int fd = socket.fd();
    auto watch = run_.watch(fd, [this, fd] { endpoint_->handle_readable(os::now(), fd); });
    if (!watch) return tl::unexpected(watch.error());
    watches_.push_back(std::move(*watch));
  }
  const auto next = [this]() -> std::optional<Instant> {
    if (!timers_) return std::nullopt;
    return endpoint_->next_timeout();
  };
  const auto expired = [this](Instant) {
    endpoint_->handle_timeout(os::now());
    run_.wake();
  };
  watches_.push_back(run_.loop().add({.next = next, .expired = expired}));
  watches_.push_back(run_.loop().add({.next = [this] { return next_of_attendants(); },
                                      .expired = [this](Instant now) { expire_attendants(now); }}));
  return {};
}

std::optional<Instant> Session::next_of_attendants() const {
  std::optional<Instant> next;
  attendance_.tell([&](const Attendant& one) {
    if (one.next) next = earlier(next, one.next());
  });
  return next;
}

void Session::expire_attendants(Instant now) {
  attendance_.tell([&](const Attendant& one) {
    if (!one.next) return;
    const auto next = one.next();
    if (next && *next <= now) one.expired(now);
  });
  pump();
  run_.wake();
}

bool Session::established() const {
  return endpoint_->interface().has_session(os::boot_now(), peer_);
}

void Session::initiate() {
  static_cast<void>(interface().initiate(os::now(), peer_));
  pump();
}

void Session::send_keepalive() {
  interface().send_keepalive(os::now(), peer_);
  pump();
}

void Session::pump() { endpoint_->pump(os::now()); }

void Session::read_errors() {
  for (const os::UdpSocket& socket : endpoint_->sockets())
    endpoint_->handle_readable(os::now(), socket.fd());
}

void Session::run_timers(bool wanted) { timers_ = wanted; }

Result<> Session::rebind() {
  watches_.clear();
  auto bound = endpoint_->rebind();
  if (auto watched = watch(); !watched) return watched;
  return bound;
}

std::size_t Session::count(tunnel::EventKind kind) const {
  return static_cast<std::size_t>(std::ranges::count(events, kind, &tunnel::Event::kind));
}

const tunnel::Event* Session::find(tunnel::EventKind kind, Instant since) const {
  const auto found = std::ranges::find_if(
      events, [&](const tunnel::Event& event) { return event.kind == kind && event.at >= since; });
  return found == events.end() ? nullptr : &*found;
}

diagnosis::SessionFacts Session::facts() {
  read_errors();
  auto facts = record_.facts(os::boot_now(), gateway_, os::local_address_towards(gateway_));
  const tunnel::PeerStatus status = interface().status(peer_);
  // What is too large for the interface is data; the rest that could not leave before there was a
  // session was a handshake.
  std::size_t too_large = 0;
  std::size_t others = 0;
  for (const os::SendFailure& one : send_failures)
    (one.sys_errno == EMSGSIZE ? too_large : others) += one.datagrams;
  facts.packets_sent =
      status.packets_sent - std::min<std::uint64_t>(status.packets_sent, too_large + facts.unsent);
  facts.initiations_sent =
      status.initiations_sent -
      std::min<std::uint64_t>(status.initiations_sent, others - std::min(others, facts.unsent));
  facts.responses_sent = status.responses_sent;
  return facts;
}

void Session::record(const tunnel::Event& event) {
  using enum tunnel::EventKind;
  switch (event.kind) {
    case roamed: speaks_from_ = event.address; break;
    case handshake_sent:
      record_.initiate(event.at, event.number,
                       timers_ ? interface().data_sent(peer_) : SessionRecord::kNotAwaited);
      break;
    case response_accepted:
      speaks_from_ = event.address;
      if (!initiations_sent.empty()) round_trip_ = event.at - initiations_sent.back();
      record_.respond(event.at);
      break;
    case key_confirmed:
      record_.begin(event.at);
      hear(event.at, true);
      break;
    case initiation_accepted: hear(event.at, false); break;
    case keepalive_received: hear(event.at, true); break;
    case dropped:
      record_.refuse(event);
      if (event.never_ours && event.address == speaks_from_) record_.take_foreign(event.at);
      if (was_decrypted(event)) hear(event.at, true);
      break;
    default: break;
  }
}

void Session::hear(Instant now, bool uses_session) {
  record_.hear(now, uses_session, interface().data_sent(peer_));
}

/// Refused datagrams fill at most half of what is kept, so that there is room for handshakes.
void Session::on_tunnel_event(const tunnel::Event& event) {
  record(event);
  const bool is_refusal = event.kind == tunnel::EventKind::dropped;
  if (events.size() < (is_refusal ? kMaxKept / 2 : kMaxKept)) events.push_back(event);
}

void Session::on_inner_event(const inner::Event& event) {
  attendance_.tell([&](const Attendant& one) {
    if (one.on_inner) one.on_inner(event);
  });
}

void Session::on_socket_error(const os::SocketError& error) {
  record_.take_error(os::boot_now(), error);
  if (socket_errors.size() < kMaxKept) socket_errors.push_back(error);
}

void Session::on_send_failure(const os::SendFailure& failure) {
  record_.take_failure(failure);
  if (send_failures.size() < kMaxKept) send_failures.push_back(failure);
}

void Session::on_fragments(const endpoint::Fragmented& one) {
  if (fragmented.size() < kMaxKept) fragmented.push_back(one);
}

bool Session::take_arrived(const endpoint::Arrived& arrived) {
  hear(os::boot_now(), true);
  return attendance_.offer(
      [&](const Attendant& one) { return one.on_arrival && one.on_arrival(arrived); });
}

bool Session::on_stamp(const noise::Tai64n& stamp) {
  if (!stamps_.cover(stamp)) return false;
  if (initiations_sent.size() < kMaxKept) initiations_sent.push_back(os::boot_now());
  return true;
}

}  // namespace wgscope::checks
