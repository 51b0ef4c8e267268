#include "outer_witness.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <utility>

#include "wgscope/base/bytes.hpp"
#include "wgscope/base/random.hpp"
#include "wgscope/base/result.hpp"
#include "wgscope/base/time.hpp"
#include "wgscope/checks/outer.hpp"
#include "wgscope/checks/run.hpp"
#include "wgscope/diagnosis/handshake.hpp"
#include "wgscope/diagnosis/text.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/os/clock.hpp"
#include "wgscope/os/echo_socket.hpp"
#include "wgscope/os/poll_loop.hpp"
#include "wgscope/os/udp_socket.hpp"
#include "wgscope/path/hop_search.hpp"
#include "wgscope/path/mtu_search.hpp"
#include "wgscope/wire/ip.hpp"
#include "wgscope/wire/udp.hpp"

#include "checks/drive.hpp"
#include "checks/icmp_error.hpp"
#include "echo_replies.hpp"

namespace wgscope::checks {
namespace {

constexpr std::size_t kMark = 8;        ///< bytes of a payload's beginning: a secret, an identifier
constexpr std::size_t kEchoHeader = 8;  // RFC 792, RFC 4443 §4.1

std::size_t payload_of(std::size_t size, Family family, std::size_t header) {
  const std::size_t headers = wire::ip_header_size(family) + header;
  return std::max(size, headers + kMark) - headers;
}

os::UdpOptions uncut(std::optional<std::uint32_t> mark) {
  os::UdpOptions options;
  options.mark = mark;
  options.fragmentation = os::Fragmentation::probe;
  options.offload = false;
  options.socket_buffer = 1U << 18U;
  options.receive_memory = 4096;
  options.max_datagram = 2048;
  return options;
}

/// Maps a search's identifiers to those of a witness.
class Identifiers {
 public:
  explicit Identifiers(OuterWitness& witness) : witness_(witness), base_(witness.base()) {}

  std::uint32_t outside(std::uint32_t id) {
    witness_.set_base(std::max(witness_.base(), base_ + id + 1));
    return base_ + id;
  }
  /// Also where it is not known which packet something is about.
  [[nodiscard]] bool may_be_ours(OuterWitness::Id id) const { return !id || *id >= base_; }
  [[nodiscard]] OuterWitness::Id inside(OuterWitness::Id id) const {
    return id ? OuterWitness::Id(*id - base_) : std::nullopt;
  }

 private:
  OuterWitness& witness_;
  std::uint32_t base_;
};

/// Shows a person who waits the largest size that has passed so far.
class Growth {
 public:
  explicit Growth(const OuterSearch& with) : with_(with) {}

  void note_sent(const path::MtuProbe& probe) { sizes_[probe.id] = probe.size; }
  void take_answer(std::uint32_t id) {
    const auto sent = sizes_.find(id);
    if (sent == sizes_.end() || sent->second <= largest_) return;
    largest_ = sent->second;
    with_.run.say(diagnosis::text("{}: {} bytes pass", with_.what, largest_), with_.deadline);
  }

