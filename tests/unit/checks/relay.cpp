#include "relay.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "wgscope/base/time.hpp"
#include "wgscope/checks/run.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/os/clock.hpp"
#include "wgscope/os/udp_socket.hpp"

#include "udp_sockets.hpp"

namespace wgscope::test {
namespace {

os::UdpSocket open_plain() {
  os::UdpOptions options;
  options.offload = false;
  return must_open(loopback(Family::v4), options);
}

constexpr std::size_t kIpv4AndUdp = 20 + 8;  // RFC 791 §3.1, RFC 768

/// What the bytes begin with that are sent to see whether a host is there.
constexpr std::byte kAround{0xff};

/// A transport message that is no keepalive (whitepaper §5.4.6).
bool has_content(std::span<const std::byte> datagram) {
  return datagram.size() > 32 && datagram[0] == std::byte{4};
}

}  // namespace

Relay::Relay(checks::Run& run, std::uint16_t gateway_port)
    : front_(open_plain()), back_(open_plain()), gateway_(loopback(Family::v4, gateway_port)) {
  const auto add = [&](os::UdpSocket& socket, auto read) {
    watches_.push_back(
        run.loop().add(socket.fd(), {.readable = read, .writable = {}, .error = {}}).value());
  };
  add(front_, [this] { move(there_, &probe_, gateway_); });
  add(back_, [this] { move(returning_, nullptr, probe_); });
  const auto next = [this] {
    return delayed_.empty() ? std::nullopt : std::optional(delayed_.front().due);
  };
  watches_.push_back(
      run.loop().add({.next = next, .expired = [this](Instant now) { send_delayed(now); }}));
}

void Relay::send_delayed(Instant now) {
  for (; !delayed_.empty() && delayed_.front().due <= now; delayed_.pop_front())
    send(front_, probe_, delayed_.front().bytes);
}

void Relay::send(os::UdpSocket& socket, const Endpoint& to, std::span<const std::byte> bytes) {
  const os::SendBatch batch{to, bytes, bytes.size(), {}};
  static_cast<void>(socket.send({&batch, 1}));
}

void Relay::move(Way& way, Endpoint* learn, const Endpoint& destination) {
  static_cast<void>(way.from.receive([&](const os::Received& received) {
    // Who asks around with a few bytes is not the tunnel.
    if (learn != nullptr && received.datagram[0] != kAround) *learn = received.from;
    std::vector<std::byte> datagram(received.datagram.begin(), received.datagram.end());
    const auto& rewrite = learn == nullptr ? rewrite_backward : rewrite_forward;
    if (rewrite) rewrite(datagram);
    if (learn == nullptr && backward_delay > Nanoseconds{0}) {
      delayed_.push_back({os::boot_now() + backward_delay, std::move(datagram)});
      return;
    }
    if (datagram.size() + kIpv4AndUdp > way.mtu) return;
    const Fate fate = has_content(datagram) ? way.rule(way.packets++) : Fate::pass;
    if (fate == Fate::lose) return;
    if (fate == Fate::late) {
      way.held.assign(datagram.begin(), datagram.end());
      return;
    }
    send(way.to, destination, datagram);
    if (fate == Fate::twice) send(way.to, destination, datagram);
    if (const auto held = std::exchange(way.held, {}); !held.empty())
      send(way.to, destination, held);
  }));
}

}  // namespace wgscope::test
