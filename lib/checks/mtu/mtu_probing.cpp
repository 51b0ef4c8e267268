#include "mtu_probing.hpp"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <variant>
#include <vector>

#include "wgscope/base/time.hpp"
#include "wgscope/checks/run.hpp"
#include "wgscope/checks/session.hpp"
#include "wgscope/diagnosis/text.hpp"
#include "wgscope/endpoint/embedded_endpoint.hpp"
#include "wgscope/inner/event.hpp"
#include "wgscope/inner/host.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/os/clock.hpp"
#include "wgscope/os/udp_socket.hpp"
#include "wgscope/path/mtu_search.hpp"
#include "wgscope/tunnel/interface.hpp"
#include "wgscope/wire/fragment.hpp"
#include "wgscope/wire/icmp.hpp"
#include "wgscope/wire/ip.hpp"
#include "wgscope/wire/measuring.hpp"
#include "wgscope/wire/message.hpp"
#include "wgscope/wire/udp.hpp"

#include "checks/drive.hpp"
#include "checks/earlier.hpp"
#include "checks/mtu/mtu_course.hpp"
#include "mtu_service.hpp"

namespace wgscope::checks {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kControlPayload = 16;
/// Requests for large replies are so far apart that a peer does not send a large reply and the
/// small one behind it in one batch (UDP_SEGMENT): a router on the peer's host takes a batch for
/// one packet, and drops both. Seen with our own endpoint over IPv6 (docs/methods.md).
constexpr Nanoseconds kApart = 5ms;
/// Replies of the same size in one batch pass or are lost together, which costs knowledge, but makes
/// no error: so requests for them are only so far apart.
constexpr Nanoseconds kAlikeApart = 100us;

}  // namespace

std::size_t datagram_overhead(Family outer) {
  return wire::ip_header_size(outer) + wire::kUdpHeaderSize;
}

std::size_t tunnel_overhead(Family outer) {
  return datagram_overhead(outer) + wire::kTransportOverhead;
}

MtuProbing::MtuProbing(Run& run, Session& session, const IpAddress& target, MtuWay way,
                       MtuService& service)
    : run_(run),
      session_(session),
      target_(target),
      way_(way),
      service_(service),
      id_(session.host().open_echo()),
      missing_before_(session.interface().receive_loss(session.peer()).missing),
      errors_seen_(session.socket_errors.size()),
      fragments_seen_(session.fragmented.size()),
      inner_fragments_before_(session.host().stats().dropped(inner::Drop::fragment)),
      attention_(session.attend({.on_inner = [this](const inner::Event& e) { take(e); }})) {
  // An answer in pieces does not show that a packet of that size passes.
  session.host().allow_fragments(false);
}

MtuProbing::~MtuProbing() {
  session_.host().allow_fragments(true);
  session_.host().close_echo(id_);
}

bool MtuProbing::inner_fragments() const {
  return session_.host().stats().dropped(inner::Drop::fragment) > inner_fragments_before_;
}

void MtuProbing::drive(Instant deadline) {
  engine().handle_timeout(os::boot_now());  // time may have passed since it ran last
  checks::drive(run_, *this, deadline, [this, deadline] {
    take_errors();
    send_probes();
    tell_progress(deadline);
  });
}

void MtuProbing::tell_progress(Instant until) {
  const path::MtuBounds bounds = engine().bounds();
  if (what_.empty() || bounds == told_bounds_) return;
  told_bounds_ = bounds;
  diagnosis::Text line = what_;
  if (bounds.passes) line.add(diagnosis::text("; so far {} bytes arrive", *bounds.passes));
  if (bounds.lost)
    line.add(diagnosis::text("{} {} bytes do not",
                             diagnosis::either(bounds.passes.has_value(), ",", "; so far"),
                             *bounds.lost));
  run_.say(line, until);
}

std::optional<Instant> MtuProbing::next_timeout() const {
  const auto next_send = held_.empty() ? std::nullopt : std::optional(next_send_);
  return earlier(engine().next_timeout(), next_send);
}

void MtuProbing::send_probes() {
  for (;;) {
    // The search is asked each time, because an answer may have come while the last probe was sent.
    while (const auto probe = engine().poll_probe(os::boot_now())) {
      sizes_.resize(std::max<std::size_t>(sizes_.size(), probe->id + 1));
      sizes_[probe->id] = probe->size;
      came_.resize(sizes_.size());
      held_.push_back(*probe);
    }
    if (held_.empty()) return;
    const path::MtuProbe probe = held_.front();
    next_send_ = sent_at_ + pause_before(probe.size);
    if (os::boot_now() < next_send_) return;
    held_.pop_front();
    send(probe);
    take_errors();
    sent_at_ = os::boot_now();
    sent_size_ = probe.size;
  }
}

/// No batch has a large packet behind a smaller one.
Nanoseconds MtuProbing::pause_before(std::size_t size) const {
  if (way_ != MtuWay::backward || size > sent_size_) return Nanoseconds(0);
  return size == sent_size_ ? kAlikeApart : kApart;
}

void MtuProbing::send(const path::MtuProbe& probe) {
  if (way_ == MtuWay::answered) return service_.request(probe.id, probe.size);
  send_echo(probe);
}

