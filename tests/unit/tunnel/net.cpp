#include "net.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "wgscope/base/bytes.hpp"
#include "wgscope/base/time.hpp"
#include "wgscope/crypto/x25519.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/tunnel/event.hpp"
#include "wgscope/tunnel/interface.hpp"
#include "wgscope/wire/message.hpp"

namespace wgscope::tunnel::testing {
namespace {

constexpr std::size_t kHeader4 = 20;

Endpoint address_of(std::size_t node) {
  Endpoint address;
  address.port = 51820;
  store_be32(std::span(address.address.bytes).first<4>(),
             0xc6120000U + static_cast<std::uint32_t>(node) + 1);  // 198.18.0.0/15
  return address;
}

IpAddress inner_of(std::size_t node) {
  IpAddress address;
  store_be32(std::span(address.bytes).first<4>(),
             0x0a000000U + static_cast<std::uint32_t>(node) + 1);
  return address;
}

std::uint32_t word(std::span<const std::byte> bytes, std::size_t at) {
  return load_le32(bytes.subspan(at).first<4>());
}

Logged parse(std::span<const std::byte> bytes) {
  using wire::MessageType;
  Logged entry{};
  entry.type = wire::classify(bytes);
  entry.size = bytes.size();
  if (!entry.type) return entry;
  switch (*entry.type) {
    case MessageType::initiation: entry.sender = word(bytes, 4); break;
    case MessageType::response:
      entry.sender = word(bytes, 4);
      entry.receiver = word(bytes, 8);
      break;
    case MessageType::cookie_reply: entry.receiver = word(bytes, 4); break;
    case MessageType::transport:
      entry.receiver = word(bytes, 4);
      entry.counter = load_le64(bytes.subspan(8).first<8>());
      break;
  }
  return entry;
}

}  // namespace

void SeededRandom::fill(std::span<std::byte> out) {
  for (std::byte& byte : out) byte = static_cast<std::byte>(engine_());
}

bool SeededRandom::chance(double probability) {
  return probability > 0 && std::uniform_real_distribution<double>(0, 1)(engine_) < probability;
}

std::size_t Node::count(EventKind kind) const {
  return static_cast<std::size_t>(std::ranges::count(events, kind, &Event::kind));
}

std::size_t Node::count(DropReason reason) const {
  return static_cast<std::size_t>(interface->dropped(reason));
}

std::optional<Event> Node::last(EventKind kind) const {
  for (std::size_t i = events.size(); i-- > 0;)
    if (events[i].kind == kind) return events[i];
  return std::nullopt;
}

Net::Net(std::uint64_t seed) : random_(std::make_unique<SeededRandom>(seed)), seed_(seed) {}

std::size_t Net::add_node(const NodeOptions& options) {
  const std::size_t node = nodes_.size();
  Identity identity;
  random_->fill(identity.key.secret.bytes());
  identity.public_key.bytes = *crypto::derive_public_key(identity.key.secret);
  identities_.push_back(std::move(identity));
  nodes_.push_back(std::make_unique<Node>());
  (*this)[node].random = std::make_unique<SeededRandom>(seed_ * 1000 + node);
  (*this)[node].inner = inner_of(node);
  move_node(node, address_of(node));
  make_interface(node, options);
  return node;
}

void Net::make_interface(std::size_t node, const NodeOptions& options) {
  InterfaceConfig config{.private_key = {identities_[node].key.secret.clone()},
                         .mtu = options.mtu,
                         .last_stamp = options.last_stamp,
                         .handshakes_per_second = options.handshakes_per_second,
                         .handshake_burst = options.handshake_burst};
  auto made = Interface::create(std::move(config), *(*this)[node].random);
  ASSERT_TRUE(made.has_value());
  (*this)[node].interface.emplace(std::move(*made));
}

void Net::restart(std::size_t node, const NodeOptions& options) {
  make_interface(node, options);
  std::erase_if(ids_, [&](const auto& entry) { return entry.first.first == node; });
}

PeerId Net::introduce(std::size_t knower, std::size_t known, const Acquaintance& how) {
  PeerConfig config{.public_key = identities_[known].public_key,
                    .preshared_key = {},
                    .allowed_ips = {{(*this)[known].inner, 32}},
                    .endpoint = std::nullopt,
                    .persistent_keepalive = how.persistent_keepalive};
  std::ranges::fill(config.preshared_key.secret.bytes(), std::byte{how.preshared});
  if (how.endpoint) config.endpoint = (*this)[known].address;
  const auto added = interface(knower).add_peer(now(knower), std::move(config));
  EXPECT_TRUE(added.has_value());
  if (added) ids_.insert_or_assign({knower, known}, *added);
  return added.value_or(PeerId{});
}

void Net::forget(std::size_t knower, std::size_t known) {
  interface(knower).remove_peer(id(knower, known));
  ids_.erase({knower, known});
  flush(knower);
}

Now Net::now(std::size_t node) const {
  constexpr std::chrono::seconds kEpoch{1'700'000'000};
  return {now_, {now_.since_boot + kEpoch + nodes_[node]->wall_offset}};
}

void Net::move_node(std::size_t node, const Endpoint& address) {
  addresses_.erase((*this)[node].address);
  (*this)[node].address = address;
  addresses_.insert_or_assign(address, node);
}

void Net::flush(std::size_t node) {
  Node& here = (*this)[node];
  if (here.polled)
    while (const auto batch = here.interface->poll_transmit()) transmit(node, *batch);
  while (const auto event = here.interface->poll_event()) here.events.push_back(*event);
}

void Net::transmit(std::size_t from, const Transmit& batch) {
  for (std::span<const std::byte> left = batch.bytes; !left.empty();) {
    const auto datagram = left.first(std::min(left.size(), batch.segment_size));
    left = left.subspan(datagram.size());
    Logged entry = parse(datagram);
    entry.at = now_;
    entry.from = from;
    entry.to = batch.to;
    if (keep_bytes) entry.bytes.assign(datagram.begin(), datagram.end());
    log.push_back(std::move(entry));
    if ((*this)[from].mute) continue;
    launch({from, (*this)[from].address, batch.to, {datagram.begin(), datagram.end()}});
  }
}

void Net::launch(Flight flight) {
  const int copies = random_->chance(link.duplication) ? 2 : 1;
  for (int i = 0; i < copies; ++i) {
    if (random_->chance(link.loss)) continue;
    Flight copy = flight;
    if (random_->chance(link.corruption)) {
      copy.damaged = true;
      copy.bytes[random_->below(copy.bytes.size())] ^= std::byte{1} << random_->below(8);
    }
    Nanoseconds delay = link.delay;
    if (link.spread.count() > 0)
      delay += Nanoseconds(random_->below(static_cast<std::uint64_t>(link.spread.count())));
    flights_.emplace(now_ + delay, std::move(copy));
  }
}

void Net::arrive(Flight flight) {
  const auto to = addresses_.find(flight.to);
  if (to == addresses_.end() || (*this)[to->second].deaf) return;
  Node& node = (*this)[to->second];
  const std::size_t before = node.delivered.size();
  inject(to->second, flight.source, std::move(flight.bytes));
  if (!flight.damaged) return;
  ++corrupted;
  EXPECT_EQ(node.delivered.size(), before) << "damaged data was delivered";
}

void Net::inject(std::size_t to, const Endpoint& source, Bytes bytes) {
  Node& node = (*this)[to];
  const Received received = node.interface->handle_datagram(now(to), source, bytes);
  if (received.peer)
    node.delivered.push_back(
        {now_, *received.peer, {received.packet.begin(), received.packet.end()}});
  flush(to);
}

Sent Net::send_raw(std::size_t from, Bytes packet) {
  const Sent sent = interface(from).send(now(from), packet);
  flush(from);
  return sent;
}

Sent Net::send(std::size_t from, std::size_t to, std::string_view payload) {
  return send_raw(from, ipv4((*this)[from].inner, (*this)[to].inner, payload));
}

bool Net::initiate(std::size_t from, std::size_t to) {
  const bool begun = interface(from).initiate(now(from), id(from, to));
  flush(from);
  return begun;
}

void Net::run_until(Instant end) {
  for (;;) {
    Instant next = end;
    std::optional<std::size_t> due;
    for (std::size_t i = 0; i < nodes_.size(); ++i) {
      const auto timeout = interface(i).next_timeout();
      if (timeout && *timeout <= next) {
        next = *timeout;
        due = i;
      }
    }
    if (!flights_.empty() && flights_.begin()->first <= next) {
      auto first = flights_.extract(flights_.begin());
      now_ = std::max(now_, first.key());
      arrive(std::move(first.mapped()));
    } else if (due) {
      now_ = std::max(now_, next);
      interface(*due).handle_timeout(now(*due));
      const auto after = interface(*due).next_timeout();
      ASSERT_TRUE(!after || *after > now_) << "a timeout that is due again at once";
      flush(*due);
    } else {
      now_ = std::max(now_, end);
      return;
    }
  }
}

std::vector<std::string> Net::received(std::size_t node) const {
  std::vector<std::string> payloads;
  for (const Delivered& one : nodes_[node]->delivered) payloads.push_back(payload_of(one.packet));
  return payloads;
}

std::vector<Logged> Net::sent(std::size_t node, wire::MessageType type, std::size_t mark) const {
  std::vector<Logged> found;
  for (std::size_t i = mark; i < log.size(); ++i)
    if (log[i].from == node && log[i].type == type) found.push_back(log[i]);
  return found;
}

Bytes ipv4(const IpAddress& source, const IpAddress& destination, std::string_view payload,
           std::size_t size) {
  Bytes packet(std::max(size, kHeader4 + payload.size()));
  const std::span bytes(packet);
  bytes[0] = std::byte{0x45};
  store_be16(bytes.subspan(2).first<2>(), static_cast<std::uint16_t>(packet.size()));
  std::ranges::copy(source.octets(), bytes.subspan(12).begin());
  std::ranges::copy(destination.octets(), bytes.subspan(16).begin());
  std::ranges::copy(std::as_bytes(std::span(payload)), bytes.subspan(kHeader4).begin());
  return packet;
}

std::string payload_of(std::span<const std::byte> packet) {
  std::string text;
  for (const std::byte byte : packet.subspan(kHeader4)) text.push_back(static_cast<char>(byte));
  return text;
}

Net make_pair(const Acquaintance& initiator, const Acquaintance& responder, std::uint64_t seed) {
  Net net(seed);
  net.add_node();
  net.add_node();
  net.introduce(0, 1, initiator);
  net.introduce(1, 0, responder);
  return net;
}

}  // namespace wgscope::tunnel::testing
