#include "wgscope/inner/host.hpp"

#include <algorithm>
#include <array>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/core.h>

#include "wgscope/base/bytes.hpp"
#include "wgscope/base/random.hpp"
#include "wgscope/base/result.hpp"
#include "wgscope/base/time.hpp"
#include "wgscope/inner/event.hpp"
#include "wgscope/inner/tcp.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/wire/fragment.hpp"
#include "wgscope/wire/icmp.hpp"
#include "wgscope/wire/ip.hpp"
#include "wgscope/wire/udp.hpp"

#include "reassembly.hpp"

namespace wgscope::inner {
namespace {

// A burst of a whole TCP window from several connections fits, and memory stays small.
constexpr std::size_t kMostPackets = 1024;
constexpr std::size_t kMostEvents = 1024;
constexpr std::uint16_t kFirstDynamicPort = 49152;  // RFC 6335 §6

Drop reason_of(Errc code) { return code == Errc::bad_value ? Drop::bad_checksum : Drop::malformed; }

bool insert(std::vector<std::uint16_t>& sorted, std::uint16_t value) {
  const auto at = std::ranges::lower_bound(sorted, value);
  if (at != sorted.end() && *at == value) return false;
  sorted.insert(at, value);
  return true;
}

void erase(std::vector<std::uint16_t>& sorted, std::uint16_t value) {
  const auto at = std::ranges::lower_bound(sorted, value);
  if (at != sorted.end() && *at == value) sorted.erase(at);
}

/// Fills an echo request's payload: the mark, over and over. Whole marks compare fast on return.
void write_marks(std::span<std::byte> payload, std::uint64_t mark) {
  std::array<std::byte, 8> bytes{};
  store_be64(bytes, mark);
  for (std::size_t i = 0; i < payload.size(); ++i) payload[i] = bytes[i % bytes.size()];
}

bool has_marks(std::span<const std::byte> payload, std::uint64_t mark) {
  std::array<std::byte, 8> bytes{};
  store_be64(bytes, mark);
  for (std::size_t i = 0; i < payload.size(); ++i)
    if (payload[i] != bytes[i % bytes.size()]) return false;
  return true;
}

}  // namespace

std::string_view to_string(TcpEnd end) {
  constexpr std::array<std::string_view, 4> kNames{"closed", "refused", "reset", "timed_out"};
  return kNames[static_cast<std::size_t>(end)];
}

std::string_view to_string(Drop reason) {
  constexpr std::array<std::string_view, kDropCount> kNames{
      "malformed", "bad_checksum", "bad_source", "own_source",  "not_ours",
      "fragment",  "routed_on",    "protocol",   "unsolicited", "too_big",
      "tcp_limit", "tcp_segment",  "queue_full"};
  return kNames[static_cast<std::size_t>(reason)];
}

Host::Host(HostConfig config, Random& random)
    : config_(std::move(config)), random_(&random), packets_(kMostPackets), events_(kMostEvents) {
  std::array<std::byte, 8> secret{};
  random.fill(secret);
  echo_secret_ = load_be64(secret);
  next_id_ = random16();
  allow_fragments(config_.fragments);
}

Host::~Host() = default;

HostStats Host::stats() const {
  HostStats stats = stats_;
  stats.drops[static_cast<std::size_t>(Drop::queue_full)] += packets_.refused();
  if (reassembly_) stats.drops[static_cast<std::size_t>(Drop::fragment)] += reassembly_->dropped();
  return stats;
}

bool Host::is_own(const IpAddress& address) const {
  return std::ranges::any_of(config_.addresses,
                             [&](const Prefix& own) { return own.address == address; });
}

std::optional<IpAddress> Host::source_for(const IpAddress& destination) const {
  const Prefix* best = nullptr;
  for (const Prefix& own : config_.addresses) {
    if (own.address.family != destination.family) continue;
    if (best == nullptr || wire::contains(own, destination)) best = &own;
    if (wire::contains(own, destination)) break;
  }
  if (best == nullptr) return std::nullopt;
  return best->address;
}

std::optional<Instant> Host::next_timeout() const {
  const auto tcp = tcp_ ? tcp_->next_timeout() : std::nullopt;
  const auto pieces = reassembly_ ? reassembly_->next_timeout() : std::nullopt;
  if (!tcp || !pieces) return tcp ? tcp : pieces;
  return std::min(*tcp, *pieces);
}

void Host::allow_fragments(bool allowed) {
  config_.fragments = allowed && config_.mtu >= wire::kLeastCut;
}

std::optional<Drop> Host::refuse(const wire::IpPacket& packet) const {
  if (!wire::ipv4_header_intact(packet)) return Drop::bad_checksum;
  if (!is_own(packet.destination)) return Drop::not_ours;
  if (is_own(packet.source)) return Drop::own_source;
  if (wire::is_unspecified(packet.source) || wire::is_multicast(packet.source) ||
      wire::is_loopback(packet.source) || wire::is_mapped(packet.source))
    return Drop::bad_source;
  if (packet.fragment && !config_.fragments) return Drop::fragment;
  if (packet.routed_on) return Drop::routed_on;
  return std::nullopt;
}

void Host::handle_packet(Instant now, std::span<const std::byte> whole) {
  ++stats_.received_packets;
  const auto packet = wire::parse_ip(whole);
  if (!packet) return drop(Drop::malformed);
  if (const auto reason = refuse(*packet)) return drop(*reason);
  packet->fragment ? handle_fragment(now, *packet) : handle_whole(now, *packet, whole);
}

void Host::handle_fragment(Instant now, const wire::IpPacket& piece) {
  if (!reassembly_) reassembly_ = std::make_unique<Reassembly>();
  const auto whole = reassembly_->take(now, piece);
  if (whole.empty()) return;
  if (const auto packet = wire::parse_ip(whole)) handle_whole(now, *packet, whole);
}

void Host::handle_whole(Instant now, const wire::IpPacket& packet,
                        std::span<const std::byte> whole) {
  switch (packet.protocol) {
    case wire::Protocol::icmp:
    case wire::Protocol::icmpv6: return handle_icmp(now, packet);
    case wire::Protocol::udp: return handle_udp(now, packet, whole);
    case wire::Protocol::tcp:
      if (const auto reason = tcp().handle_packet(now, packet)) drop(*reason);
      return;
    default: drop(Drop::protocol);
  }
}

void Host::handle_timeout(Instant now) {
  if (reassembly_) reassembly_->expire(now);
  if (tcp_) tcp_->handle_timeout(now);
}

void Host::handle_icmp(Instant now, const wire::IpPacket& packet) {
  if ((packet.protocol == wire::Protocol::icmp) != (packet.source.family == Family::v4))
    return drop(Drop::protocol);
  const auto message = wire::parse_icmp(packet);
  if (!message) return drop(reason_of(message.error().code));
  if (message->kind == wire::IcmpKind::echo_request) return answer_echo(packet, *message);
  if (message->kind == wire::IcmpKind::echo_reply) return handle_echo_reply(now, packet, *message);
  if (wire::is_icmp_error(message->kind)) return handle_icmp_error(now, packet, *message);
  drop(Drop::protocol);
}

void Host::answer_echo(const wire::IpPacket& packet, const wire::IcmpMessage& message) {
  const std::size_t size = wire::echo_packet_size(packet.source.family, message.body.size());
  if (size > config_.mtu && !config_.fragments) return drop(Drop::too_big);
  const auto out = room(size);
  if (out.empty()) return;
  wire::write_echo_reply(out, answer_header(packet),
                         {message.echo_id, message.echo_sequence, message.body});
  commit(out);
}

void Host::handle_echo_reply(Instant now, const wire::IpPacket& packet,
                             const wire::IcmpMessage& message) {
  if (!std::ranges::binary_search(echo_ids_, message.echo_id)) return drop(Drop::unsolicited);
  if (events_.full()) return drop(Drop::queue_full);
  events_.add(
      EchoReplied{now, packet.source, message.echo_id, message.echo_sequence, packet.hop_limit,
                  message.body.size(),
                  has_marks(message.body, payload_mark(message.echo_id, message.echo_sequence))});
}

void Host::handle_icmp_error(Instant now, const wire::IpPacket& packet,
                             const wire::IcmpMessage& message) {
  const auto about = wire::parse_quoted(message.body);
  if (!about) return drop(Drop::malformed);
  if (!is_own(about->source)) return drop(Drop::unsolicited);
  if (events_.full()) return drop(Drop::queue_full);
  IcmpFailed failed{now,          packet.source, message.kind, message.type,
                    message.code, message.mtu,   *about,       std::nullopt};
  if (tcp_ && about->protocol == wire::Protocol::tcp) failed.connection = tcp_->find(*about);
  events_.add(failed);
}

void Host::handle_udp(Instant now, const wire::IpPacket& packet, std::span<const std::byte> whole) {
  const auto datagram = wire::parse_udp(packet);
  if (!datagram) return drop(reason_of(datagram.error().code));
  if (!std::ranges::binary_search(udp_ports_, datagram->ports.destination))
    return answer_closed_port(packet, whole);
  if (events_.full()) return drop(Drop::queue_full);
  events_.add_datagram({now,
                        {packet.source, 0, datagram->ports.source},
                        packet.destination,
                        datagram->ports.destination,
                        packet.hop_limit,
                        datagram->payload});
}

void Host::answer_closed_port(const wire::IpPacket& packet, std::span<const std::byte> whole) {
  const Family family = packet.source.family;
  const std::size_t size = packet.header.size() + packet.payload.size();  // without padding
  const auto quote = whole.first(wire::quote_size(family, size));
  const auto out = packets_.add(wire::echo_packet_size(family, quote.size()));
  if (!out.empty()) wire::write_port_unreachable(out, answer_header(packet), quote);
}

std::uint16_t Host::open_echo() {
  assert(echo_ids_.size() < UINT16_MAX);
  for (;;)
    if (const std::uint16_t id = random16(); insert(echo_ids_, id)) return id;
}

void Host::close_echo(std::uint16_t id) { erase(echo_ids_, id); }

Result<> Host::send_echo(const EchoRequest& request) {
  const std::size_t size = wire::echo_packet_size(request.to.family, request.payload_size);
  const auto out = room_to(request.to, size, config_.mtu);
  if (!out) return tl::unexpected(out.error());
  wire::IpHeader header{*source_for(request.to), request.to};
  header.hop_limit = request.hop_limit;
  header.id = next_id_++;
  header.dont_fragment = request.dont_fragment;
  // The payload is written in its place; write_echo_request() copies it onto itself.
  const auto payload = out->last(request.payload_size);
  write_marks(payload, payload_mark(request.id, request.sequence));
  wire::write_echo_request(*out, header, {request.id, request.sequence, payload});
  return {};
}

Result<std::uint16_t> Host::bind_udp(std::uint16_t port) {
  if (port != 0) {
    if (!insert(udp_ports_, port))
      return fail(Errc::refused, fmt::format("UDP port {} is in use in the tunnel's host", port));
    return port;
  }
  for (int tries = 0; tries < 1000; ++tries) {
    const auto random_port = static_cast<std::uint16_t>(random16() | kFirstDynamicPort);
    if (insert(udp_ports_, random_port)) return random_port;
  }
  return fail(Errc::refused, "the tunnel's host has no free UDP port");
}

void Host::close_udp(std::uint16_t port) { erase(udp_ports_, port); }

Result<> Host::send_udp(const UdpSend& to, std::span<const std::byte> payload) {
  assert(!to.from || is_own(*to.from));
  const auto out =
      room_to(to.to.address, wire::udp_packet_size(to.to.address.family, payload.size()),
              config_.fragments ? UINT16_MAX : config_.mtu);
  if (!out) return tl::unexpected(out.error());
  wire::IpHeader header{to.from ? *to.from : *source_for(to.to.address), to.to.address};
  header.hop_limit = to.hop_limit;
  header.id = next_id_++;
  wire::write_udp_packet(*out, header, {to.from_port, to.to.port}, payload);
  commit(*out);
  return {};
}

Tcp& Host::tcp() {
  if (!tcp_) tcp_ = std::make_unique<Tcp>(*this, *random_, packets_, events_);
  return *tcp_;
}

std::span<const std::byte> Host::poll_packet() {
  const auto packet = packets_.take();
  if (!packet.empty()) ++stats_.sent_packets;
  return packet;
}

std::optional<Event> Host::poll_event() { return events_.take(); }

std::span<std::byte> Host::room(std::size_t size) {
  if (size <= config_.mtu) return packets_.add(size);
  uncut_.resize(std::max(uncut_.size(), size));
  return std::span(uncut_).first(size);
}

void Host::commit(std::span<std::byte> packet) {
  if (packet.size() <= config_.mtu) return;  // it was written in its place
  const std::uint32_t id = (std::uint32_t{random16()} << 16U) | next_id_++;
  const wire::Pieces pieces(packet, config_.mtu, id);
  if (packets_.room() < pieces.count()) return packets_.refuse();
  for (std::size_t i = 0; i < pieces.count(); ++i) pieces.write(i, packets_.add(pieces.size(i)));
}

Result<std::span<std::byte>> Host::room_to(const IpAddress& destination, std::size_t size,
                                           std::size_t most) {
  if (!source_for(destination))
    return fail(Errc::bad_value,
                fmt::format("{}: the tunnel's host has no address of this IP version",
                            destination.to_string()));
  if (is_own(destination))
    return fail(Errc::bad_value, fmt::format("{} is this host's own address inside the tunnel",
                                             destination.to_string()));
  if (size > most)
    return fail(Errc::too_large,
                fmt::format("a packet of {} bytes does not fit the MTU of {}", size, most));
  const auto out = room(size);
  if (out.empty())
    return fail(Errc::io,
                fmt::format("{} packets are already waiting for the tunnel", kMostPackets));
  return out;
}

wire::IpHeader Host::answer_header(const wire::IpPacket& packet) {
  wire::IpHeader header{packet.destination, packet.source};
  header.id = next_id_++;
  return header;
}

/// Differs for each request, and cannot be guessed: multiplication by an odd number mixes (64-bit
/// Fibonacci hashing), and the secret is never sent bare.
std::uint64_t Host::payload_mark(std::uint16_t id, std::uint16_t sequence) const {
  const std::uint64_t request = (std::uint64_t{id} << 16U) | sequence;
  std::uint64_t mark = (request + 1) * 0x9e3779b97f4a7c15U ^ echo_secret_;
  mark ^= mark >> 29U;
  return mark * 0xbf58476d1ce4e5b9U;
}

std::uint16_t Host::random16() {
  std::array<std::byte, 2> bytes{};
  random_->fill(bytes);
  return load_be16(bytes);
}

}  // namespace wgscope::inner