/// Each request is sent by itself, so that it does not end up in a batch that the kernel cuts.
void MtuProbing::send_echo(const path::MtuProbe& probe) {
  const Family outer = session_.gateway().address.family;
  inner::EchoRequest request{.to = target_,
                             .id = id_,
                             .sequence = static_cast<std::uint16_t>(probe.id),
                             .payload_size = kControlPayload};
  const std::size_t least = wire::echo_packet_size(target_.family, 0);
  if (way_ == MtuWay::backward && probe.size > 0)
    request.payload_size = probe.size - tunnel_overhead(outer) - least;
  session_.pump();
  const std::size_t failures = session_.send_failures.size();
  if (!session_.host().send_echo(request)) return;  // as if the probe was lost
  const auto packet = session_.host().poll_packet();
  const std::size_t bare = packet.size() + wire::kTransportOverhead;
  const bool padded = way_ == MtuWay::forward && probe.size > 0;
  const std::size_t size = padded ? probe.size - datagram_overhead(outer) : bare;
  if (way_ == MtuWay::backward && bare + datagram_overhead(outer) > largest_request_)
    send_in_pieces(packet);
  else
    static_cast<void>(session_.interface().send_padded(os::now(), packet, size));
  session_.pump();
  if (session_.send_failures.size() == failures) return;
  if (session_.send_failures.back().sys_errno == EMSGSIZE) refused_ = probe.id;
}

void MtuProbing::send_in_pieces(std::span<const std::byte> request) {
  const std::size_t room = largest_request_ - tunnel_overhead(session_.gateway().address.family);
  const wire::Pieces pieces(request, room, pieces_id_++);
  std::vector<std::byte> piece;
  for (std::size_t i = 0; i < pieces.count(); ++i) {
    piece.resize(pieces.size(i));
    pieces.write(i, piece);
    static_cast<void>(session_.interface().send_padded(os::now(), piece,
                                                       piece.size() + wire::kTransportOverhead));
    session_.pump();
  }
}

/// More than half of them, as single packets are lost for other reasons too.
bool MtuProbing::replies_were_sent() const {
  const path::MtuResult found = engine().result();
  std::size_t lost = 0;
  for (const path::MtuTrial& trial : found.trials)
    if (!found.mtu || trial.size > *found.mtu) lost += trial.sent - trial.answered;
  const auto missing = session_.interface().receive_loss(session_.peer()).missing;
  return 2 * (missing - std::min(missing, missing_before_)) >= lost;
}

/// Takes reports of routers about datagrams in flight, and the own host's about a datagram that it
/// did not send: the error queue says what size it would have sent.
void MtuProbing::take_errors() {
  session_.read_errors();
  for (; errors_seen_ < session_.socket_errors.size(); ++errors_seen_) {
    const os::SocketError error = session_.socket_errors[errors_seen_];
    if (error.sys_errno != EMSGSIZE) continue;
    if (error.origin != os::SocketError::Origin::local) {
      if (error.offender) engine().handle_too_big(os::boot_now(), *error.offender, error.info);
    } else if (refused_) {
      engine().handle_refused(os::boot_now(), *refused_, error.info);
      refused_.reset();
    }
  }
}

/// Whether a datagram that can have been this probe's reply came in fragments. An answer of the
/// service is as long as it was asked for. An echo reply is padded to a multiple of 16 bytes, or
/// less where that is above the other side's MTU.
bool MtuProbing::came_in_fragments(std::uint32_t probe) {
  if (way_ == MtuWay::forward || probe >= sizes_.size() || sizes_[probe] == 0) return false;
  const std::size_t bare = sizes_[probe] - datagram_overhead(session_.gateway().address.family);
  const std::size_t end = bare + (way_ == MtuWay::answered ? 1 : wire::kPaddingMultiple);
  const auto begin = session_.fragmented.begin() + static_cast<std::ptrdiff_t>(fragments_seen_);
  const bool any =
      std::any_of(begin, session_.fragmented.end(), [&](const endpoint::Fragmented& one) {
        return one.datagram_size >= bare && one.datagram_size < end;
      });
  came_[probe] = true;
  if (!any) return false;
  for (auto one = begin; one != session_.fragmented.end(); ++one)
    fragment_ = std::max(fragment_.value_or(0), one->largest_fragment);
  if (!after_losses_) note_losses_before(probe);
  return true;
}

void MtuProbing::note_losses_before(std::uint32_t probe) {
  after_losses_ = false;
  for (std::uint32_t earlier = 0; earlier < probe; ++earlier)
    if (sizes_[earlier] >= sizes_[probe] && !came_[earlier]) after_losses_ = true;
}

void MtuProbing::take(const inner::Event& event) {
  if (const auto answer = service_.answer_in(event)) take_answer(*answer);
  if (const auto* replied = std::get_if<inner::EchoReplied>(&event)) take_reply(*replied);
}

void MtuProbing::take_reply(const inner::EchoReplied& replied) {
  if (!has_begun() || replied.id != id_ || !replied.intact) return;
  if (!came_in_fragments(replied.sequence)) engine().handle_answer(replied.at, replied.sequence);
}

void MtuProbing::take_answer(const wire::MeasuringAnswer& answer) {
  if (!has_begun() || way_ != MtuWay::answered) return;
  if (answer.serial >= sizes_.size() || answer.answer_size != sizes_[answer.serial]) return;
  const Instant now = os::boot_now();
  if (answer.report && answer.report != told_) {
    told_ = answer.report;
    engine().handle_too_big(now, answer.report->from, answer.report->mtu);
  }
  if (answer.refused_above) {
    engine().handle_refused(now, answer.serial, *answer.refused_above);
  } else if (!came_in_fragments(answer.serial)) {
    engine().handle_answer(now, answer.serial);
  }
}

}  // namespace wgscope::checks