 private:
  const OuterSearch& with_;
  std::map<std::uint32_t, std::size_t> sizes_;
  std::size_t largest_ = 0;
};

template <class Search, class Send>
void send_all(Search& search, const Send& send) {
  while (const auto probe = search.poll_probe(os::boot_now())) send(*probe);
}

}  // namespace

void OuterWitness::tell_answer(Instant now, Id id) const {
  attendance_.tell([&](const Attendant& one) {
    if (one.on_answer) one.on_answer(now, id);
  });
}

void OuterWitness::tell_exceeded(Instant now, Id id, const IpAddress& from) const {
  attendance_.tell([&](const Attendant& one) {
    if (one.on_exceeded) one.on_exceeded(now, id, from);
  });
}

void OuterWitness::tell_too_big(Instant now, Id id, const IpAddress& from, std::size_t mtu) const {
  attendance_.tell([&](const Attendant& one) {
    if (one.on_too_big) one.on_too_big(now, id, from, mtu);
  });
}

/// Of what says that packets cannot get there; what the host itself says of a port is an answer.
void OuterWitness::note_unreachable(const os::SocketError& error) {
  if (unreachable_ || !error.offender) return;
  unreachable_ = diagnosis::IcmpReport{
      .from = *error.offender, .type = error.type, .code = error.code, .count = 1};
}

Result<std::unique_ptr<UdpWitness>> UdpWitness::open(Run& run, Random& random, const Endpoint& to,
                                                     std::optional<std::uint32_t> mark) {
  Endpoint any;
  any.address.family = to.address.family;
  auto socket = os::UdpSocket::open(any, uncut(mark));
  if (!socket) return tl::unexpected(socket.error());
  std::unique_ptr<UdpWitness> witness(new UdpWitness(std::move(*socket), to));
  random.fill(witness->secret_);
  auto watch = run.watch(witness->socket_.fd(), [made = witness.get()] { made->read(); });
  if (!watch) return tl::unexpected(watch.error());
  witness->watch_ = std::move(*watch);
  return witness;
}

UdpWitness::UdpWitness(os::UdpSocket socket, const Endpoint& to)
    : OuterWitness(to), socket_(std::move(socket)) {}

OuterWitness::Sent UdpWitness::send(const Packet& packet) {
  payload_.assign(payload_of(packet.size, to_.address.family, wire::kUdpHeaderSize), std::byte{0});
  std::ranges::copy(secret_, payload_.begin());
  store_be32(std::span(payload_).subspan<4, 4>(), packet.id);
  const std::uint32_t place = packet.one_flow ? 0 : packet.id % kOuterPorts;
  last_of_port_.at(place) = packet.one_flow ? Id{} : Id{packet.id};
  Endpoint to = to_;
  to.port = static_cast<std::uint16_t>(to_.port + place);
  if (!socket_.set_hop_limit(packet.hop_limit)) return {};
  const std::array batch{os::SendBatch{
      .to = to, .bytes = payload_, .segment_size = payload_.size(), .from = std::nullopt}};
  const auto sent = socket_.send(batch);
  const int failure = sent.failures.empty() ? 0 : sent.failures.front().sys_errno;
  const bool too_large = failure == EMSGSIZE;
  if (failure == 0) ++packets_sent_;
  if (too_large) read();
  if (failure != 0 && !too_large) note_unsent(failure);
  return {.too_large = too_large, .limit = too_large ? std::exchange(limit_, {}) : std::nullopt};
}

void UdpWitness::read() {
  socket_.read_errors([&](const os::SocketError& error) { take(error); });
  // Where something listens after all, its answers do not tell what size they are about.
  static_cast<void>(socket_.receive([](const os::Received&) {}));
}

void UdpWitness::take(const os::SocketError& error) {
  const Instant now = os::boot_now();
  if (error.origin == os::SocketError::Origin::local) {
    if (error.sys_errno == EMSGSIZE) limit_ = error.info;
    return;
  }
  if (!error.offender || error.destination.address != to_.address) return;
  const Id id = id_of(error);
  if (is_port_unreachable(error) && *error.offender == to_.address) {
    tell_answer(now, id);
  } else if (is_time_exceeded(error)) {
    tell_exceeded(now, id, *error.offender);
  } else if (error.sys_errno == EMSGSIZE) {
    tell_too_big(now, id, *error.offender, error.info);
  } else {
    note_unreachable(error);
  }
}

/// By what the error quotes of the payload. Where it quotes nothing, by the port, unless all
/// packets go to one port.
OuterWitness::Id UdpWitness::id_of(const os::SocketError& error) const {
  const std::span<const std::byte, 16> quoted(error.quoted);
  if (error.quoted_size >= kMark) {
    if (!std::ranges::equal(quoted.first<4>(), secret_)) return std::nullopt;
    return load_be32(quoted.subspan<4, 4>());
  }
  const unsigned place = unsigned{error.destination.port} - to_.port;
  return place < kOuterPorts ? last_of_port_.at(place) : std::nullopt;
}

Result<std::unique_ptr<EchoWitness>> EchoWitness::open(Run& run, Random& random, const Endpoint& to,
                                                       std::optional<std::uint32_t> mark) {
  auto socket = os::EchoSocket::open(to.address.family, random, mark);
  if (!socket) return tl::unexpected(socket.error());
  if (auto set = socket->watch_path(); !set) return tl::unexpected(set.error());
  std::unique_ptr<EchoWitness> witness(new EchoWitness(std::move(*socket), to));
  auto watch = run.watch(witness->socket_.fd(), [made = witness.get()] { made->read(); });
  if (!watch) return tl::unexpected(watch.error());
  witness->watch_ = std::move(*watch);
  return witness;
}

EchoWitness::EchoWitness(os::EchoSocket socket, const Endpoint& to)
    : OuterWitness(to),
      socket_(std::move(socket)),
      replies_(wire::ip_header_size(to.address.family) + kEchoHeader) {}

OuterWitness::Sent EchoWitness::send(const Packet& packet) {
  if (!socket_.set_hop_limit(packet.hop_limit)) return {};
  const auto sequence = static_cast<std::uint16_t>(packet.id);
  const std::size_t payload = payload_of(packet.size, to_.address.family, kEchoHeader);
  replies_.note_sent(sequence, payload);
  const auto sent = socket_.send(to_, sequence, payload);
  if (sent) {
    ++packets_sent_;
    return {};
  }
  if (sent.error().sys_errno != EMSGSIZE) {
    note_unsent(sent.error().sys_errno);
    return {};
  }
  read();
  return {.too_large = true, .limit = std::exchange(limit_, {})};
}

void EchoWitness::read() {
  while (const auto error = socket_.next_error()) take(*error);
  while (const auto reply = socket_.receive()) {
    if (reply->from != to_.address) continue;
    if (reply->largest_fragment) {
      if (reply->intact) fragment_ = std::max(fragment_.value_or(0), *reply->largest_fragment);
    } else if (replies_.judge(*reply) != EchoReplies::Proof::nothing) {
      tell_answer(os::boot_now(), reply->sequence);
    }
  }
}

void EchoWitness::take(const os::EchoError& error) {
  const Instant now = os::boot_now();
  if (error.error.origin == os::SocketError::Origin::local) {
    if (error.error.sys_errno == EMSGSIZE) limit_ = error.error.info;
    return;
  }
  if (!error.error.offender) return;
  const IpAddress& from = *error.error.offender;
  if (is_time_exceeded(error.error)) {
    tell_exceeded(now, *error.sequence, from);
  } else if (error.error.sys_errno == EMSGSIZE) {
    tell_too_big(now, *error.sequence, from, error.error.info);
  } else {
    note_unreachable(error.error);
  }
}

path::MtuResult search(const OuterSearch& with, const path::MtuSearchConfig& config,
                       std::uint8_t hop_limit) {
  path::MtuSearch search(config);
  Identifiers ids(with.witness);
  Growth growth(with);
  const auto take_answer = [&](Instant now, OuterWitness::Id id) {
    if (!id || !ids.may_be_ours(id)) return;
    growth.take_answer(*ids.inside(id));
    search.handle_answer(now, *ids.inside(id));
  };
  const auto take_exceeded = [&](Instant now, OuterWitness::Id id, const IpAddress&) {
    if (hop_limit != 0) take_answer(now, id);
  };
  const auto take_too_big = [&](Instant now, OuterWitness::Id id, const IpAddress& from,
                                std::size_t mtu) {
    if (ids.may_be_ours(id)) search.handle_too_big(now, from, mtu);
  };
  const auto send = [&](const path::MtuProbe& probe) {
    growth.note_sent(probe);
    const auto sent =
        with.witness.send({.id = ids.outside(probe.id),
                           .size = probe.size,
                           .hop_limit = hop_limit == 0 ? std::nullopt : std::optional(hop_limit)});
    if (sent.too_large) search.handle_refused(os::boot_now(), probe.id, sent.limit);
  };
  const auto attention = with.witness.attend(
      {.on_answer = take_answer, .on_exceeded = take_exceeded, .on_too_big = take_too_big});
  drive(with.run, search, with.deadline, [&] { send_all(search, send); });
  return search.result();
}

path::HopSearchResult search(const OuterSearch& with, const path::HopSearchConfig& config) {
  path::HopSearch search(config);
  Identifiers ids(with.witness);
  const auto take_answer = [&](Instant now, OuterWitness::Id id) {
    if (ids.may_be_ours(id)) search.handle_arrived(now, ids.inside(id));
  };
  const auto take_exceeded = [&](Instant now, OuterWitness::Id id, const IpAddress& from) {
    if (ids.may_be_ours(id)) search.handle_exceeded(now, ids.inside(id), from);
  };
  const auto take_too_big = [&](Instant, OuterWitness::Id id, const IpAddress& from, std::size_t) {
    if (ids.may_be_ours(id)) search.handle_too_big(ids.inside(id), from);
  };
  const auto send = [&](const path::HopProbe& probe) {
    static_cast<void>(with.witness.send({.id = ids.outside(probe.id),
                                         .size = probe.size,
                                         .hop_limit = probe.hop_limit,
                                         .one_flow = true}));
  };
  const auto attention = with.witness.attend(
      {.on_answer = take_answer, .on_exceeded = take_exceeded, .on_too_big = take_too_big});
  drive(with.run, search, with.deadline, [&] { send_all(search, send); });
  return search.result();
}

}  // namespace wgscope::checks
