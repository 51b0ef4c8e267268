#include "wgscope/checks/handshake.hpp"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "wgscope/base/result.hpp"
#include "wgscope/base/time.hpp"
#include "wgscope/checks/key_guard.hpp"
#include "wgscope/checks/resolve.hpp"
#include "wgscope/checks/run.hpp"
#include "wgscope/checks/session.hpp"
#include "wgscope/checks/stamps.hpp"
#include "wgscope/checks/target.hpp"
#include "wgscope/config/wg_quick.hpp"
#include "wgscope/crypto/random.hpp"
#include "wgscope/crypto/x25519.hpp"
#include "wgscope/diagnosis/endpoint_address.hpp"
#include "wgscope/diagnosis/handshake.hpp"
#include "wgscope/diagnosis/text.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/model/public_key.hpp"
#include "wgscope/noise/tai64n.hpp"
#include "wgscope/os/clock.hpp"
#include "wgscope/os/clock_state.hpp"

#include "attempt.hpp"
#include "data.hpp"

// One address after the other. Two things shape this:
//
//   - A silent address takes the whole timeout to be called silent, so the next one is not kept
//     waiting: every attempt that is not settled stays in the loop, retrying, while others go on.
//   - A gateway keeps one session that was not used yet: each initiation that it accepts ends the
//     one before. So data is tried only on the session whose initiation was the last of all, and while
//     it is tried nobody else initiates.

namespace wgscope::checks {
namespace {

using namespace std::chrono_literals;

constexpr auto kFirstPatience = 750ms;  ///< before the next address is tried
constexpr auto kSilenceAfter = 1500ms;  ///< before silence is asked about
constexpr auto kAgain = 6s;  ///< for an address that has answered already; a retry included
constexpr auto kBetweenInitiations = 25ms;  ///< gateways take one in 20 ms from a peer
/// A gateway counts from when it took the last one out of its queue, which may have been later.
constexpr auto kBetweenRuns = 100ms;

class Handshakes {
 public:
  explicit Handshakes(const Surroundings& around);

  HandshakeOutcome go();

 private:
  bool key_may_be_used();
  void look_at_clock();
  std::vector<Endpoint> candidates();
  void wait_for_our_turn();
  void try_in_turn(const std::vector<Endpoint>& endpoints);
  void wait_for_the_rest();
  void look();
  Attempt* next_that_responded();
  [[nodiscard]] Instant next_change(Instant begun) const;
  void try_data_on(Attempt& attempt);
  void make_newest(Attempt& attempt, Instant limit);
  void others_may_retry(const Attempt& but, bool may);
  [[nodiscard]] std::optional<DataOptions> data_options(Attempt& attempt);
  HandshakeOutcome outcome();

