#include "wgscope/endpoint/embedded_endpoint.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <poll.h>
#include <span>
#include <utility>
#include <vector>

#include "wgscope/base/random.hpp"
#include "wgscope/base/result.hpp"
#include "wgscope/base/time.hpp"
#include "wgscope/endpoint/measuring_service.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/noise/tai64n.hpp"
#include "wgscope/os/udp_socket.hpp"
#include "wgscope/tunnel/event.hpp"
#include "wgscope/tunnel/interface.hpp"
#include "wgscope/wire/message.hpp"
#include "wgscope/wire/stun.hpp"

#include "local_addresses.hpp"

namespace wgscope::endpoint {
namespace {

/// How long a full socket buffer may hold up this thread. Then what is left is lost, as on any full
/// queue of a network.
constexpr int kPatienceMs = 10;
/// Reading system calls before the received datagrams are answered.
constexpr int kReadsAtOnce = 8;

/// EINVAL, and for IPv4 in newer kernels (seen in 6.18) what they say without a route as well.
bool may_mean_no_such_source(int sys_errno) {
  return sys_errno == EINVAL || sys_errno == ENETUNREACH;
}

bool has_all_addresses(const os::UdpSocket& socket) {
  return std::ranges::all_of(socket.local().address.bytes,
                             [](std::byte byte) { return byte == std::byte{0}; });
}

}  // namespace

Result<std::unique_ptr<EmbeddedEndpoint>> EmbeddedEndpoint::open(EndpointConfig config,
                                                                 Random& random,
                                                                 Observer& observer) {
  auto interface = tunnel::Interface::create(std::move(config.interface), random);
  if (!interface) return tl::unexpected(interface.error());
  std::unique_ptr<EmbeddedEndpoint> endpoint(
      new EmbeddedEndpoint(std::move(*interface), config, random, observer));
  if (auto opened = endpoint->open_sockets(config); !opened) return tl::unexpected(opened.error());
  return endpoint;
}

EmbeddedEndpoint::EmbeddedEndpoint(tunnel::Interface interface, const EndpointConfig& config,
                                   Random& random, Observer& observer)
    : interface_(std::move(interface)),
      host_(config.host, random),
      observer_(observer),
      called_(std::make_unique<LocalAddresses>()),
      kept_stamp_(interface_.last_stamp()) {
  socket_options_.offload = config.offload;
  socket_options_.mark = config.mark;
  socket_options_.fragmentation = config.fragmentation;
  socket_options_.report_fragments = config.report_fragments || config.measuring;
  if (config.measuring) measuring_ = std::make_unique<MeasuringService>();
  if (config.answer_stun) stun_answers_.emplace(kStunAnswersPerSecond, kStunAnswersAtOnce);
}

EmbeddedEndpoint::~EmbeddedEndpoint() = default;

Result<> EmbeddedEndpoint::open_sockets(const EndpointConfig& config) {
  std::optional<Error> left_out;
  for (Endpoint local : config.listen) {
    if (local.port == 0 && !sockets_.empty()) local.port = sockets_.front().local_port();
    auto socket = os::UdpSocket::open(local, socket_options_);
    if (socket) {
      sockets_.push_back(std::move(*socket));
      continue;
    }
    const int why = socket.error().sys_errno;
    const bool no_ipv6 =
        local.address.family == Family::v6 && (why == EAFNOSUPPORT || why == EADDRNOTAVAIL);
    if (!no_ipv6) return tl::unexpected(socket.error());
    left_out = socket.error();
  }
  if (!sockets_.empty()) return {};
  if (left_out) return tl::unexpected(*left_out);
  return fail(Errc::bad_value, "the endpoint has no address to listen on");
}

os::UdpSocket* EmbeddedEndpoint::socket_for(Family family) {
  const auto found = std::ranges::find_if(sockets_, [&](const os::UdpSocket& socket) {
    return socket.local().address.family == family;
  });
  return found == sockets_.end() ? nullptr : &*found;
}

Result<> EmbeddedEndpoint::set_fragmentation(os::Fragmentation fragmentation) {
  for (os::UdpSocket& socket : sockets_)
    if (auto set = socket.set_fragmentation(fragmentation); !set) return set;
  socket_options_.fragmentation = fragmentation;
  return {};
}

Result<> EmbeddedEndpoint::set_hop_limit(std::optional<std::uint8_t> limit) {
  for (os::UdpSocket& socket : sockets_)
    if (auto set = socket.set_hop_limit(limit); !set) return set;
  hop_limit_ = limit;
  return {};
}

Result<> EmbeddedEndpoint::rebind() {
  std::vector<os::UdpSocket> sockets;
  for (const os::UdpSocket& old : sockets_) {
    Endpoint local = old.local();
    local.port = sockets.empty() ? std::uint16_t{0} : sockets.front().local_port();
    auto socket = os::UdpSocket::open(local, socket_options_);
    if (!socket) return tl::unexpected(socket.error());
    if (auto set = socket->set_hop_limit(hop_limit_); hop_limit_ && !set) return set;
    sockets.push_back(std::move(*socket));
  }
  sockets_ = std::move(sockets);
  return {};
}

void EmbeddedEndpoint::handle_readable(Now now, int fd) {
  const auto found = std::ranges::find(sockets_, fd, &os::UdpSocket::fd);
  if (found == sockets_.end()) return;
  read(now, *found);
  pump(now);
  if (measuring_) answer_measurements(now);
}

void EmbeddedEndpoint::read(Now now, os::UdpSocket& socket) {
  socket.read_errors([&](const os::SocketError& error) { take_error(now.boot, error); });
  const bool any = has_all_addresses(socket);
  for (int i = 0; i < kReadsAtOnce; ++i) {
    const auto report = socket.receive([&](const os::Received& received) {
      if (stun_answers_ && answer_stun(now, socket, received)) return;
      if (any && received.to) called_->note(received.from, *received.to);
      if (received.largest_fragment)
        observer_.on_fragments({.from = received.from,
                                .datagram_size = received.datagram.size(),
                                .largest_fragment = *received.largest_fragment});
      const std::size_t size = received.datagram.size();
      const tunnel::Received inner =
          interface_.handle_datagram(now, received.from, received.datagram);
      if (inner.packet.empty()) return;
      take_packet(now, {.peer = *inner.peer,
                        .from = received.from,
                        .datagram_size = size,
                        .largest_fragment = received.largest_fragment,
                        .packet = inner.packet});
    });
    if (!report || !report->more) return;
  }
}

/// @returns whether the datagram was STUN's.
bool EmbeddedEndpoint::answer_stun(Now now, os::UdpSocket& socket, const os::Received& received) {
  // STUN's requests begin with two bits and a method's upper bits of zero, WireGuard's messages
  // with 1 to 4: one in 2^32 of those has the magic cookie for its index.
  if (!wire::looks_like_stun(received.datagram) || received.datagram[0] != std::byte{0})
    return false;
  const auto reply = wire::answer_binding(received.datagram, received.from);
  if (!reply || !stun_answers_->take(now.boot)) return true;
  const std::array batch{
      os::SendBatch{.to = reply->to,
                    .bytes = reply->bytes,
                    .segment_size = reply->bytes.size(),
                    .from = has_all_addresses(socket) ? received.to : std::nullopt}};
  // An answer that cannot be sent is lost, as on the path: the client will ask again.
  static_cast<void>(socket.send(batch));
  return true;
}

void EmbeddedEndpoint::take_packet(Now now, const Arrived& arrived) {
  if (measuring_ && measuring_->handle_packet(now.boot, host_, arrived)) return;
  if (!observer_.take_arrived(arrived)) host_.handle_packet(now.boot, arrived.packet);
}

void EmbeddedEndpoint::take_error(Instant now, const os::SocketError& error) {
  const bool too_big = error.sys_errno == EMSGSIZE && error.offender && error.info <= UINT16_MAX;
  if (measuring_ && too_big &&
      measuring_->handle_too_big(
          now, error.destination,
          {.from = *error.offender, .mtu = static_cast<std::uint16_t>(error.info)}))
    return;
  // Where a NAT's mapping is gone, answers to STUN are refused. That concerns only the
  // client that measures.
  const auto is_there = [&](tunnel::PeerId peer) {
    return interface_.status(peer).endpoint == error.destination;
  };
  if (!stun_answers_ || std::ranges::any_of(interface_.peers(), is_there))
    observer_.on_socket_error(error);
}

/// The sockets stay as they are until something else is sent: a router's report about an answer is
/// not heard otherwise (ip(7): IP_PMTUDISC_DONT).
void EmbeddedEndpoint::answer_measurements(Now now) {
  while (const auto answer = measuring_->poll_answer())
    if (const auto limit = send_whole(now, *answer))
      static_cast<void>(send_whole(now, MeasuringService::refused(*answer, *limit)));
}

/// @returns what the own interface takes, where that is less.
std::optional<std::uint16_t> EmbeddedEndpoint::send_whole(
    Now now, const MeasuringService::Outgoing& answer) {
  const std::size_t bare = answer.packet_size + wire::kTransportOverhead;
  static_cast<void>(
      interface_.send_padded(now, answer.packet(), std::max(bare, answer.datagram_size)));
  Sending sending{.whole = true};
  transmit(sending);
  if (!sending.too_long) return std::nullopt;
  return interface_limit(now, answer.to.address.family);
}

void EmbeddedEndpoint::handle_timeout(Now now) {
  interface_.handle_timeout(now);
  host_.handle_timeout(now.boot);
  pump(now);
}

std::optional<Instant> EmbeddedEndpoint::next_timeout() const {
  const auto outer = interface_.next_timeout();
  const auto inner = host_.next_timeout();
  if (!outer || !inner) return outer ? outer : inner;
  return std::min(*outer, *inner);
}

void EmbeddedEndpoint::pump(Now now) {
  // What the observer does about an event makes packets in turn.
  do {
    seal_packets(now);
    Sending sending;
    transmit(sending);
  } while (report());
}

void EmbeddedEndpoint::seal_packets(Now now) {
  for (auto packet = host_.poll_packet(); !packet.empty(); packet = host_.poll_packet()) {
    if (interface_.send(now, packet) != tunnel::Sent::blocked) continue;
    Sending sending;
    transmit(sending);
    // Now there is room; what still does not fit is lost, as on any full queue.
    static_cast<void>(interface_.send(now, packet));
  }
}

bool EmbeddedEndpoint::report() {
  bool any = false;
  while (const auto event = interface_.poll_event()) {
    any = true;
    observer_.on_tunnel_event(*event);
  }
  while (const auto event = host_.poll_event()) {
    any = true;
    observer_.on_inner_event(*event);
  }
  return any;
}

void EmbeddedEndpoint::transmit(Sending& sending) {
  // Runs of one family go out together; their bytes lie in the interface until its next call.
  constexpr std::size_t kBatches = 64;
  batches_.clear();
  Family family{};
  const bool may_send = stamp_is_kept();
  while (const auto next = interface_.poll_transmit()) {
    if (!may_send) continue;
    if (family != next->to.address.family || batches_.size() == kBatches) {
      flush(family, sending);
      family = next->to.address.family;
    }
    batches_.push_back({.to = next->to,
                        .bytes = next->bytes,
                        .segment_size = next->segment_size,
                        .from = called_->find(next->to)});
  }
  flush(family, sending);
}

/// Sends the batches, which are of one family.
void EmbeddedEndpoint::flush(Family family, Sending& sending) {
  if (batches_.empty()) return;
  if (os::UdpSocket* socket = socket_for(family))
    send(*socket, batches_, sending);
  else
    report_unsendable();
  batches_.clear();
}

bool EmbeddedEndpoint::stamp_is_kept() {
  const noise::Tai64n stamp = interface_.last_stamp();
  if (stamp == kept_stamp_) return true;
  if (!observer_.on_stamp(stamp)) return false;
  kept_stamp_ = stamp;
  return true;
}

/// There is no socket of that family: the error is the kernel's for the same case.
void EmbeddedEndpoint::report_unsendable() {
  for (std::size_t i = 0; i < batches_.size(); ++i) {
    const os::SendBatch& batch = batches_[i];
    const std::size_t datagrams =
        (batch.bytes.size() + batch.segment_size - 1) / batch.segment_size;
    observer_.on_send_failure(
        {.to = batch.to, .batch = i, .sys_errno = EAFNOSUPPORT, .datagrams = datagrams});
  }
}

void EmbeddedEndpoint::send(os::UdpSocket& socket, std::span<os::SendBatch> batches,
                            Sending& sending) {
  if (measuring_)
    static_cast<void>(socket.set_fragmentation(sending.whole ? os::Fragmentation::probe
                                                             : socket_options_.fragmentation));
  for (bool waited = false;; waited = true) {
    const os::SendReport sent = socket.send(batches);
    take_failures(sent, batches, sending);
    if (!sent.blocked || waited) break;
    batches = batches.subspan(sent.batches);
    if (batches.empty()) break;
    auto& first = batches.front();
    first.bytes = first.bytes.subspan(sent.bytes_of_next);
    pollfd writable{.fd = socket.fd(), .events = POLLOUT, .revents = 0};
    poll(&writable, 1, kPatienceMs);
  }
  send_from_elsewhere(socket, sending);
}

void EmbeddedEndpoint::take_failures(const os::SendReport& sent,
                                     std::span<const os::SendBatch> batches, Sending& sending) {
  for (const os::SendFailure& failure : sent.failures) {
    const os::SendBatch& batch = batches[failure.batch];
    if (batch.from && may_mean_no_such_source(failure.sys_errno)) {
      sending.sourceless.push_back(batch);
    } else if (sending.whole && failure.sys_errno == EMSGSIZE) {
      sending.too_long = true;
    } else {
      observer_.on_send_failure(failure);
    }
  }
}

/// What the own interface takes waits among the socket's errors.
std::optional<std::uint16_t> EmbeddedEndpoint::interface_limit(Now now, Family family) {
  std::optional<std::uint16_t> limit;
  os::UdpSocket* socket = socket_for(family);
  if (socket == nullptr) return limit;
  socket->read_errors([&](const os::SocketError& error) {
    const bool is_limit = error.origin == os::SocketError::Origin::local &&
                          error.sys_errno == EMSGSIZE && error.info <= UINT16_MAX;
    if (is_limit) limit = static_cast<std::uint16_t>(error.info);
    if (!is_limit) take_error(now.boot, error);
  });
  return limit;
}

/// The address that was called is no longer ours: the kernel chooses another one.
void EmbeddedEndpoint::send_from_elsewhere(os::UdpSocket& socket, Sending& sending) {
  std::vector<os::SendBatch> again = std::exchange(sending.sourceless, {});
  if (again.empty()) return;
  for (os::SendBatch& batch : again) {
    called_->forget(batch.to);
    batch.from.reset();
  }
  send(socket, again, sending);
}

}  // namespace wgscope::endpoint
