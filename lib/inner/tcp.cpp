#include "wgscope/inner/tcp.hpp"

#include <algorithm>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <lwip/tcp.h>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <unordered_map>
#include <utility>
#include <vector>

#include <fmt/core.h>

#include "wgscope/base/random.hpp"
#include "wgscope/base/result.hpp"
#include "wgscope/base/time.hpp"
#include "wgscope/inner/event.hpp"
#include "wgscope/inner/event_queue.hpp"
#include "wgscope/inner/host.hpp"
#include "wgscope/inner/packet_queue.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/wire/icmp.hpp"
#include "wgscope/wire/ip.hpp"

#include "lwip_interface.hpp"

namespace wgscope::inner {
namespace {

// Each may hold two windows of 64 KiB. Those of all hosts of the process count.
constexpr std::size_t kMostConnections = 512;
constexpr std::size_t kMostInTimeWait = 1024;
constexpr unsigned kSyn = 0x02;
constexpr unsigned kAck = 0x10;
constexpr std::uint16_t kFirstDynamicPort = 49152;  // RFC 6335 §6
constexpr int kMostPortsTried = 64;

/// Of a packet whose header is whole.
bool is_first_syn(const wire::IpPacket& packet) {
  const auto flags = std::to_integer<unsigned>(packet.payload[13]);
  return (flags & (kSyn | kAck)) == kSyn;
}

IpAddress from_lwip(const ip_addr_t& address) {
  IpAddress to;
  if (IP_IS_V6_VAL(address)) {
    to.family = Family::v6;
    std::ranges::copy(std::as_bytes(std::span(ip_2_ip6(&address)->addr)), to.bytes.begin());
  } else {
    const std::uint32_t word = ip_addr_get_ip4_u32(&address);
    std::ranges::copy(std::as_bytes(std::span(&word, 1)), to.bytes.begin());
  }
  return to;
}

u8_t type_of(Family family) { return family == Family::v4 ? IPADDR_TYPE_V4 : IPADDR_TYPE_V6; }

/// Received segments that were not read yet.
class Received {
 public:
  Received() = default;
  Received(const Received&) = delete;
  Received& operator=(const Received&) = delete;
  ~Received() {
    for (pbuf* segment : segments_) pbuf_free(segment);
  }

  [[nodiscard]] std::size_t size() const { return size_; }

  /// Takes the segment over.
  void add(pbuf* segment) {
    segments_.push_back(segment);
    size_ += segment->tot_len;
  }

  std::size_t take(std::span<std::byte> out) {
    std::size_t taken = 0;
    while (taken < out.size() && !segments_.empty()) {
      pbuf* first = segments_.front();
      const auto want = static_cast<std::uint16_t>(
          std::min<std::size_t>(out.size() - taken, first->tot_len - offset_));
      pbuf_copy_partial(first, out.data() + taken, want, static_cast<std::uint16_t>(offset_));
      taken += want;
      offset_ += want;
      if (offset_ < first->tot_len) break;
      pbuf_free(first);
      segments_.pop_front();
      offset_ = 0;
    }
    size_ -= taken;
    return taken;
  }

 private:
  std::deque<pbuf*> segments_;
  std::size_t offset_ = 0;  ///< into the first
  std::size_t size_ = 0;
};

}  // namespace

class Tcp::Impl {
 public:
  Impl(const Host& host, Random& random, PacketQueue& out, EventQueue& events)
      : host_(&host), events_(&events), interface_(host, random, out) {}
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;
  ~Impl();

  struct Connection {
    Impl* owner = nullptr;
    TcpId id;
    tcp_pcb* pcb = nullptr;  ///< absent after the end
    Received received;
    std::optional<Instant> connect_by;  ///< while it is being established
    bool established = false;
    bool finished = false;  ///< we send nothing more
    bool peer_finished = false;
    bool told_readable = false;  ///< a TcpReadable waits or was polled, and nothing read since
    bool wants_room = false;     ///< a TcpWritable is owed
  };

