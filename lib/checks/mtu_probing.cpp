#include "mtu_probing.hpp"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <variant>

#include "wgscope/base/time.hpp"
#include "wgscope/checks/run.hpp"
#include "wgscope/checks/session.hpp"
#include "wgscope/inner/event.hpp"
#include "wgscope/inner/host.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/os/clock.hpp"
#include "wgscope/os/udp_socket.hpp"
#include "wgscope/path/mtu_search.hpp"
#include "wgscope/tunnel/interface.hpp"
#include "wgscope/wire/icmp.hpp"
#include "wgscope/wire/ip.hpp"
#include "wgscope/wire/message.hpp"
#include "wgscope/wire/udp.hpp"

namespace wgscope::checks {
namespace {

constexpr std::size_t kControlPayload = 16;

}  // namespace

std::size_t datagram_overhead(Family outer) {
  return wire::ip_header_size(outer) + wire::kUdpHeaderSize;
}

std::size_t tunnel_overhead(Family outer) {
  return datagram_overhead(outer) + wire::kTransportOverhead;
}

MtuProbing::MtuProbing(Run& run, Session& session, const IpAddress& target, MtuWay way)
    : run_(run),
      session_(session),
      target_(target),
      way_(way),
      id_(session.host().open_echo()),
      errors_seen_(session.socket_errors.size()),
      failures_seen_(session.send_failures.size()),
      fragments_seen_(session.fragmented.size()),
      inner_fragments_before_(session.host().stats().dropped(inner::Drop::fragment)) {
  session_.on_inner = [this](const inner::Event& event) { take(event); };
}

MtuProbing::~MtuProbing() {
  session_.on_inner = nullptr;
  session_.next_tick = nullptr;
  session_.tick = nullptr;
  session_.host().close_echo(id_);
}

bool MtuProbing::inner_fragments() const {
  return session_.host().stats().dropped(inner::Drop::fragment) > inner_fragments_before_;
}

void MtuProbing::drive(path::MtuSearch& search, Instant deadline) {
  search_ = &search;
  session_.next_tick = [&search] { return search.next_timeout(); };
  session_.tick = [&search](Instant now) { search.handle_timeout(now); };
  static_cast<void>(run_.wait(
      [&] {
        take_errors();
        send_probes();
        return search.done();
      },
      deadline));
  session_.next_tick = nullptr;
  session_.tick = nullptr;
  search_ = nullptr;
}

void MtuProbing::send_probes() {
  while (const auto probe = search_->poll_probe(os::boot_now())) {
    sizes_.resize(std::max<std::size_t>(sizes_.size(), probe->id + 1));
    sizes_[probe->id] = probe->size;
    send(*probe);
    take_errors();
  }
}

/// By itself, so that it is not one of a batch that the kernel cuts.
void MtuProbing::send(const path::MtuProbe& probe) {
  const Family outer = session_.gateway().address.family;
  inner::EchoRequest request{.to = target_,
                             .id = id_,
                             .sequence = static_cast<std::uint16_t>(probe.id),
                             .payload_size = kControlPayload};
  const std::size_t least = wire::echo_packet_size(target_.family, 0);
  if (way_ == MtuWay::backward && probe.size > 0)
    request.payload_size = probe.size - tunnel_overhead(outer) - least;
  session_.pump();
  if (!session_.host().send_echo(request)) return;  // as if it was lost
  const auto packet = session_.host().poll_packet();
  const std::size_t bare = packet.size() + wire::kTransportOverhead;
  const bool padded = way_ == MtuWay::forward && probe.size > 0;
  const std::size_t size = padded ? probe.size - datagram_overhead(outer) : bare;
  static_cast<void>(session_.interface().send_padded(os::now(), packet, size));
  session_.pump();
  if (session_.send_failures.size() == failures_seen_) return;
  failures_seen_ = session_.send_failures.size();
  if (session_.send_failures.back().sys_errno == EMSGSIZE) refused_ = probe.id;
}

/// Reports about datagrams in flight, and by the own host about one that it did not send: the queue
/// has what would have fitted.
void MtuProbing::take_errors() {
  session_.read_errors();
  for (; errors_seen_ < session_.socket_errors.size(); ++errors_seen_) {
    const os::SocketError error = session_.socket_errors[errors_seen_];
    if (error.sys_errno != EMSGSIZE) continue;
    if (error.origin != os::SocketError::Origin::local) {
      if (error.offender) search_->handle_too_big(os::boot_now(), *error.offender, error.info);
    } else if (refused_) {
      search_->handle_refused(os::boot_now(), *refused_, error.info);
      refused_.reset();
    }
  }
}

/// Whether a datagram that can have been this probe's reply came in fragments: padded to 16 bytes,
/// or less at the other side's MTU.
bool MtuProbing::came_in_fragments(std::uint16_t sequence) const {
  if (way_ != MtuWay::backward || sequence >= sizes_.size() || sizes_[sequence] == 0) return false;
  const std::size_t bare = sizes_[sequence] - datagram_overhead(session_.gateway().address.family);
  return std::any_of(session_.fragmented.begin() + static_cast<std::ptrdiff_t>(fragments_seen_),
                     session_.fragmented.end(), [&](const endpoint::Fragmented& one) {
                       return one.datagram_size >= bare &&
                              one.datagram_size < bare + wire::kPaddingMultiple;
                     });
}

void MtuProbing::take(const inner::Event& event) {
  const auto* replied = std::get_if<inner::EchoReplied>(&event);
  if (search_ == nullptr || replied == nullptr || replied->id != id_ || !replied->intact) return;
  if (came_in_fragments(replied->sequence)) {
    for (std::size_t i = fragments_seen_; i < session_.fragmented.size(); ++i)
      fragment_ = std::max(fragment_.value_or(0), session_.fragmented[i].largest_fragment);
    return;
  }
  search_->handle_answer(replied->at, replied->sequence);
}

}  // namespace wgscope::checks
