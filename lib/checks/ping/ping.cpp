#include "wgscope/checks/ping.hpp"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <deque>
#include <optional>
#include <ranges>
#include <span>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include <fmt/core.h>

#include "wgscope/base/result.hpp"
#include "wgscope/base/time.hpp"
#include "wgscope/checks/run.hpp"
#include "wgscope/checks/session.hpp"
#include "wgscope/checks/target.hpp"
#include "wgscope/crypto/random.hpp"
#include "wgscope/diagnosis/handshake.hpp"
#include "wgscope/diagnosis/ping.hpp"
#include "wgscope/diagnosis/text.hpp"
#include "wgscope/inner/event.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/os/clock.hpp"
#include "wgscope/os/echo_socket.hpp"
#include "wgscope/os/local_address.hpp"
#include "wgscope/os/poll_loop.hpp"
#include "wgscope/os/udp_socket.hpp"
#include "wgscope/tunnel/interface.hpp"
#include "wgscope/wire/icmp.hpp"
#include "wgscope/wire/ip.hpp"
#include "wgscope/wire/message.hpp"

#include "checks/icmp_error.hpp"
#include "stretches.hpp"

namespace wgscope::checks {
namespace {

using namespace std::chrono_literals;
using diagnosis::PingObstacle;
using diagnosis::PingSide;

constexpr auto kPatience = 1s;  ///< at least so long an answer has time
/// Where nothing was answered: a router gives up on a host that is not there after 3 s (RFC 4861
/// §10, and Linux's ARP), and reports that then.
constexpr auto kMutePatience = 4s;
constexpr auto kOuterPatience = 250ms;  ///< for a host that has answered nothing outside yet
constexpr auto kExtraPatience = 200ms;  ///< at least, for each extra ping
constexpr auto kLeastInterval = 20us;
constexpr std::size_t kSmallPayload = 56;  ///< what passes wherever a handshake does
/// Sequence numbers have 16 bits, so that so many rounds can be told apart.
constexpr std::size_t kRounds = std::size_t{1} << 16U;

std::uint64_t less(std::uint64_t after, std::uint64_t before) {
  return after - std::min(after, before);
}

std::optional<PingObstacle> find_obstacle(const Target& target, const IpAddress& address,
                                          const PingOptions& options) {
  const auto same_family = [&](const Prefix& own) { return own.address.family == address.family; };
  const auto has_address = [&](const Prefix& prefix) { return wire::contains(prefix, address); };
  if (std::ranges::find(target.addresses, address, &Prefix::address) != target.addresses.end())
    return PingObstacle::own_address;
  if (std::ranges::none_of(target.addresses, same_family)) return PingObstacle::no_such_family;
  if (std::ranges::none_of(target.allowed_ips, has_address))
    return PingObstacle::outside_allowed_ips;
  // First alone, or the sum could overflow.
  if (options.payload_size > target.mtu ||
      wire::echo_packet_size(address.family, options.payload_size) > target.mtu)
    return PingObstacle::too_large;
  return std::nullopt;
}

/// A router that refuses a datagram quotes its beginning: only the tunnel's data is of interest, not
/// handshakes. Where nothing is quoted it may be either, and does not count.
bool refuses_data(const os::SocketError& error) {
  constexpr auto kData = static_cast<std::byte>(wire::MessageType::transport);
  return error.origin != os::SocketError::Origin::local && error.offender &&
         error.sys_errno != EMSGSIZE && error.quoted_size > 0 && error.quoted[0] == kData;
}

/// Where the outer pings go out and come in; without it where that is not permitted.
Result<os::EchoSocket> open_outer(const Target& target, Family family) {
  crypto::SystemRandom random;
  auto socket = os::EchoSocket::open(family, random, target.fwmark);
  // As the tunnel itself does, it goes without a mark that may not be set.
  if (!socket && target.fwmark && socket.error().code == Errc::not_permitted)
    socket = os::EchoSocket::open(family, random);
  return socket;
}

class Pinging {
 public:
  Pinging(Run& run, Session& session, const PingOptions& options, PingObserver* observer);
  Pinging(const Pinging&) = delete;
  Pinging& operator=(const Pinging&) = delete;
  ~Pinging();

