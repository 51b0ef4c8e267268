#include "attempt.hpp"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <utility>

#include "wgscope/base/keys.hpp"
#include "wgscope/base/result.hpp"
#include "wgscope/base/time.hpp"
#include "wgscope/checks/handshake.hpp"
#include "wgscope/checks/route.hpp"
#include "wgscope/checks/session.hpp"
#include "wgscope/diagnosis/handshake.hpp"
#include "wgscope/diagnosis/session.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/os/clock.hpp"
#include "wgscope/os/local_address.hpp"
#include "wgscope/os/udp_socket.hpp"
#include "wgscope/tunnel/event.hpp"

#include "checks/icmp_error.hpp"
#include "checks/refused.hpp"
#include "silence.hpp"

namespace wgscope::checks {
namespace {

using namespace std::chrono_literals;
using tunnel::EventKind;

/// A forged "unreachable" costs an attacker nothing: what is true comes by then as well.
constexpr auto kAfterIcmp = 1s;

}  // namespace

Attempt::Attempt(const Surroundings& around, const Endpoint& endpoint) : around_(around) {
  facts_.endpoint = endpoint;
  facts_.route = find_route(endpoint, {around.target.fwmark, around.options.through});
}

void Attempt::start() {
  silence_.reset();
  if (session_) initiations_before_ += session_->count(EventKind::handshake_sent);
  keep_refused();
  session_.reset();
  errors_seen_ = 0;
  events_seen_ = 0;
  own_address_ = facts_.route ? facts_.route->source : std::nullopt;
  if (!own_address_) own_address_ = os::local_address_towards(facts_.endpoint);
  auto opened = Session::open(around_.run, around_.target, facts_.endpoint, around_.stamps);
  if (!opened) {
    facts_.send_errno = opened.error().sys_errno != 0 ? opened.error().sys_errno : EIO;
    return;
  }
  session_ = std::move(*opened);
  session_->initiate();
  look();
}

void Attempt::look() {
  if (!session_) return;
  facts_.initiations = initiations_before_ + session_->count(EventKind::handshake_sent);
  facts_.cookies = session_->count(EventKind::cookie_received);
  facts_.forged_cookies =
      static_cast<std::size_t>(std::ranges::count_if(session_->events, [](const auto& event) {
        return event.reason == tunnel::DropReason::cookie_unexpected;
      }));
  if (!session_->send_failures.empty())
    facts_.send_errno = session_->send_failures.back().sys_errno;
  look_at_errors();
  look_at_late_responses();
  facts_.refused = refused_before_;
  merge_refused(session_->refused_at_first(), facts_.refused);
  if (facts_.send_errno && !facts_.route && !facts_.family_missing)
    facts_.family_missing = os::has_address(facts_.endpoint.address.family).value_or(true) == false;
  look_at_response();
  if (silence_ && !responded()) facts_.silence = silence_->facts();
}

void Attempt::look_at_errors() {
  for (; errors_seen_ < session_->socket_errors.size(); ++errors_seen_) {
    const os::SocketError& error = session_->socket_errors[errors_seen_];
    if (error.origin == os::SocketError::Origin::local) {
      facts_.send_errno = error.sys_errno;
      continue;
    }
    if (!error.offender) continue;
    if (!icmp_since_) icmp_since_ = os::boot_now();
    count_error({.from = *error.offender,
                 .type = error.type,
                 .code = error.code,
                 .from_this_host = own_address_ == error.offender},
                facts_.icmp);
  }
}

void Attempt::look_at_late_responses() {
  for (; events_seen_ < session_->events.size(); ++events_seen_) {
    const tunnel::Event& event = session_->events[events_seen_];
    // Its mac1 is right, so whoever sent it knows our key.
    if (is_late_response(event)) take_late_response(event.at);
  }
}

/// The tunnel has forgotten to which initiation it belongs, as WireGuard does: it is not the last,
/// so it took at least as long as the one before.
void Attempt::take_late_response(Instant at) {
  ++facts_.late_responses;
  const auto& sent = session_->initiations_sent;
  const auto later = std::ranges::upper_bound(sent, at);
  if (!facts_.late_by && later - sent.begin() >= 2) facts_.late_by = at - *(later - 2);
}

void Attempt::look_at_response() {
  const tunnel::Event* accepted = session_->find(EventKind::response_accepted);
  if (accepted != nullptr && !responded()) {
    // A stray error of an earlier try is no reason any more.
    facts_.send_errno.reset();
    facts_.silence.reset();
    silence_.reset();
    const auto& sent = session_->initiations_sent;
    const auto later = std::ranges::upper_bound(sent, accepted->at);
    const auto initiation = static_cast<std::size_t>(later - sent.begin());
    facts_.response_after = initiation == 0 ? Nanoseconds{0} : accepted->at - sent[initiation - 1];
    facts_.answered_initiation = initiations_before_ + std::max<std::size_t>(initiation, 1);
    facts_.responder = accepted->address;
  }
  if (session_->find(EventKind::response_not_decrypted) != nullptr) try_preshared_keys();
}

void Attempt::try_preshared_keys() {
  if (facts_.preshared_key || responded()) return;
  const auto trial = session_->interface().take_trial(session_->peer());
  if (!trial) return;
  diagnosis::PresharedKeyTrials trials;
  trials.none_fits = trial->fits(PresharedKey{});
  for (const NamedPresharedKey& given : around_.options.preshared_keys) {
    ++trials.tried;
    if (!trials.given && trial->fits(given.key)) trials.given = given.name;
  }
  facts_.preshared_key = std::move(trials);
}

void Attempt::question_silence() {
  if (silence_ || !session_ || responded()) return;
  auto probe = SilenceProbe::start(around_.run, around_.random, facts_.endpoint, mark());
  if (probe) silence_ = std::move(*probe);
}

bool Attempt::settled(Instant now) const {
  if (responded() || facts_.preshared_key || facts_.send_errno || !session_) return true;
  const auto at = settles_at();
  return at && now >= *at;
}

std::optional<Instant> Attempt::settles_at() const {
  if (!icmp_since_) return std::nullopt;
  return *icmp_since_ + kAfterIcmp;
}

std::optional<Instant> Attempt::last_initiation() const {
  if (!session_ || session_->initiations_sent.empty()) return std::nullopt;
  return session_->initiations_sent.back();
}

void Attempt::keep_refused() {
  if (!session_) return;
  merge_refused(session_->refused_at_first(), refused_before_);
  const diagnosis::SessionFacts seen = session_->facts();
  merge_refused(seen.refused, refused_before_);
  facts_.refused = refused_before_;
  facts_.packets_sent += seen.packets_sent;
}

void Attempt::rest() {
  if (session_) session_->run_timers(false);
  if (silence_) facts_.silence = silence_->facts();
  if (responded()) facts_.silence.reset();
  silence_.reset();
}

}  // namespace wgscope::checks