  [[nodiscard]] Connection* find(TcpId id) const {
    const auto at = connections_.find(id.value);
    return at == connections_.end() ? nullptr : at->second.get();
  }
  [[nodiscard]] std::size_t size() const { return connections_.size(); }
  [[nodiscard]] std::optional<Instant> next_timeout() const;
  [[nodiscard]] std::optional<TcpId> find(const wire::QuotedPacket& packet) const;

  std::optional<Drop> handle_packet(Instant now, const wire::IpPacket& packet);
  void handle_timeout(Instant now);
  Result<TcpId> connect(Instant now, const Endpoint& to, Nanoseconds timeout);
  Result<> listen(std::uint16_t port);
  void stop_listening(std::uint16_t port);
  std::size_t receive(Connection& connection, std::span<std::byte> out);
  static std::size_t send(Connection& connection, std::span<const std::byte> data);
  void finish(Connection& connection);
  void close(Connection& connection);
  void abort(Connection& connection);

 private:
  // lwIP's callbacks. Each is called with the connection, or with the Impl by a listener.
  static err_t on_accept(void* self, tcp_pcb* pcb, err_t error) noexcept;
  static err_t on_connected(void* connection, tcp_pcb* pcb, err_t error) noexcept;
  static err_t on_received(void* connection, tcp_pcb* pcb, pbuf* data, err_t error) noexcept;
  static err_t on_sent(void* connection, tcp_pcb* pcb, u16_t count) noexcept;
  static void on_error(void* connection, err_t error) noexcept;

  Connection& add(tcp_pcb* pcb);
  static void detach(Connection& connection);
  void end(Connection& connection, TcpEnd why);
  bool bind(tcp_pcb* pcb, const ip_addr_t& local);
  Result<tcp_pcb*> listen_on(const IpAddress& address, std::uint16_t port);