  void watch_outer(Result<os::EchoSocket> socket);
  void go();
  void fill(diagnosis::PingFacts& facts) const;

 private:
  struct Round {
    PingRound shown;
    Instant outer_sent;
  };
  struct Side {
    PingSide figures;
    std::uint64_t highest = 0;  ///< number of the latest round that was answered
    Nanoseconds longest{0};
  };

  bool send(std::size_t payload_size);
  void send_outer(Round& round);
  void take_inner(const inner::Event& event);
  void take_outer();
  void take_outer_errors();
  Round* round_of(std::uint16_t sequence);
  void count(Side& side, std::optional<Nanoseconds>& place, std::uint64_t number,
             Nanoseconds round_trip);
  void show(const Round& round) const;
  [[nodiscard]] Instant end() const;
  [[nodiscard]] Nanoseconds patience() const;
  [[nodiscard]] bool is_mute() const;
  template <class Open>
  [[nodiscard]] std::size_t still_open(Open is_open) const;
  void fill_way_back(diagnosis::PingFacts& facts, bool cut_off) const;
  void fill_path(diagnosis::PingFacts& facts) const;
  void take_failure(const inner::IcmpFailed& failed);
  void wait_for_the_last();
  void ask_about_the_tail();
  void ask_in_small();
  bool ask_on(std::size_t payload_size, Nanoseconds patience);

