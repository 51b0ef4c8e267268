#include "wgscope/endpoint/services.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <variant>
#include <vector>

#include "wgscope/base/result.hpp"
#include "wgscope/inner/event.hpp"
#include "wgscope/inner/host.hpp"
#include "wgscope/inner/tcp.hpp"

namespace wgscope::endpoint {
namespace {

/// What the source pours out: the printable characters, over and over.
constexpr auto kPattern = [] {
  std::array<std::byte, 95UL * 40> pattern{};
  for (std::size_t i = 0; i < pattern.size(); ++i)
    pattern[i] = static_cast<std::byte>(' ' + i % 95);
  return pattern;
}();
constexpr std::size_t kSourceDatagram = 512;  // RFC 864's bound

}  // namespace

Result<Services> Services::open(inner::Host& host) {
  for (const std::uint16_t port : {kEcho, kDiscard, kSource}) {
    if (auto bound = host.bind_udp(port); !bound) return tl::unexpected(bound.error());
    if (auto listening = host.tcp().listen(port); !listening)
      return tl::unexpected(listening.error());
  }
  return Services(host);
}

bool Services::handle_event(const inner::Event& event) {
  if (const auto* received = std::get_if<inner::UdpReceived>(&event)) {
    answer(*received);
    return true;
  }
  if (const auto* accepted = std::get_if<inner::TcpAccepted>(&event)) {
    connections_[accepted->id] = {accepted->port, false, {}};
    serve(accepted->id);
    return true;
  }
  if (const auto* readable = std::get_if<inner::TcpReadable>(&event)) {
    serve(readable->id);
    return true;
  }
  if (const auto* writable = std::get_if<inner::TcpWritable>(&event)) {
    serve(writable->id);
    return true;
  }
  if (const auto* finished = std::get_if<inner::TcpFinished>(&event)) {
    const auto connection = connections_.find(finished->id);
    if (connection == connections_.end()) return false;
    connection->second.finished = true;
    serve(finished->id);
    return true;
  }
  if (const auto* ended = std::get_if<inner::TcpEnded>(&event)) {
    if (connections_.erase(ended->id) == 0) return false;
    host_->tcp().close(ended->id);
    return true;
  }
  return false;
}

void Services::answer(const inner::UdpReceived& received) {
  const inner::UdpSend back{
      .to = received.from, .from_port = received.to_port, .from = received.to};
  std::span<const std::byte> payload = received.payload;
  if (received.to_port == kSource) payload = std::span(kPattern).first(kSourceDatagram);
  // Two hosts' services would answer each other for ever.
  const bool from_service = received.from.port == kEcho || received.from.port == kSource;
  if (received.to_port == kDiscard || from_service) return;
  // An answer that does not fit is lost, as datagrams may be.
  static_cast<void>(host_->send_udp(back, payload));
}

void Services::serve(inner::TcpId id) {
  const auto connection = connections_.find(id);
  if (connection == connections_.end()) return;
  switch (connection->second.port) {
    case kEcho: echo(id, connection->second.waiting); break;
    case kSource:
      discard(id);
      if (!connection->second.finished) pour(id);
      break;
    default: discard(id); break;
  }
  const bool more = host_->tcp().receivable(id) != 0 || !connection->second.waiting.empty();
  if (!connection->second.finished || more) return;
  host_->tcp().close(id);
  connections_.erase(connection);
}

/// Takes nothing more while something waits to be sent back: the window then slows the peer down.
void Services::echo(inner::TcpId id, std::vector<std::byte>& waiting) {
  inner::Tcp& tcp = host_->tcp();
  std::array<std::byte, 4096> buffer{};
  for (;;) {
    const std::size_t sent = tcp.send(id, waiting);
    waiting.erase(waiting.begin(), waiting.begin() + static_cast<std::ptrdiff_t>(sent));
    if (!waiting.empty()) return;  // TcpWritable follows
    const std::size_t size = tcp.receive(id, buffer);
    if (size == 0) return;
    waiting.assign(buffer.begin(), buffer.begin() + static_cast<std::ptrdiff_t>(size));
  }
}

void Services::discard(inner::TcpId id) {
  std::array<std::byte, 4096> buffer{};
  while (host_->tcp().receive(id, buffer) != 0) {
  }
}

void Services::pour(inner::TcpId id) {
  // The last send takes less than all, and TcpWritable follows.
  while (host_->tcp().send(id, kPattern) == kPattern.size()) {
  }
}

}  // namespace wgscope::endpoint
