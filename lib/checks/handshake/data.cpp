#include "data.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <variant>
#include <vector>

#include "wgscope/base/time.hpp"
#include "wgscope/checks/run.hpp"
#include "wgscope/checks/session.hpp"
#include "wgscope/diagnosis/handshake.hpp"
#include "wgscope/diagnosis/text.hpp"
#include "wgscope/endpoint/measuring_service.hpp"
#include "wgscope/inner/event.hpp"
#include "wgscope/inner/host.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/os/clock.hpp"
#include "wgscope/tunnel/event.hpp"
#include "wgscope/wire/icmp.hpp"
#include "wgscope/wire/ip.hpp"

#include "data_trace.hpp"
#include "silence.hpp"

// What a silent peer tells (whitepaper §6.5; timers.c of the kernel and of wireguard-go): data
// makes it send an empty packet after 10 s unless it sent something else by then; data that it sent
// and heard nothing about makes it initiate after 15 s and up to a third of a second. So after a
// last echo request nothing at all is sent:
//
//   an empty packet comes     it decrypted our data, and had nothing to say to it
//   an initiation comes       it answered, and the answers were lost
//   neither                   our data was lost, or all that it sent
//
// Whatever it sends under the new session's keys is witness enough, at any time: a responder may
// use them only once it decrypted something of ours. Data that is no answer, such as an ICMP
// redirect, tells more: it arrived here. Our silence would then make the gateway initiate, which
// must not be taken for a sign that its data was lost. So after such data nothing is waited for.

namespace wgscope::checks {
namespace {

using namespace std::chrono_literals;

constexpr auto kBetweenEchoes = 500ms;
constexpr Nanoseconds kEchoPatience = 1s;  ///< after the last, on a path of usual length
constexpr auto kWitnessTime =
    15s + 900ms;            ///< after the last: 15 s, a third of one, and a long way
constexpr auto kDead = 3s;  ///< this long without an answer, after there were some
/// To be made: the next initiation may be 5 s and a third away, and its response takes a while.
constexpr auto kNewSession = 7s;

/// How long the last of several echo requests is waited for.
Nanoseconds echo_patience(const DataOptions& options) {
  return std::max(kEchoPatience, 2 * options.round_trip);
}

/// Echo requests and what came of them.
class Echoes {
 public:
  Echoes(Run& run, Session& session, const IpAddress& target)
      : run_(run),
        session_(session),
        target_(target),
        id_(session.host().open_echo()),
        attention_(session.attend({.on_inner = [this](const inner::Event& e) { take(e); },
                                   .on_arrival =
                                       [this](const endpoint::Arrived& arrived) {
                                         take_other(arrived.packet);
                                         return false;
                                       }})) {}
  Echoes(const Echoes&) = delete;
  Echoes& operator=(const Echoes&) = delete;
  ~Echoes() { session_.host().close_echo(id_); }

  bool send() {
    const auto sent = session_.host().send_echo({.to = target_, .id = id_, .sequence = next_});
    if (!sent) return false;
    sent_[next_++] = os::boot_now();
    session_.pump();
    return true;
  }

