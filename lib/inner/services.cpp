#include "wgscope/inner/services.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <variant>

#include "wgscope/base/bytes.hpp"
#include "wgscope/base/result.hpp"
#include "wgscope/base/time.hpp"
#include "wgscope/inner/event.hpp"
#include "wgscope/inner/host.hpp"
#include "wgscope/inner/tcp.hpp"
#include "wgscope/wire/udp.hpp"

namespace wgscope::inner {
namespace {

constexpr std::array<std::uint16_t, 3> kPorts{kEchoPort, kDiscardPort, kSourcePort};
constexpr std::size_t kPiece = 4096;
constexpr std::size_t kSourceDefault = 512;  // RFC 864: a datagram of up to 512 characters

/// What the source gives: the printable characters, over and over.
constexpr auto kSource = [] {
  std::array<std::byte, 16384> bytes{};
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::byte>('!' + i % 94);
  return bytes;
}();

bool is_service(std::uint16_t port) { return std::ranges::find(kPorts, port) != kPorts.end(); }

}  // namespace

Result<Services> Services::start(Host& host) {
  Services services(host);
  if (auto taken = services.take_ports(); !taken) {
    // Only what was taken here is given back; the port that failed belongs to somebody else.
    services.host_ = nullptr;
    return tl::unexpected(std::move(taken.error()));
  }
  return services;
}

Result<> Services::take_ports() {
  for (std::size_t i = 0; i < kPorts.size(); ++i) {
    auto udp = host_->bind_udp(kPorts[i]);
    auto tcp = udp ? host_->tcp().listen(kPorts[i]) : Result<>{};
    if (udp && tcp) continue;
    if (udp) host_->close_udp(kPorts[i]);
    for (const std::uint16_t port : std::span(kPorts).first(i)) {
      host_->close_udp(port);
      host_->tcp().stop_listening(port);
    }
    return tl::unexpected(std::move(udp ? tcp.error() : udp.error()));
  }
  return {};
}

Services::Services(Services&& other) noexcept
    : host_(std::exchange(other.host_, nullptr)),
      served_(std::move(other.served_)),
      stats_(other.stats_) {}

Services::~Services() {
  if (host_ == nullptr) return;
  for (const std::uint16_t port : kPorts) {
    host_->close_udp(port);
    host_->tcp().stop_listening(port);
  }
  for (const auto& [id, served] : served_) host_->tcp().abort({id});
}

Services::Served* Services::find(TcpId id) {
  const auto at = served_.find(id.value);
  return at == served_.end() ? nullptr : &at->second;
}

bool Services::handle_event(Instant /*now*/, const Event& event) {
  if (const auto* received = std::get_if<UdpReceived>(&event)) return handle_datagram(*received);
  if (const auto* accepted = std::get_if<TcpAccepted>(&event)) return handle_accepted(*accepted);
  if (const auto* ended = std::get_if<TcpEnded>(&event)) return end(ended->id);

  TcpId id;
  const auto* finished = std::get_if<TcpFinished>(&event);
  if (finished != nullptr) id = finished->id;
  if (const auto* readable = std::get_if<TcpReadable>(&event)) id = readable->id;
  if (const auto* writable = std::get_if<TcpWritable>(&event)) id = writable->id;
  Served* served = find(id);
  if (served == nullptr) return false;
  served->peer_finished |= finished != nullptr;
  serve(id, *served);
  return true;
}

bool Services::handle_datagram(const UdpReceived& received) {
  if (!is_service(received.to_port)) return false;
  ++stats_.udp_datagrams;
  if (received.to_port == kDiscardPort || is_service(received.from.port)) {
    stats_.discarded_bytes += received.payload.size();
    return true;
  }
  // An answer that finds no room is lost, as datagrams may be; the host counts it.
  const UdpSend back{received.from, received.to_port, received.to};
  if (received.to_port == kEchoPort) {
    if (host_->send_udp(back, received.payload)) stats_.echoed_bytes += received.payload.size();
    return true;
  }
  const std::size_t wanted =
      received.payload.size() < 4 ? kSourceDefault : load_be32(received.payload.first<4>());
  const std::size_t most =
      host_->config().mtu - wire::udp_packet_size(received.from.address.family, 0);
  const auto answer = std::span(kSource).first(std::min({wanted, most, kSource.size()}));
  if (host_->send_udp(back, answer)) stats_.sourced_bytes += answer.size();
  return true;
}

bool Services::handle_accepted(const TcpAccepted& accepted) {
  if (!is_service(accepted.port)) return false;
  ++stats_.tcp_connections;
  Served& served = served_[accepted.id.value];
  served.port = accepted.port;
  serve(accepted.id, served);
  return true;
}

bool Services::end(TcpId id) {
  if (served_.erase(id.value) == 0) return false;
  host_->tcp().close(id);
  return true;
}

void Services::serve(TcpId id, Served& served) {
  switch (served.port) {
    case kEchoPort: return echo(id, served);
    case kDiscardPort: return discard(id, served);
    default: return source(id, served);
  }
}

void Services::echo(TcpId id, Served& served) {
  Tcp& tcp = host_->tcp();
  for (;;) {
    if (served.unsent.empty()) {
      served.unsent.resize(kPiece);
      served.unsent.resize(tcp.receive(id, served.unsent));
    }
    if (served.unsent.empty()) break;
    const std::size_t sent = tcp.send(id, served.unsent);
    stats_.echoed_bytes += sent;
    served.unsent.erase(served.unsent.begin(),
                        served.unsent.begin() + static_cast<std::ptrdiff_t>(sent));
    if (!served.unsent.empty()) return;  // a TcpWritable comes
  }
  if (served.peer_finished) tcp.finish(id);
}

void Services::discard(TcpId id, const Served& served) {
  std::array<std::byte, kPiece> thrown_away{};
  while (const std::size_t count = host_->tcp().receive(id, thrown_away))
    stats_.discarded_bytes += count;
  if (served.peer_finished) host_->tcp().finish(id);
}

void Services::source(TcpId id, const Served& served) {
  Tcp& tcp = host_->tcp();
  std::array<std::byte, kPiece> thrown_away{};
  while (tcp.receive(id, thrown_away) != 0) continue;
  if (served.peer_finished) return tcp.finish(id);
  for (;;) {
    const std::size_t sent = tcp.send(id, kSource);
    stats_.sourced_bytes += sent;
    if (sent < kSource.size()) return;
  }
}

}  // namespace wgscope::inner