  const Surroundings& around_;
  Instant deadline_;
  diagnosis::HandshakeFacts facts_;
  std::vector<std::unique_ptr<Attempt>> attempts_;
  std::vector<const Attempt*> tried_data_;
};

Handshakes::Handshakes(const Surroundings& around) : around_(around) {
  const Target& target = around.target;
  facts_.timeout = around.options.limit();
  deadline_ = os::boot_now() + facts_.timeout;
  facts_.wanted = target.endpoint;
  facts_.gateway = target.gateway;
  if (const auto ours = crypto::derive_public_key(target.private_key.secret))
    facts_.ours = PublicKey{*ours};
  for (const Prefix& own : target.addresses) facts_.our_addresses.push_back(own.address);
  facts_.has_preshared_key = !target.preshared_key.is_none();
  facts_.sets_reserved_bytes = target.reserved && *target.reserved != config::ReservedBytes{};
  facts_.quick = around.options.quick;
  facts_.data_wanted = around.options.data;
}

HandshakeOutcome Handshakes::go() {
  look_at_clock();
  if (key_may_be_used()) {
    try_in_turn(candidates());
    wait_for_the_rest();
  }
  return outcome();
}

bool Handshakes::key_may_be_used() {
  FoundKeyUse found = find_key_use(facts_.ours, around_.options.uapi_folder);
  facts_.key_use = found.use;
  facts_.key_user = std::move(found.user);
  facts_.key_unread = std::move(found.unread);
  facts_.key_look_forbidden = found.forbidden;
  facts_.key_use_accepted = around_.options.steal_endpoint;
  return found.use != diagnosis::KeyUse::used || around_.options.steal_endpoint;
}

void Handshakes::look_at_clock() {
  facts_.stamp_recorded = around_.stamps.last() != noise::Tai64n{};
  facts_.stamp_ahead = around_.stamps.ahead_of(os::now().wall);
  facts_.clock_synchronised = os::clock_synchronised();
}

std::vector<Endpoint> Handshakes::candidates() {
  std::vector<Endpoint> all;
  const bool is_name = !around_.target.endpoint.address();
  const Instant begun = os::boot_now();
  if (is_name)
    around_.run.say(diagnosis::text("resolving {}", diagnosis::Name{around_.target.endpoint.host}),
                    deadline_);
  const auto resolved = resolve(around_.run, around_.target.endpoint, around_.options.family,
                                deadline_, &facts_.name_servers);
  if (is_name) facts_.resolving = os::boot_now() - begun;
  if (!resolved) {
    if (!around_.run.interrupted()) facts_.resolve_error = resolved.error();
    return all;
  }
  std::vector<std::uint16_t> ports{around_.target.endpoint.port};
  for (const std::uint16_t port : around_.options.ports) {
    if (std::ranges::find(ports, port) == ports.end()) ports.push_back(port);
  }
  for (const std::uint16_t port : ports) {
    for (Endpoint endpoint : *resolved) {
      endpoint.port = port;
      const bool is_usable = !is_name || !diagnosis::why_no_gateway(endpoint);
      (is_usable ? all : facts_.unusable).push_back(endpoint);
    }
  }
  return all;
}

/// Gateways do not count by programs: a run of a moment ago may have used up the key's turn, and
/// then the first initiation would be ignored, and look like loss.
void Handshakes::wait_for_our_turn() {
  const Nanoseconds since = os::now().wall - std::max(around_.stamps.last().time(), WallTime{});
  if (std::chrono::abs(since) < kBetweenRuns)
    around_.run.pass_until(os::boot_now() + (kBetweenRuns - since));
}

void Handshakes::try_in_turn(const std::vector<Endpoint>& endpoints) {
  wait_for_our_turn();
  for (const Endpoint& endpoint : endpoints) {
    if (around_.run.interrupted() || os::boot_now() >= deadline_) break;
    if (!attempts_.empty() && !around_.run.pass(kBetweenInitiations)) break;
    Attempt& attempt = *attempts_.emplace_back(std::make_unique<Attempt>(around_, endpoint));
    around_.run.say(diagnosis::text("waiting for a response from {}", endpoint), deadline_);
    attempt.start();
    const auto told = [&] {
      attempt.look();
      return attempt.settled(os::boot_now());
    };
    const Instant patience = os::boot_now() + kFirstPatience;
    around_.run.wait_at_most(told, std::min(patience, deadline_));
    if (attempt.responded()) try_data_on(attempt);
  }
}

void Handshakes::look() {
  for (const auto& attempt : attempts_) attempt->look();
}

Attempt* Handshakes::next_that_responded() {
  const auto found = std::ranges::find_if(attempts_, [&](const auto& attempt) {
    return attempt->responded() &&
           std::ranges::find(tried_data_, attempt.get()) == tried_data_.end();
  });
  return found == attempts_.end() ? nullptr : found->get();
}

void Handshakes::wait_for_the_rest() {
  const auto all_settled = [&] {
    return std::ranges::all_of(attempts_, [](const auto& attempt) {
      return attempt->settled(os::boot_now()) && !attempt->questions_open();
    });
  };
  const Instant begun = os::boot_now();
  while (!around_.run.interrupted() && os::boot_now() < deadline_) {
    look();
    if (Attempt* attempt = next_that_responded()) {
      try_data_on(*attempt);
      continue;
    }
    if (all_settled()) break;
    if (os::boot_now() - begun >= kSilenceAfter) {
      for (const auto& attempt : attempts_) {
        if (!attempt->settled(os::boot_now())) attempt->question_silence();
      }
    }
    const auto news = [&] {
      look();
      return next_that_responded() != nullptr || all_settled();
    };
    around_.run.wait_at_most(news, next_change(begun));
  }
}

/// When there is something to decide though nothing came.
Instant Handshakes::next_change(Instant begun) const {
  const Instant now = os::boot_now();
  Instant next = deadline_;
  if (begun + kSilenceAfter > now) next = std::min(next, begun + kSilenceAfter);
  for (const auto& attempt : attempts_) {
    const auto settles = attempt->settles_at();
    if (settles && *settles > now) next = std::min(next, *settles);
  }
  return next;
}

/// Whether retries of all but one attempt go on.
void Handshakes::others_may_retry(const Attempt& but, bool may) {
  for (const auto& attempt : attempts_) {
    if (attempt.get() != &but && attempt->session() != nullptr && !attempt->responded())
      attempt->session()->run_timers(may);
  }
}

/// An attempt whose session another initiation may have ended gets a new one.
void Handshakes::make_newest(Attempt& attempt, Instant limit) {
  const auto ours = attempt.last_initiation();
  const bool is_newest = std::ranges::all_of(attempts_, [&](const auto& other) {
    return other.get() == &attempt || other->last_initiation() <= ours;
  });
  if (is_newest) return;
  around_.run.pass_until(os::boot_now() + kBetweenInitiations);
  attempt.start();
  const auto answered = [&] {
    return attempt.session() == nullptr || attempt.session()->established();
  };
  around_.run.wait_at_most(answered, limit);
}

void Handshakes::try_data_on(Attempt& attempt) {
  tried_data_.push_back(&attempt);
  others_may_retry(attempt, false);
  if (around_.options.data) make_newest(attempt, std::min(deadline_, os::boot_now() + kAgain));
  Session* session = attempt.session();
  if (session != nullptr && session->established()) {
    const auto options = data_options(attempt);
    if (around_.options.data && options) {
      around_.run.say(
          diagnosis::text("waiting for {} to answer inside the tunnel", options->target));
      attempt.facts().data = try_data(around_.run, *session, *options);
    } else if (around_.options.data) {
      attempt.facts().data.emplace();  // no address to try
    }
    // What the gateway sent is acknowledged by this: else it would initiate for 90 s to come.
    session->send_keepalive();
  }
  others_may_retry(attempt, true);
}

std::optional<DataOptions> Handshakes::data_options(Attempt& attempt) {
  const auto& given = around_.options.inner_target;
  const auto address = given ? given : guess_inner_target(around_.target);
  if (!address) return std::nullopt;
  // One witness is enough: what it tells is of the gateway, not of the address.
  const bool waited = std::ranges::any_of(attempts_, [&](const auto& other) {
    return other.get() != &attempt && other->facts().data && other->facts().data->witnesses_watched;
  });
  return DataOptions{.random = around_.random,
                     .target = *address,
                     .guessed = !given,
                     .round_trip = attempt.facts().response_after.value_or(Nanoseconds{}),
                     .witnesses = !around_.options.quick && !waited,
                     .hold = around_.options.hold,
                     .mark = attempt.mark(),
                     .deadline = deadline_};
}

HandshakeOutcome Handshakes::outcome() {
  look();
  HandshakeOutcome made;
  Attempt* best = nullptr;
  for (const auto& attempt : attempts_) {
    if (attempt->session() != nullptr && attempt->session()->mark_refused())
      facts_.mark_refused = attempt->session()->mark_refused();
    attempt->facts().given_up = around_.run.interrupted() && !attempt->settled(os::boot_now());
    attempt->rest();
    if (!attempt->responded() || attempt->session() == nullptr) continue;
    const auto carries = [](Attempt& tried) {
      return tried.facts().data && !tried.facts().data->round_trips.empty();
    };
    if (best == nullptr || (!carries(*best) && carries(*attempt))) best = attempt.get();
  }
  // All the time may be over once an address was given up, so a session that is used afterwards has
  // some time of its own.
  if (best != nullptr && around_.options.go_on) make_newest(*best, os::boot_now() + kAgain);
  if (best != nullptr && best->session() != nullptr && best->session()->established()) {
    best->look();
    made.session = best->take_session();
    made.session->run_timers(true);
  }
  for (const auto& attempt : attempts_) attempt->keep_refused();
  facts_.interrupted = around_.run.interrupted();
  facts_.stamps_not_kept = around_.stamps.failure();
  for (const auto& attempt : attempts_) facts_.attempts.push_back(std::move(attempt->facts()));
  made.facts = std::move(facts_);
  return made;
}

}  // namespace

HandshakeOutcome handshake(Run& run, const Target& target, Stamps& stamps,
                           const HandshakeOptions& options) {
  crypto::SystemRandom random;
  const Surroundings around{run, target, stamps, options, random};
  return Handshakes(around).go();
}

}  // namespace wgscope::checks