  const Host* host_;
  EventQueue* events_;
  LwipInterface interface_;
  std::unordered_map<std::uint32_t, std::unique_ptr<Connection>> connections_;
  std::map<std::uint16_t, std::vector<tcp_pcb*>> listeners_;
  std::uint32_t next_id_ = 1;
  std::uint64_t rounds_seen_ = lwip_timers::last_round().number;
};

Tcp::Impl::~Impl() {
  for (auto& [id, connection] : connections_) {
    tcp_pcb* pcb = connection->pcb;
    detach(*connection);
    if (pcb != nullptr) tcp_abort(pcb);
  }
  interface_.abort_connections();
  for (auto& [port, pcbs] : listeners_)
    for (tcp_pcb* pcb : pcbs) tcp_close(pcb);
}

std::optional<Instant> Tcp::Impl::next_timeout() const {
  // Another host may have handled the timers of all hosts, and made packets of this one.
  if (const auto round = lwip_timers::last_round(); round.number != rounds_seen_) return round.at;
  std::optional<Instant> next = lwip_timers::next();
  for (const auto& [id, connection] : connections_)
    if (connection->connect_by && (!next || *connection->connect_by < *next))
      next = connection->connect_by;
  return next;
}

std::optional<TcpId> Tcp::Impl::find(const wire::QuotedPacket& packet) const {
  for (const auto& [id, connection] : connections_) {
    const tcp_pcb* pcb = connection->pcb;
    if (pcb != nullptr && pcb->local_port == packet.source_port &&
        pcb->remote_port == packet.destination_port &&
        from_lwip(pcb->remote_ip) == packet.destination &&
        from_lwip(pcb->local_ip) == packet.source)
      return connection->id;
  }
  return std::nullopt;
}

std::optional<Drop> Tcp::Impl::handle_packet(Instant now, const wire::IpPacket& packet) {
  if (!interface_.is_sane(packet)) return Drop::tcp_segment;
  if (is_first_syn(packet)) {
    limit_time_wait(kMostInTimeWait);
    if (count_active(kMostConnections) == kMostConnections) return Drop::tcp_limit;
  }
  interface_.input(packet);
  lwip_timers::arm(now);
  return std::nullopt;
}

void Tcp::Impl::handle_timeout(Instant now) {
  lwip_timers::handle(now);
  rounds_seen_ = lwip_timers::last_round().number;
  for (auto& [id, connection] : connections_) {
    if (!connection->connect_by || *connection->connect_by > now) continue;
    tcp_pcb* pcb = connection->pcb;
    detach(*connection);
    tcp_close(pcb);  // forgets it at once; tcp_abort() would send a reset without a receiver
    end(*connection, TcpEnd::timed_out);
  }
}

Result<TcpId> Tcp::Impl::connect(Instant now, const Endpoint& to, Nanoseconds timeout) {
  const auto local = host_->source_for(to.address);
  // lwIP would keep packets for 127.0.0.1 to itself, on an interface that is never polled.
  if (!local || to.port == 0 || host_->is_own(to.address) || wire::is_multicast(to.address) ||
      wire::is_unspecified(to.address) || wire::is_loopback(to.address))
    return fail(Errc::bad_value,
                fmt::format("{}: cannot be reached by TCP from the tunnel's host", to.to_string()));
  tcp_pcb* pcb = tcp_new_ip_type(type_of(to.address.family));
  if (pcb == nullptr) return fail(Errc::io, "not enough memory for a TCP connection");
  tcp_bind_netif(pcb, interface_.get());
  if (!bind(pcb, interface_.address(*local))) {
    tcp_close(pcb);
    return fail(Errc::io, "the tunnel's host has no free TCP port");
  }
  Connection& connection = add(pcb);
  connection.connect_by = now + timeout;
  const ip_addr_t remote = interface_.address(to.address);
  if (const err_t error = tcp_connect(pcb, &remote, to.port, on_connected); error != ERR_OK) {
    abort(connection);
    return fail(Errc::io, fmt::format("TCP to {}: lwIP error {}", to.to_string(), int{error}));
  }
  lwip_timers::arm(now);
  return connection.id;
}

/// A random port, as lwIP's own are the same in every process.
bool Tcp::Impl::bind(tcp_pcb* pcb, const ip_addr_t& local) {
  for (int tries = 0; tries < kMostPortsTried; ++tries) {
    const auto port =
        static_cast<std::uint16_t>((interface_.random32() & 0xffffU) | kFirstDynamicPort);
    if (tcp_bind(pcb, &local, port) == ERR_OK) return true;
  }
  return false;
}

Result<tcp_pcb*> Tcp::Impl::listen_on(const IpAddress& address, std::uint16_t port) {
  tcp_pcb* pcb = tcp_new_ip_type(type_of(address.family));
  if (pcb == nullptr) return fail(Errc::io, "not enough memory for a TCP listener");
  tcp_bind_netif(pcb, interface_.get());
  const ip_addr_t local = interface_.address(address);
  // Old connections in TIME_WAIT do not keep a port from being listened on again.
  ip_set_option(pcb, SOF_REUSEADDR);
  tcp_pcb* listener =
      tcp_bind(pcb, &local, port) == ERR_OK ? tcp_listen_with_backlog(pcb, UINT8_MAX) : nullptr;
  if (listener == nullptr) {
    tcp_close(pcb);
    return fail(Errc::refused, fmt::format("TCP port {} of {} is in use in the tunnel's host", port,
                                           address.to_string()));
  }
  tcp_arg(listener, this);
  tcp_accept(listener, on_accept);
  return listener;
}

Result<> Tcp::Impl::listen(std::uint16_t port) {
  if (listeners_.contains(port))
    return fail(Errc::refused,
                fmt::format("the tunnel's host already listens on TCP port {}", port));
  auto& pcbs = listeners_[port];
  for (const Prefix& own : host_->config().addresses) {
    auto listener = listen_on(own.address, port);
    if (!listener) {
      stop_listening(port);
      return tl::unexpected(std::move(listener.error()));
    }
    pcbs.push_back(*listener);
  }
  return {};
}

void Tcp::Impl::stop_listening(std::uint16_t port) {
  const auto at = listeners_.find(port);
  if (at == listeners_.end()) return;
  for (tcp_pcb* pcb : at->second) tcp_close(pcb);
  listeners_.erase(at);
}

Tcp::Impl::Connection& Tcp::Impl::add(tcp_pcb* pcb) {
  auto connection = std::make_unique<Connection>();
  connection->owner = this;
  connection->id = {next_id_++};
  connection->pcb = pcb;
  tcp_arg(pcb, connection.get());
  tcp_recv(pcb, on_received);
  tcp_sent(pcb, on_sent);
  tcp_err(pcb, on_error);
  tcp_nagle_disable(pcb);
  return *connections_.emplace(connection->id.value, std::move(connection)).first->second;
}

/// Parts the connection from lwIP's, which goes on closing by itself.
void Tcp::Impl::detach(Connection& connection) {
  tcp_pcb* pcb = std::exchange(connection.pcb, nullptr);
  connection.connect_by.reset();
  if (pcb == nullptr) return;
  tcp_arg(pcb, nullptr);
  tcp_recv(pcb, nullptr);
  tcp_sent(pcb, nullptr);
  tcp_err(pcb, nullptr);
}

void Tcp::Impl::end(Connection& connection, TcpEnd why) {
  events_->add(TcpEnded{connection.id, why});
}

err_t Tcp::Impl::on_accept(void* self, tcp_pcb* pcb, err_t error) noexcept {
  if (error != ERR_OK || pcb == nullptr) return ERR_VAL;
  auto& impl = *static_cast<Impl*>(self);
  Connection& connection = impl.add(pcb);
  connection.established = true;
  const Endpoint from{from_lwip(pcb->remote_ip), 0, pcb->remote_port};
  impl.events_->add(TcpAccepted{connection.id, pcb->local_port, from});
  return ERR_OK;
}

err_t Tcp::Impl::on_connected(void* argument, tcp_pcb* /*pcb*/, err_t /*error*/) noexcept {
  auto& connection = *static_cast<Connection*>(argument);
  connection.established = true;
  connection.connect_by.reset();
  connection.owner->events_->add(TcpConnected{connection.id});
  return ERR_OK;
}

err_t Tcp::Impl::on_received(void* argument, tcp_pcb* /*pcb*/, pbuf* data,
                             err_t /*error*/) noexcept {
  auto& connection = *static_cast<Connection*>(argument);
  Impl& impl = *connection.owner;
  if (data != nullptr) {
    connection.received.add(data);
    if (!std::exchange(connection.told_readable, true))
      impl.events_->add(TcpReadable{connection.id});
    return ERR_OK;
  }
  connection.peer_finished = true;
  impl.events_->add(TcpFinished{connection.id});
  if (connection.finished) {  // only lwIP's waiting is left, and lwIP does not report its end
    detach(connection);
    impl.end(connection, TcpEnd::closed);
  }
  return ERR_OK;
}

err_t Tcp::Impl::on_sent(void* argument, tcp_pcb* /*pcb*/, u16_t /*count*/) noexcept {
  auto& connection = *static_cast<Connection*>(argument);
  if (std::exchange(connection.wants_room, false))
    connection.owner->events_->add(TcpWritable{connection.id});
  return ERR_OK;
}

void Tcp::Impl::on_error(void* argument, err_t error) noexcept {
  auto& connection = *static_cast<Connection*>(argument);
  connection.pcb = nullptr;  // lwIP frees it
  connection.connect_by.reset();
  TcpEnd why = TcpEnd::timed_out;
  if (error == ERR_RST) why = connection.established ? TcpEnd::reset : TcpEnd::refused;
  if (error == ERR_CLSD) why = TcpEnd::closed;
  connection.owner->end(connection, why);
}

std::size_t Tcp::Impl::send(Connection& connection, std::span<const std::byte> data) {
  if (connection.pcb == nullptr || !connection.established || connection.finished) return 0;
  std::size_t taken = 0;
  while (taken < data.size()) {
    const std::size_t room = tcp_sndbuf(connection.pcb);
    // Less than a whole window at a time: lwIP refuses a piece for which it lacks places
    // as a whole.
    const std::size_t piece = std::min({data.size() - taken, room, std::size_t{16384}});
    if (piece == 0 || tcp_write(connection.pcb, data.data() + taken,
                                static_cast<std::uint16_t>(piece), TCP_WRITE_FLAG_COPY) != ERR_OK)
      break;
    taken += piece;
  }
  connection.wants_room = taken < data.size();
  tcp_output(connection.pcb);
  return taken;
}

std::size_t Tcp::Impl::receive(Connection& connection, std::span<std::byte> out) {
  const std::size_t taken = connection.received.take(out);
  connection.told_readable = false;
  if (connection.pcb != nullptr)
    for (std::size_t told = 0; told < taken;) {
      const std::size_t step = std::min<std::size_t>(taken - told, UINT16_MAX);
      tcp_recved(connection.pcb, static_cast<std::uint16_t>(step));
      told += step;
    }
  return taken;
}

void Tcp::Impl::finish(Connection& connection) {
  if (connection.pcb == nullptr || !connection.established ||
      std::exchange(connection.finished, true))
    return;
  tcp_shutdown(connection.pcb, 0, 1);
}

void Tcp::Impl::close(Connection& connection) {
  tcp_pcb* pcb = connection.pcb;
  detach(connection);
  // If there is unread data, lwIP sends a reset, as RFC 2525 §2.17 requires.
  if (pcb != nullptr) tcp_close(pcb);
  connections_.erase(connection.id.value);
}

void Tcp::Impl::abort(Connection& connection) {
  tcp_pcb* pcb = connection.pcb;
  detach(connection);
  if (pcb != nullptr && connection.established)
    tcp_abort(pcb);
  else if (pcb != nullptr)
    tcp_close(pcb);  // no caller knows of it yet
  connections_.erase(connection.id.value);
}

Tcp::Tcp(const Host& host, Random& random, PacketQueue& out, EventQueue& events)
    : impl_(std::make_unique<Impl>(host, random, out, events)) {}
Tcp::~Tcp() = default;

std::optional<Instant> Tcp::next_timeout() const { return impl_->next_timeout(); }
std::size_t Tcp::connections() const { return impl_->size(); }
std::optional<TcpId> Tcp::find(const wire::QuotedPacket& packet) const {
  return impl_->find(packet);
}
std::optional<Drop> Tcp::handle_packet(Instant now, const wire::IpPacket& packet) {
  return impl_->handle_packet(now, packet);
}
void Tcp::handle_timeout(Instant now) { impl_->handle_timeout(now); }
Result<TcpId> Tcp::connect(Instant now, const Endpoint& to, Nanoseconds timeout) {
  return impl_->connect(now, to, timeout);
}
Result<> Tcp::listen(std::uint16_t port) { return impl_->listen(port); }
void Tcp::stop_listening(std::uint16_t port) { impl_->stop_listening(port); }

std::size_t Tcp::send(TcpId id, std::span<const std::byte> data) {
  auto* connection = impl_->find(id);
  return connection != nullptr ? Impl::send(*connection, data) : 0;
}
std::size_t Tcp::sendable(TcpId id) const {
  const auto* connection = impl_->find(id);
  if (connection == nullptr || connection->pcb == nullptr || !connection->established ||
      connection->finished)
    return 0;
  return tcp_sndbuf(connection->pcb);
}
std::size_t Tcp::receive(TcpId id, std::span<std::byte> out) {
  auto* connection = impl_->find(id);
  return connection != nullptr ? impl_->receive(*connection, out) : 0;
}
std::size_t Tcp::receivable(TcpId id) const {
  const auto* connection = impl_->find(id);
  return connection != nullptr ? connection->received.size() : 0;
}
void Tcp::finish(TcpId id) {
  if (auto* connection = impl_->find(id)) impl_->finish(*connection);
}
void Tcp::close(TcpId id) {
  if (auto* connection = impl_->find(id)) impl_->close(*connection);
}
void Tcp::abort(TcpId id) {
  if (auto* connection = impl_->find(id)) impl_->abort(*connection);
}

}  // namespace wgscope::inner
