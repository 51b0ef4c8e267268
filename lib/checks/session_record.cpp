#include "wgscope/checks/session_record.hpp"

#include <algorithm>
#include <cerrno>
#include <optional>

#include "wgscope/base/time.hpp"
#include "wgscope/diagnosis/session.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/os/udp_socket.hpp"

#include "icmp_error.hpp"

namespace wgscope::checks {

void SessionRecord::begin(Instant now) {
  if (!begun()) since_ = now;
  ++facts_.sessions;
  close(facts_.taken);
  used_ = false;
  foreign_ = 0;
}

void SessionRecord::hear(Instant now, bool uses_session) {
  if (!begun()) return;
  facts_.last_heard = std::max(facts_.last_heard, now - since_);
  if (!uses_session) return;
  used_ = true;
  foreign_ = 0;
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