  Run& run_;
  Session& session_;
  PingOptions options_;
  PingObserver* observer_;
  std::uint16_t id_;
  tunnel::ReceiveLoss before_;
  std::size_t send_failures_before_;
  std::size_t errors_before_;
  std::deque<Round> rounds_;  ///< the latest
  std::uint64_t sent_ = 0;    ///< rounds, ever
  Stretches stretches_;
  Side inner_;
  Side outer_;
  std::vector<diagnosis::IcmpReport> icmp_;
  std::vector<diagnosis::IcmpReport> outer_icmp_;
  std::size_t outer_refused_ = 0;         ///< PingFacts::outer_refused
  std::optional<IpAddress> own_address_;  ///< towards the gateway
  std::optional<std::string> outer_failure_;
  std::optional<std::uint64_t> counted_;  ///< rounds that count, once extra ones are sent
  std::size_t extra_sent_ = 0;
  bool extra_answered_ = false;
  std::optional<diagnosis::OtherSize> smaller_;
  Nanoseconds waited_{0};
  std::optional<os::EchoSocket> socket_;
  os::PollLoop::Watch watch_;
  Session::Attention attention_;
};

Pinging::Pinging(Run& run, Session& session, const PingOptions& options, PingObserver* observer)
    : run_(run),
      session_(session),
      options_(options),
      observer_(observer),
      id_(session.host().open_echo()),
      before_(session.interface().receive_loss(session.peer())),
      send_failures_before_(session.send_failures.size()),
      errors_before_(session.socket_errors.size()),
      attention_(session.attend({.on_inner = [this](const inner::Event& e) { take_inner(e); }})) {}

Pinging::~Pinging() { session_.host().close_echo(id_); }

void Pinging::watch_outer(Result<os::EchoSocket> socket) {
  if (socket) {
    // Errors are only evidence: without them, pings go all the same.
    static_cast<void>(socket->watch_errors());
    own_address_ = os::local_address_towards(session_.gateway());
    auto watch = run_.loop().add(socket->fd(), {.readable = [this] { take_outer(); },
                                                .writable = {},
                                                .error = [this] { take_outer_errors(); }});
    if (watch) {
      socket_.emplace(std::move(*socket));
      watch_ = std::move(*watch);
    } else {
      outer_failure_ = watch.error().context;
    }
  } else {
    outer_failure_ = socket.error().context;
  }
}

// --- one round ---

bool Pinging::send(std::size_t payload_size) {
  const auto sequence = static_cast<std::uint16_t>(sent_);
  const auto queued = session_.host().send_echo(
      {.to = *options_.target, .id = id_, .sequence = sequence, .payload_size = payload_size});
  if (!queued) return false;
  if (rounds_.size() == kRounds) rounds_.pop_front();
  Round& round = rounds_.emplace_back();
  round.shown.number = ++sent_;
  round.shown.sent = os::boot_now();
  stretches_.sent(sent_, session_.sessions());
  session_.pump();
  return true;
}

void Pinging::send_outer(Round& round) {
  if (!socket_) return;
  round.outer_sent = os::boot_now();
  const auto sequence = static_cast<std::uint16_t>(round.shown.number - 1);
  const auto sent = socket_->send(session_.gateway(), sequence, options_.payload_size);
  round.shown.outer_sent = sent.has_value();
  if (!sent && !outer_failure_) outer_failure_ = sent.error().context;
  if (sent) ++outer_.figures.sent;
}

/// Of the latest 65536 the one with that sequence number; nothing for one that was not sent.
Pinging::Round* Pinging::round_of(std::uint16_t sequence) {
  if (rounds_.empty()) return nullptr;
  const auto latest = static_cast<std::uint16_t>(rounds_.back().shown.number - 1);
  const std::size_t before_latest = static_cast<std::uint16_t>(latest - sequence);
  if (before_latest >= rounds_.size()) return nullptr;
  return &rounds_[rounds_.size() - 1 - before_latest];
}

void Pinging::count(Side& side, std::optional<Nanoseconds>& place, std::uint64_t number,
                    Nanoseconds round_trip) {
  if (place) {
    ++side.figures.duplicates;
    return;
  }
  place = round_trip;
  side.figures.round_trips.push_back(round_trip);
  side.longest = std::max(side.longest, round_trip);
  if (number < side.highest) ++side.figures.reordered;
  side.highest = std::max(side.highest, number);
}

void Pinging::take_inner(const inner::Event& event) {
  if (const auto* failed = std::get_if<inner::IcmpFailed>(&event)) return take_failure(*failed);
  const auto* replied = std::get_if<inner::EchoReplied>(&event);
  if (replied == nullptr || replied->id != id_) return;
  Round* round = round_of(replied->sequence);
  if (round == nullptr) return;
  if (!replied->intact) {
    ++inner_.figures.damaged;
    return;
  }
  if (!round->shown.inner) stretches_.answered(round->shown.number);
  if (counted_ && round->shown.number > *counted_) {
    round->shown.inner = replied->at - round->shown.sent;
    extra_answered_ = true;
    if (smaller_) ++smaller_->answered;
  } else {
    count(inner_, round->shown.inner, round->shown.number, replied->at - round->shown.sent);
    show(*round);
  }
  run_.wake();
}

void Pinging::take_failure(const inner::IcmpFailed& failed) {
  if (failed.about.echo_id != id_) return;
  count_error({.from = failed.reporter, .type = failed.type, .code = failed.code}, icmp_);
  run_.wake();
}

void Pinging::take_outer() {
  const Instant now = os::boot_now();
  while (const auto reply = socket_->receive()) {
    Round* round = round_of(reply->sequence);
    if (round == nullptr || !round->shown.outer_sent) continue;
    if (!reply->intact || reply->from != session_.gateway().address) {
      ++outer_.figures.damaged;
      continue;
    }
    if (round->shown.outer_refused && !round->shown.outer) --outer_refused_;
    count(outer_, round->shown.outer, round->shown.number, now - round->outer_sent);
    show(*round);
  }
  run_.wake();
}

void Pinging::take_outer_errors() {
  while (const auto failed = socket_->next_error()) {
    const os::SocketError& error = failed->error;
    if (error.origin == os::SocketError::Origin::local) {
      if (!outer_failure_)
        outer_failure_ =
            fmt::format("send an ICMP echo request: {}", std::strerror(error.sys_errno));
      continue;
    }
    Round* round = failed->sequence ? round_of(*failed->sequence) : nullptr;
    if (!error.offender || round == nullptr || !round->shown.outer_sent) continue;
    count_error({.from = *error.offender,
                 .type = error.type,
                 .code = error.code,
                 .from_this_host = own_address_ == error.offender},
                outer_icmp_);
    if (!round->shown.outer && !round->shown.outer_refused) ++outer_refused_;
    round->shown.outer_refused = true;
    show(*round);
  }
  run_.wake();
}

void Pinging::show(const Round& round) const {
  if (observer_ != nullptr) observer_->on_round(round.shown);
}

// --- all of them ---

Instant Pinging::end() const { return options_.deadline.value_or(Instant{Nanoseconds::max()}); }

/// Twice as long as anything took on this path so far, the handshake included.
Nanoseconds Pinging::patience() const {
  const Nanoseconds handshake = session_.round_trip().value_or(Nanoseconds{0});
  return std::max<Nanoseconds>(kPatience,
                               2 * std::max({inner_.longest, outer_.longest, handshake}));
}

/// Neither an answer nor an error came from inside.
bool Pinging::is_mute() const { return inner_.figures.round_trips.empty() && icmp_.empty(); }

/// How many of the latest rounds can still become what `is_open` says they are not.
template <class Open>
std::size_t Pinging::still_open(Open is_open) const {
  const Instant oldest = os::boot_now() - patience();
  std::size_t open = 0;
  for (const auto& round : std::views::reverse(rounds_)) {
    if (round.shown.sent < oldest) break;
    const bool counts = !counted_ || round.shown.number <= *counted_;
    if (counts && is_open(round.shown)) ++open;
  }
  return open;
}

bool inner_open(const PingRound& round) { return !round.inner; }
bool outer_open(const PingRound& round) {
  return round.outer_sent && !round.outer && !round.outer_refused;
}

void Pinging::go() {
  Instant due = os::boot_now();
  for (std::uint64_t i = 0; options_.count == 0 || i < options_.count; ++i) {
    if (i > 0) {
      run_.pass_until(std::min(due, end()));
      if (run_.interrupted() || os::boot_now() >= end()) return;
    }
    if (!send(options_.payload_size)) return;
    send_outer(rounds_.back());
    show(rounds_.back());
    // After a sleep there is no burst of what was missed, and answers have their turn.
    due = std::max(due + options_.interval, os::boot_now() + kLeastInterval);
  }
  wait_for_the_last();
  counted_ = sent_;
  stretches_.count_up_to(sent_);
  if (inner_.figures.round_trips.empty())
    ask_in_small();
  else
    ask_about_the_tail();
}

void Pinging::wait_for_the_last() {
  const Instant last = rounds_.back().shown.sent;
  const auto all = [this] { return still_open(inner_open) == 0 && still_open(outer_open) == 0; };
  if (run_.wait(all, std::min(last + kOuterPatience, end()))) return;
  const auto all_that_answer = [this, &all] {
    if (is_mute()) return false;
    return outer_.figures.round_trips.empty() ? still_open(inner_open) == 0 : all();
  };
  while (!all_that_answer() && !run_.interrupted()) {
    // What takes longer than any before makes patience grow.
    const Nanoseconds mute = is_mute() ? kMutePatience : Nanoseconds{0};
    const Instant limit = std::min(last + std::max(patience(), mute) + 1ms, end());
    waited_ = std::max(waited_, limit - last);
    if (os::boot_now() >= limit) return;
    run_.wait_at_most(all_that_answer, limit);
  }
}

/// @returns whether it was answered, or one before it.
bool Pinging::ask_on(std::size_t payload_size, Nanoseconds patience) {
  if (run_.interrupted() || os::boot_now() >= end() || !send(payload_size)) return false;
  ++(smaller_ ? smaller_->sent : extra_sent_);
  run_.wait_at_most([this] { return extra_answered_; }, std::min(os::boot_now() + patience, end()));
  return extra_answered_;
}

void Pinging::ask_about_the_tail() {
  if (inner_.highest == sent_) return;
  const Nanoseconds handshake = session_.round_trip().value_or(Nanoseconds{0});
  const Nanoseconds time =
      std::max<Nanoseconds>(kExtraPatience, 2 * std::max(inner_.longest, handshake));
  for (int i = 0; i < kExtraPings && !ask_on(options_.payload_size, time);) ++i;
}

/// Whether it is the size that keeps all of them from being answered.
void Pinging::ask_in_small() {
  if (options_.payload_size <= kSmallPayload || run_.interrupted() || os::boot_now() >= end())
    return;
  smaller_.emplace();
  smaller_->payload_size = kSmallPayload;
  for (int i = 0; i < kExtraPings && !ask_on(kSmallPayload, patience());) ++i;
}

void Pinging::fill(diagnosis::PingFacts& facts) const {
  fill_path(facts);  // first, because what waits at the socket is read for it
  const bool cut_off = !counted_ || run_.interrupted() || os::boot_now() >= end();
  facts.inner = inner_.figures;
  facts.outer = outer_.figures;
  facts.inner.sent = counted_.value_or(sent_);
  if (cut_off) {
    facts.inner.sent -= still_open(inner_open);
    facts.outer.sent -= still_open(outer_open);
  }
  fill_way_back(facts, cut_off);
  facts.smaller = smaller_;
  facts.waited = waited_;
  facts.icmp = icmp_;
  facts.outer_failure = outer_failure_;
  facts.outer_icmp = outer_icmp_;
  facts.outer_refused = outer_refused_;
  const auto failures = std::span(session_.send_failures).subspan(send_failures_before_);
  if (!failures.empty()) facts.send_failure = std::strerror(failures.front().sys_errno);
  for (const os::SendFailure& failure : failures) facts.unsent += failure.datagrams;
}

void Pinging::fill_path(diagnosis::PingFacts& facts) const {
  facts.session = session_.facts();
  const auto errors = std::span(session_.socket_errors).subspan(errors_before_);
  facts.refused = static_cast<std::size_t>(std::ranges::count_if(errors, refuses_data));
  facts.initiations = less(session_.initiations_sent.size(), less(session_.sessions(), 1));
}

void Pinging::fill_way_back(diagnosis::PingFacts& facts, bool cut_off) const {
  const auto after = session_.interface().receive_loss(session_.peer());
  facts.back = {.received = less(after.received, before_.received),
                .missing = less(after.missing, before_.missing),
                .reordered = less(after.reordered, before_.reordered),
                .replayed = less(after.replayed, before_.replayed)};
  facts.stretches = stretches_.ended();
  facts.back.tail = stretches_.tails();
  if (extra_answered_)
    facts.back.unanswered_extra = extra_sent_ - std::min<std::size_t>(extra_sent_, 1);
  if (!cut_off) return;
  const auto behind_the_last_answer = [this](const PingRound& round) {
    return inner_open(round) && round.number > inner_.highest;
  };
  facts.back.tail -=
      std::min<std::uint64_t>(stretches_.last_tail(), still_open(behind_the_last_answer));
}

}  // namespace

diagnosis::PingFacts ping(Run& run, Session& session, const Target& target,
                          const PingOptions& options, PingObserver* observer) {
  diagnosis::PingFacts facts;
  facts.gateway = session.gateway();
  facts.payload_size = options.payload_size;
  facts.mtu = target.mtu;
  facts.target = options.target ? options.target : guess_inner_target(target);
  facts.target_guessed = facts.target && !options.target;
  facts.obstacle = facts.target ? find_obstacle(target, *facts.target, options)
                                : std::optional(PingObstacle::no_target);
  if (facts.obstacle) return facts;

  PingOptions wanted = options;
  wanted.target = facts.target;
  Pinging pinging(run, session, wanted, observer);
  pinging.watch_outer(open_outer(target, session.gateway().address.family));
  if (observer == nullptr)
    run.say(diagnosis::text("pinging {} through the tunnel", *facts.target), options.deadline);
  else
    run.say({});
  pinging.go();
  pinging.fill(facts);
  if (options.count == 0 && facts.inner.sent > 0) run.resume();
  facts.interrupted = run.interrupted();
  return facts;
}

}  // namespace wgscope::checks
