#include "wgscope/checks/session_record.hpp"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "wgscope/base/time.hpp"
#include "wgscope/diagnosis/handshake.hpp"
#include "wgscope/diagnosis/session.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/os/udp_socket.hpp"
#include "wgscope/tunnel/event.hpp"

#include "icmp_error.hpp"
#include "refused.hpp"

namespace wgscope::checks {
namespace {

using std::chrono::seconds;

/// The gateway's timer, and time for the packet's way and for a busy host.
constexpr seconds kWouldHaveSpoken{12};
/// Chosen: a path that loses 30 % in each direction loses so many round trips in one of 200 runs.
constexpr std::uint64_t kDataEnough = 8;

}  // namespace

void SessionRecord::begin(Instant now) {
  if (!begun()) since_ = now;
  ++facts_.sessions;
  close(facts_.taken);
  used_ = false;
  foreign_ = 0;
  begun_ = now;
  lost_.reset();
}

void SessionRecord::respond(Instant now) {
  if (lost_) lose(*lost_);
  begin(now);
}

void SessionRecord::lose(const diagnosis::LostSession& lost) {
  if (facts_.lost.size() < kMostKinds) facts_.lost.push_back(lost);
}

/// A gateway that decrypts data sends an empty packet 10 s later if it has nothing else to send
/// (KEEPALIVE_TIMEOUT, whitepaper §6.5). So one that was sent data for longer and sends nothing, but
/// takes a new handshake at its first initiation, most likely decrypts nothing of the session.
void SessionRecord::initiate(Instant now, std::uint64_t attempt, std::uint64_t sent) {
  lost_.reset();
  if (!used_ || attempt != 1 || foreign_ >= kForeignEnough || sent < sent_at_heard_ + kDataEnough)
    return;
  if (now - last_used_ < kWouldHaveSpoken) return;
  lost_ = {.lived = last_used_ - begun_,
           .silent = now - last_used_,
           .unanswered = static_cast<std::size_t>(sent - sent_at_heard_)};
}

void SessionRecord::hear(Instant now, bool uses_session, std::uint64_t sent) {
  if (!begun()) return;
  facts_.last_heard = std::max(facts_.last_heard, now - since_);
  if (!uses_session) return;
  used_ = true;
  foreign_ = 0;
  last_used_ = now;
  sent_at_heard_ = sent;
}

void SessionRecord::refuse(const tunnel::Event& event) {
  if (begun()) return count_refused(event, facts_.refused);
  if (event.reason == tunnel::DropReason::cookie_unexpected || is_late_response(event)) return;
  count_refused(event, refused_at_first_);
}

/// Until the gateway has used our session it may still send under the one before, which an earlier
/// run, or another device that is at rest, had made.
void SessionRecord::take_foreign(Instant now) {
  if (!used_ || now - since_ <= facts_.last_heard) return;
  if (foreign_++ == 0) first_foreign_ = now - since_;
}

void SessionRecord::close(diagnosis::Takeover& taken) const {
  if (foreign_ < kForeignEnough) return;
  ++taken.sessions;
  taken.foreign += foreign_;
  if (!taken.first) taken.first = first_foreign_;
}

void SessionRecord::take_error(Instant now, const os::SocketError& error) {
  if (!begun() || error.origin == os::SocketError::Origin::local || !error.offender) return;
  // What is too long for a link is the subject of searches, and fits when it is cut.
  if (error.sys_errno == EMSGSIZE || (expects_time_exceeded_ && is_time_exceeded(error))) {
    ++facts_.icmp_provoked;
    return;
  }
  const Nanoseconds at = now - since_;
  auto known = std::ranges::find_if(facts_.icmp, [&](const diagnosis::LaterIcmp& one) {
    return one.report.from == *error.offender && one.report.type == error.type &&
           one.report.code == error.code;
  });
  if (known == facts_.icmp.end() && facts_.icmp.size() == kMostKinds) --known;
  if (known == facts_.icmp.end()) {
    facts_.icmp.push_back(
        {.report = {.from = *error.offender, .type = error.type, .code = error.code},
         .first = at,
         .last = at});
    return;
  }
  ++known->report.count;
  known->last = at;
}

void SessionRecord::take_failure(const os::SendFailure& failure) {
  if (!begun() || failure.sys_errno == EMSGSIZE) return;
  facts_.unsent += failure.datagrams;
  facts_.send_errno = failure.sys_errno;
}

diagnosis::SessionFacts SessionRecord::facts(Instant now, const Endpoint& gateway,
                                             const std::optional<IpAddress>& own) const {
  diagnosis::SessionFacts facts = facts_;
  facts.gateway = gateway;
  if (begun()) facts.watched = now - since_;
  for (diagnosis::LaterIcmp& one : facts.icmp) one.report.from_this_host = own == one.report.from;
  close(facts.taken);
  return facts;
}

}  // namespace wgscope::checks