  [[nodiscard]] std::size_t sent() const { return sent_.size(); }
  /// Of at least one.
  [[nodiscard]] Instant first_sent() const { return sent_.begin()->second; }
  [[nodiscard]] std::optional<Instant> last_sent() const {
    if (sent_.empty()) return std::nullopt;
    return sent_.rbegin()->second;
  }
  [[nodiscard]] bool answered() const { return !round_trips_.empty(); }
  /// Whether each was answered, in the order of sending. @param from  the first one's number.
  [[nodiscard]] std::vector<bool> answers(std::size_t from) const {
    std::vector<bool> all;
    for (const auto& [number, at] : sent_)
      if (number >= from) all.push_back(answered_.contains(number));
    return all;
  }
  [[nodiscard]] const std::vector<Nanoseconds>& round_trips() const { return round_trips_; }
  [[nodiscard]] std::optional<Instant> last_answer() const { return last_answer_; }
  [[nodiscard]] const std::optional<diagnosis::IcmpReport>& icmp() const { return icmp_; }
  /// What came besides replies. @param since  before the first request.
  [[nodiscard]] std::optional<diagnosis::OtherData> other(Instant since) const {
    std::optional<diagnosis::OtherData> all = other_;
    for (const tunnel::Event& event : session_.events) {
      if (event.reason != tunnel::DropReason::source_not_allowed || event.at < since) continue;
      if (!all && event.inner)
        all = diagnosis::OtherData{.from = *event.inner, .icmp_type = {}, .not_allowed = true};
      if (all) ++all->count;
    }
    return all;
  }
  /// Whether such a packet came after the last request: then the gateway sends no keepalive for it.
  [[nodiscard]] bool other_came_last() const {
    return last_other_ && last_sent() && *last_other_ >= *last_sent();
  }

 private:
  void take_other(std::span<const std::byte> packet) {
    const auto parsed = wire::parse_ip(packet);
    if (!parsed) return;
    const auto icmp = wire::parse_icmp(*parsed);
    if (icmp && icmp->kind == wire::IcmpKind::echo_reply) return;
    if (!other_)
      other_ = diagnosis::OtherData{.from = parsed->source,
                                    .icmp_type = icmp ? std::optional(icmp->type) : std::nullopt};
    ++other_->count;
    last_other_ = os::boot_now();
    run_.wake();
  }

  void take(const inner::Event& event) {
    if (const auto* replied = std::get_if<inner::EchoReplied>(&event)) {
      const auto sent = sent_.find(replied->sequence);
      if (replied->id != id_ || !replied->intact || sent == sent_.end()) return;
      if (!answered_.insert(replied->sequence).second) return;
      round_trips_.push_back(replied->at - sent->second);
      last_answer_ = replied->at;
    } else if (const auto* failed = std::get_if<inner::IcmpFailed>(&event)) {
      if (!icmp_)
        icmp_ = diagnosis::IcmpReport{
            .from = failed->reporter, .type = failed->type, .code = failed->code};
    }
    run_.wake();
  }

