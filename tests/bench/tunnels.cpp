#include "tunnels.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <poll.h>
#include <span>
#include <stdexcept>
#include <utility>
#include <vector>

#include "wgscope/base/bytes.hpp"
#include "wgscope/base/time.hpp"
#include "wgscope/crypto/x25519.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/os/clock.hpp"
#include "wgscope/os/udp_socket.hpp"
#include "wgscope/tunnel/interface.hpp"

namespace wgscope::bench {
namespace {

constexpr std::uint32_t kNetwork = 0x0a000000;  // 10.0.0.0

/// Waits until the socket has something; throws after a while.
void await(const os::UdpSocket& socket) {
  pollfd wait{.fd = socket.fd(), .events = POLLIN, .revents = 0};
  if (poll(&wait, 1, 5000) != 1) throw std::runtime_error("the other end of a tunnel is silent");
}

}  // namespace

void must(const Result<>& result) {
  if (!result) throw std::runtime_error(result.error().context);
}

Keys Keys::make(Random& random) {
  Keys keys;
  random.fill(keys.private_key.secret.bytes());
  keys.public_key = {crypto::derive_public_key(keys.private_key.secret).value()};
  return keys;
}

Endpoint loopback_endpoint(std::uint16_t port) {
  Endpoint endpoint = Endpoint::parse("127.0.0.1:0").value();
  endpoint.port = port;
  return endpoint;
}

IpAddress inner_address(std::uint32_t number) {
  IpAddress address{.bytes = {}, .family = Family::v4};
  store_be32(std::span(address.bytes).first<4>(), kNetwork + number);
  return address;
}

Prefix inner_host(std::uint32_t number) { return {inner_address(number), 32}; }

Clients::Clients(std::size_t count) : socket_(os::UdpSocket::open(loopback_endpoint(0)).value()) {
  for (std::size_t i = 0; i < count; ++i) {
    Keys keys = Keys::make(random_);
    public_keys_.push_back(keys.public_key);
    tunnel::InterfaceConfig config;
    config.private_key = std::move(keys.private_key);
    clients_.push_back({.interface = std::make_unique<tunnel::Interface>(
                            tunnel::Interface::create(std::move(config), random_).value())});
  }
}

void Clients::connect(const PublicKey& gateway, std::uint16_t gateway_port) {
  for (Client& client : clients_) {
    tunnel::PeerConfig peer;
    peer.public_key = gateway;
    peer.allowed_ips = {{inner_address(0), 8}};
    peer.endpoint = loopback_endpoint(gateway_port);
    client.gateway = client.interface->add_peer(os::now(), std::move(peer)).value();
  }
}

Now Clients::later() const {
  // Past REKEY_TIMEOUT since the last round.
  const Nanoseconds ahead = std::chrono::seconds(6) * rounds_;
  const Now now = os::now();
  return {now.boot + ahead, {now.wall.since_epoch + ahead}};
}

void flush(tunnel::Interface& interface, os::UdpSocket& socket) {
  std::array<os::SendBatch, 16> batches;
  for (std::size_t count = 1; count != 0;) {
    count = 0;
    while (count < batches.size()) {
      const auto next = interface.poll_transmit();
      if (!next) break;
      batches[count++] = {
          .to = next->to, .bytes = next->bytes, .segment_size = next->segment_size, .from = {}};
    }
    if (count != 0) socket.send(std::span(batches).first(count));
  }
}

bool Clients::has_new_session(Client& client) {
  bool has = false;
  while (const auto event = client.interface->poll_event())
    has |= event->kind == tunnel::EventKind::response_accepted;
  return has;
}

void Clients::receive(Now now) {
  const auto received = socket_.receive([&](const os::Received& got) {
    // Whose it is only each one's indices tell: those still waiting are asked in turn.
    for (Client& client : clients_) {
      if (client.done) continue;
      std::vector<std::byte> copy(got.datagram.begin(), got.datagram.end());
      client.interface->handle_datagram(now, got.from, copy);
      if (!has_new_session(client)) continue;
      client.done = true;
      flush(*client.interface, socket_);  // the keepalive that confirms it
      return;
    }
  });
  if (!received) throw std::runtime_error(received.error().context);
}

void Clients::handshake_all(std::size_t at_once) {
  ++rounds_;
  for (Client& client : clients_) client.done = true;
  for (std::size_t first = 0; first < clients_.size(); first += at_once) {
    const Now now = later();
    const auto batch =
        std::span(clients_).subspan(first, std::min(at_once, clients_.size() - first));
    for (Client& client : batch) {
      client.done = false;
      if (!client.interface->initiate(now, client.gateway))
        throw std::runtime_error("a client would not begin a handshake");
      flush(*client.interface, socket_);
    }
    while (std::ranges::any_of(batch, [](const Client& client) { return !client.done; })) {
      await(socket_);
      receive(now);
    }
  }
}

std::vector<std::byte> inner_packet(std::uint32_t from, std::uint32_t to, std::size_t size) {
  std::vector<std::byte> packet(size, std::byte{0x5a});
  const std::span bytes(packet);
  std::ranges::fill(bytes.first(28), std::byte{0});
  packet[0] = std::byte{0x45};
  store_be16(bytes.subspan<2, 2>(), static_cast<std::uint16_t>(size));
  packet[8] = std::byte{64};
  packet[9] = std::byte{17};
  store_be32(bytes.subspan<12, 4>(), kNetwork + from);
  store_be32(bytes.subspan<16, 4>(), kNetwork + to);
  store_be16(bytes.subspan<24, 2>(), static_cast<std::uint16_t>(size - 20));
  return packet;
}

}  // namespace wgscope::bench