  Run& run_;
  Session& session_;
  IpAddress target_;
  std::uint16_t id_;
  std::uint16_t next_ = 0;
  std::map<std::uint16_t, Instant> sent_;
  std::set<std::uint16_t> answered_;
  std::vector<Nanoseconds> round_trips_;
  std::optional<Instant> last_answer_;
  std::optional<diagnosis::IcmpReport> icmp_;
  std::optional<diagnosis::OtherData> other_;
  std::optional<Instant> last_other_;
  Session::Attention attention_;
};

/// Echoes until one is answered, or an error comes from inside, or there were enough.
void ask(Run& run, Echoes& echoes, const DataOptions& options) {
  const auto told = [&] { return echoes.answered() || echoes.icmp().has_value(); };
  for (std::size_t i = 1; i <= kDataEchoes; ++i) {
    if (!echoes.send()) return;
    const Nanoseconds patience = i < kDataEchoes ? kBetweenEchoes : echo_patience(options);
    const Instant limit = std::min(os::boot_now() + patience, options.deadline);
    if (run.wait(told, limit) || run.interrupted() || os::boot_now() >= options.deadline) return;
  }
}

/// What was sent around the session counts, whether or not a trace follows.
void note_asked(const diagnosis::SilenceFacts& around, diagnosis::DataTrace& trace) {
  trace.plain_sent = around.hop_probes + around.plain_same_port.sent + around.plain_neighbour.sent;
  trace.wireguard_shaped = around.wireguard_neighbour.sent;
}

void watch_witnesses(Run& run, Session& session, const Echoes& echoes, const DataOptions& options,
                     diagnosis::DataFacts& facts) {
  using tunnel::EventKind;
  const Instant since = echoes.first_sent();
  const Instant last = *echoes.last_sent();
  const Instant end = last + kWitnessTime + options.round_trip;
  if (end > options.deadline) return;  // half a witness tells nothing
  run.say(diagnosis::text(
              "waiting for the gateway's timers (keepalive after 10 s, initiation after 15 s)"),
          end);
  session.run_timers(false);
  // Beside the session, so that the gateway hears nothing of it.
  const auto around = SilenceProbe::start(run, options.random, session.gateway(), options.mark);
  const auto keepalive = [&] { return session.find(EventKind::keepalive_received, since); };
  const auto initiation = [&] { return session.find(EventKind::initiation_accepted, since); };
  const auto told = [&] {
    return keepalive() != nullptr || initiation() != nullptr || echoes.other_came_last() ||
           echoes.answered() || echoes.icmp();
  };
  run.wait_at_most(told, end);
  if (const auto* event = keepalive()) facts.keepalive_after = event->at - since;
  if (const auto* event = initiation()) facts.initiation_after = event->at - last;
  if (told() || !run.interrupted()) facts.witnesses_watched = os::boot_now() - since;
  if (around) note_asked((*around)->facts(), facts.trace);
  if (!told() && !run.interrupted() && around) {
    facts.trace = trace_data(run, session, (*around)->facts(),
                             {.mark = options.mark, .deadline = options.deadline});
  }
  session.run_timers(true);
}

/// What became of a try to make another session.
struct Again {
  bool handshake = false;  ///< it was answered
  bool at_once = false;    ///< its first initiation was
  bool carries = false;    ///< an echo crossed the new session
};

/// One more session, and whether an echo crosses it. @returns nothing: the user ended the run.
std::optional<Again> try_again(Run& run, Session& session, Echoes& echoes) {
  using tunnel::EventKind;
  const auto before = session.count(EventKind::response_accepted);
  const auto initiations = session.count(EventKind::handshake_sent);
  const auto answered = [&] { return session.count(EventKind::response_accepted) > before; };
  const Instant limit = os::boot_now() + kNewSession;
  Again again;
  while (!again.handshake && os::boot_now() < limit && !run.interrupted()) {
    session.initiate();  // does nothing within 5 s of the last
    again.handshake = run.wait(answered, std::min(limit, os::boot_now() + 250ms));
  }
  if (run.interrupted()) return std::nullopt;
  if (!again.handshake) return again;
  again.at_once = session.count(EventKind::handshake_sent) == initiations + 1;
  const std::size_t had = echoes.round_trips().size();
  for (std::size_t i = 0; i < kDataEchoes && !again.carries; ++i) {
    if (!echoes.send()) break;
    again.carries = run.wait([&] { return echoes.round_trips().size() > had; },
                             os::boot_now() + kBetweenEchoes);
  }
  if (run.interrupted()) return std::nullopt;
  return again;
}

/// Some filters let a flow's first seconds pass: echoes go on, and where they cease to be answered,
/// another handshake and another source port show whether it is the flow that was cut. Where the
/// handshake is enough, it is the session that was lost, and it is seen how often that happens.
class Hold {
 public:
  Hold(Run& run, Session& session, Echoes& echoes, const DataOptions& options)
      : run_(run),
        session_(session),
        echoes_(echoes),
        dead_after_(std::max<Nanoseconds>(kDead, 2 * options.round_trip)),
        begun_(os::boot_now()),
        end_(std::min(begun_ + *options.hold, options.deadline)),
        first_(echoes.sent()),
        alive_since_(begun_) {}

  void go(diagnosis::DataFacts& facts, Nanoseconds last_patience) {
    run_.say(diagnosis::text("pinging to see how long the tunnel carries data"), end_);
    while (os::boot_now() < end_ && !run_.interrupted()) {
      if (!echoes_.send()) break;
      if (!run_.pass(std::min<Nanoseconds>(kHoldInterval, end_ - os::boot_now()))) break;
      if (silent() >= dead_after_ && !is_alive_after_all() && !revive(facts)) break;
    }
    if (!facts.held) facts.held = os::boot_now() - begun_;
    if (facts.died_after) return;
    const auto last_answered = [&] {
      const auto answers = echoes_.answers(first_);
      return answers.empty() || answers.back();
    };
    run_.wait_at_most(last_answered, os::boot_now() + last_patience);
    facts.held_answers = echoes_.answers(first_);
  }

 private:
  [[nodiscard]] Instant last_answer() const {
    return std::max(echoes_.last_answer().value_or(begun_), begun_);
  }
  [[nodiscard]] Nanoseconds silent() const { return os::boot_now() - last_answer(); }

  /// A few more right before the handshake: what they meet is what it meets, so that a path that
  /// only paused is not taken for a session that was lost.
  bool is_alive_after_all() {
    const Instant before = last_answer();
    for (std::size_t i = 0; i < kDataEchoes && last_answer() == before; ++i)
      if (!echoes_.send() || !run_.pass(kBetweenLast)) break;
    return last_answer() > before || run_.interrupted();
  }

  /// @returns whether data crosses again, so that holding goes on.
  bool revive(diagnosis::DataFacts& facts) {
    const diagnosis::LostSession lost{
        .lived = last_answer() - alive_since_, .silent = silent(), .unanswered = unanswered()};
    if (!facts.died_after) facts.died_after = last_answer() - begun_;
    facts.held = os::boot_now() - begun_;
    run_.say("the tunnel stopped working: trying another handshake, then another source port");
    const auto again = try_again(run_, session_, echoes_);
    if (!again) return false;
    facts.new_handshake = again->handshake;
    if (again->carries) {
      if (again->at_once) facts.lost_sessions.push_back(lost);
      alive_since_ = os::boot_now();
      run_.say(diagnosis::text("pinging to see how long the new session carries data"), end_);
      facts.held.reset();
      return facts.lost_sessions.size() < kMostLost;
    }
    if (!session_.rebind()) return false;
    if (const auto other = try_again(run_, session_, echoes_))
      facts.other_port_carries = other->carries;
    return false;
  }

  [[nodiscard]] std::size_t unanswered() const {
    const auto answers = echoes_.answers(first_);
    const auto answered = std::ranges::find(answers.rbegin(), answers.rend(), true);
    return static_cast<std::size_t>(answered - answers.rbegin());
  }

  static constexpr auto kBetweenLast = 100ms;
  static constexpr std::size_t kMostLost = 8;  ///< Chosen: that is often enough for any conclusion.

  Run& run_;
  Session& session_;
  Echoes& echoes_;
  Nanoseconds dead_after_;
  Instant begun_;
  Instant end_;
  std::size_t first_;    ///< number of the first echo request
  Instant alive_since_;  ///< when the session in use began to carry data
};

}  // namespace

diagnosis::DataFacts try_data(Run& run, Session& session, const DataOptions& options) {
  diagnosis::DataFacts facts;
  facts.target = options.target;
  facts.target_guessed = options.guessed;
  Echoes echoes(run, session, options.target);
  const Instant since = os::boot_now();
  ask(run, echoes, options);
  const bool told = echoes.answered() || echoes.icmp() || echoes.other_came_last();
  if (!told && options.witnesses && echoes.last_sent()) {
    watch_witnesses(run, session, echoes, options, facts);
    // Loss takes both what was asked and what the gateway's timers sent, in one run of a few. Where
    // nothing was heard at all, it is asked again before anything is called lost.
    const bool heard = facts.keepalive_after || facts.initiation_after || echoes.answered() ||
                       echoes.icmp() || echoes.other_came_last();
    if (facts.witnesses_watched && !heard && !run.interrupted()) ask(run, echoes, options);
  }
  facts.icmp = echoes.icmp();
  facts.other = echoes.other(since);
  if (echoes.answered() && options.hold)
    Hold(run, session, echoes, options).go(facts, echo_patience(options));
  facts.echoes_sent = echoes.sent();
  facts.round_trips = echoes.round_trips();
  return facts;
}

}  // namespace wgscope::checks
