#include "wgscope/checks/reach.hpp"

#include <algorithm>
#include <cassert>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <iterator>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "wgscope/base/time.hpp"
#include "wgscope/checks/run.hpp"
#include "wgscope/checks/session.hpp"
#include "wgscope/checks/target.hpp"
#include "wgscope/config/expectations.hpp"
#include "wgscope/crypto/random.hpp"
#include "wgscope/diagnosis/reach.hpp"
#include "wgscope/diagnosis/text.hpp"
#include "wgscope/inner/event.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/os/clock.hpp"

#include "checks/earlier.hpp"
#include "reach_attempt.hpp"
#include "reach_names.hpp"

// Every target is a job: attempts one after the other. As many jobs as allowed are active, the rest
// wait. Beside the attempts at a target that was silent once, its host is pinged, and where nothing
// has answered yet an address that should answer: whether it is the port, the host or the tunnel that
// is silent. When all are done and some must be closed and were silent, there may be another round, of
// controls: jobs of which an answer proves that the tunnel carried after the last silent attempt.

namespace wgscope::checks {
namespace {

using config::Expectation;
using diagnosis::ReachOutcome;
using diagnosis::ReachResult;

constexpr std::chrono::hours kForever{24};
constexpr std::size_t kMostAskedAgain = 3;   ///< targets that answered, as controls
constexpr std::size_t kMostCompanions = 16;  ///< addresses that are pinged beside

/// Whether anything came back, by which the tunnel is proven to carry both ways.
bool was_heard(ReachOutcome outcome) {
  return outcome != ReachOutcome::silent && outcome != ReachOutcome::not_sent;
}

Expectation echo_of(const IpAddress& address) {
  Expectation echo;
  echo.kind = config::ReachKind::icmp;
  echo.where.host = address.to_string();
  echo.tries = kControlTries;
  return echo;
}

class Reach {
 public:
  Reach(Run& run, Session& session, const ReachOptions& options);

  diagnosis::ReachFacts go(std::span<const Expectation> expectations);

 private:
  struct Job {
    ReachResult result;
    Endpoint to{};
    std::optional<IpAddress> source{};  ///< ours, that it is asked from
    std::uint16_t tries_left = 0;
    std::unique_ptr<ReachAttempt> attempt{};
    Instant last_sent{};
    bool done = false;
  };

  [[nodiscard]] Job make_job(const Expectation& expectation) const;
  void find_addresses();
  void take_address(Job& job, const IpAddress& address) const;
  void drive(std::vector<Job>& jobs, const std::function<bool()>& enough);
  void handle_event(Instant now, const inner::Event& event);
  [[nodiscard]] std::optional<Instant> next_timeout() const;
  void handle_timeout(Instant now);
  void begin(Job& job, Instant now);
  void advance(Instant now);
  void take_result(Job& job, Instant now);
  void note_heard(Instant now, const IpAddress& source, const IpAddress& who);
  [[nodiscard]] bool proven_since(const IpAddress& source, Instant since) const;
  void accompany(const Job& job);
  void add_companion(const IpAddress& address);
  void ask_controls();
  [[nodiscard]] std::map<IpAddress, Instant> unproven() const;
  [[nodiscard]] std::vector<Job> make_controls(const std::map<IpAddress, Instant>& sources);
  void finish();

  Run& run_;
  Session& session_;
  const ReachOptions& options_;
  crypto::SystemRandom random_;
  Instant deadline_;
  std::vector<Job> jobs_;
  std::deque<Job> companions_;  ///< pings beside; those that run are pointed to
  std::deque<Job*> waiting_;
  std::vector<Job*> active_;
  struct Heard {
    Instant at;
    IpAddress who;
  };
  std::map<IpAddress, Heard> heard_;  ///< by our address: when it was answered last, and by whom
  diagnosis::ReachFacts facts_;
};

Reach::Reach(Run& run, Session& session, const ReachOptions& options)
    : run_(run),
      session_(session),
      options_(options),
      deadline_(options.deadline.value_or(os::boot_now() + kForever)) {
  assert(options.tries >= 1 && options.parallel >= 1);
}

diagnosis::ReachFacts Reach::go(std::span<const Expectation> expectations) {
  session_.run_timers(true);
  for (const Expectation& one : expectations) jobs_.push_back(make_job(one));
  find_addresses();
  drive(jobs_, [] { return false; });
  ask_controls();
  finish();
  facts_.interrupted = run_.interrupted();
  return std::move(facts_);
}

Reach::Job Reach::make_job(const Expectation& expectation) const {
  Job job{.result = {.expectation = expectation}};
  job.tries_left = expectation.tries.value_or(options_.tries);
  if (const auto address = IpAddress::parse(expectation.where.host)) take_address(job, *address);
  return job;
}

void Reach::take_address(Job& job, const IpAddress& address) const {
  job.result.address = address;
  job.to = {address, 0, job.result.expectation.where.port};
  job.source = session_.host().source_for(address);
  job.result.source = job.source;
  if (is_allowed(options_.allowed_ips, address)) return;
  job.result.not_allowed = true;
  job.done = true;
}

void Reach::find_addresses() {
  std::vector<std::string> names;
  for (const Job& job : jobs_) {
    const std::string& host = job.result.expectation.where.host;
    if (!job.result.address && std::ranges::find(names, host) == names.end()) names.push_back(host);
  }
  if (names.empty()) return;
  NameOptions options;
  std::ranges::copy_if(
      options_.dns, std::back_inserter(options.servers), [&](const IpAddress& server) {
        return is_allowed(options_.allowed_ips, server) && session_.host().source_for(server);
      });
  options.wait = options_.try_timeout;
  options.deadline = deadline_;
  options.on_heard = [this](Instant now, const IpAddress& server) {
    if (const auto source = session_.host().source_for(server)) note_heard(now, *source, server);
  };
  const Instant begun = os::boot_now();
  const auto found = find_names(run_, session_, random_, names, options);
  facts_.resolve_time = os::boot_now() - begun;
  for (Job& job : jobs_) {
    if (job.result.address) continue;
    const auto one = std::ranges::find(found, job.result.expectation.where.host, &FoundName::name);
    job.result.name_server = one->server;
    job.result.resolve_error = one->error;
    if (one->address) take_address(job, *one->address);
    if (one->error) job.done = true;
  }
}

/// Runs jobs until all are done, or `enough` says so, or the time or the user ends it.
void Reach::drive(std::vector<Job>& jobs, const std::function<bool()>& enough) {
  for (Job& job : jobs) {
    if (!job.done && job.result.address) waiting_.push_back(&job);
  }
  auto attention = session_.attend(
      {.on_inner = [this](const inner::Event& event) { handle_event(os::boot_now(), event); },
       .next = [this] { return next_timeout(); },
       .expired = [this](Instant now) { handle_timeout(now); }});
  run_.say(diagnosis::text("waiting for {} {} inside the tunnel", waiting_.size(),
                           diagnosis::either(waiting_.size() == 1, "target", "targets")));
  advance(os::boot_now());
  session_.pump();
  run_.wait_at_most([&] { return (active_.empty() && waiting_.empty()) || enough(); }, deadline_);
  attention.end();
  for (Job* job : active_) job->attempt.reset();
  active_.clear();
  waiting_.clear();
  session_.pump();  // the resets of connections
}

void Reach::handle_event(Instant now, const inner::Event& event) {
  static_cast<void>(std::ranges::any_of(
      active_, [&](Job* job) { return job->attempt->handle_event(now, event); }));
  advance(now);
}

std::optional<Instant> Reach::next_timeout() const {
  std::optional<Instant> next;
  for (const Job* job : active_) next = earlier(next, job->attempt->deadline());
  return next;
}

void Reach::handle_timeout(Instant now) {
  for (Job* job : active_) job->attempt->handle_timeout(now);
  advance(now);
}

void Reach::begin(Job& job, Instant now) {
  --job.tries_left;
  job.last_sent = now;
  job.attempt = begin_attempt(
      now, session_.host(), random_,
      {.expectation = &job.result.expectation, .to = job.to, .timeout = options_.try_timeout});
}

/// Takes what is settled, and begins what may begin.
void Reach::advance(Instant now) {
  for (bool again = true; again;) {
    again = false;
    for (Job* job : active_) {
      if (!job->attempt->result()) continue;
      take_result(*job, now);
      again = true;
    }
    std::erase_if(active_, [](const Job* job) { return job->done; });
    while (active_.size() < options_.parallel && !waiting_.empty()) {
      begin(*waiting_.front(), now);
      active_.push_back(waiting_.front());
      waiting_.pop_front();
      again = true;
    }
  }
}

void Reach::take_result(Job& job, Instant now) {
  const diagnosis::ReachTry& result = *job.attempt->result();
  if (was_heard(result.outcome) && job.source)
    note_heard(now, *job.source, result.icmp ? result.icmp->from : *job.result.address);
  const bool is_final = result.outcome == ReachOutcome::not_sent ||
                        // One answer is enough to know what must not be; and hosts ration their
                        // refusals, which other targets need too.
                        (job.result.expectation.closed && was_heard(result.outcome));
  const ReachOutcome outcome = result.outcome;
  job.result.tries.push_back(result);
  job.attempt.reset();
  job.done = is_final || job.tries_left == 0;
  if (outcome == ReachOutcome::silent) accompany(job);
  if (!job.done) begin(job, now);
}

/// Whether the host of a silent target answers anything, and whether the tunnel carries.
void Reach::accompany(const Job& job) {
  const Expectation& expectation = job.result.expectation;
  if (expectation.closed || expectation.kind == config::ReachKind::icmp) return;
  add_companion(*job.result.address);
  if (facts_.heard) return;
  for (const IpAddress& control : options_.controls)
    if (control.family == job.result.address->family) add_companion(control);
}

void Reach::add_companion(const IpAddress& address) {
  const auto is_pinged = [&](const Job& job) {
    return job.result.address == address &&
           job.result.expectation.kind == config::ReachKind::icmp && !job.result.expectation.closed;
  };
  if (companions_.size() == kMostCompanions || std::ranges::any_of(companions_, is_pinged) ||
      std::ranges::any_of(jobs_, is_pinged))
    return;
  Job job = make_job(echo_of(address));
  if (job.done || !job.source) return;
  waiting_.push_back(&companions_.emplace_back(std::move(job)));
}

void Reach::note_heard(Instant now, const IpAddress& source, const IpAddress& who) {
  heard_[source] = {now, who};
  facts_.heard = who;
}

bool Reach::proven_since(const IpAddress& source, Instant since) const {
  const auto heard = heard_.find(source);
  return heard != heard_.end() && heard->second.at >= since;
}

/// Our addresses whose silent targets wait for a proof that the tunnel carries, and since when it
/// must have been given. Per address, as the gateway may allow one of them and not another.
std::map<IpAddress, Instant> Reach::unproven() const {
  std::map<IpAddress, Instant> since;
  for (const Job& job : jobs_) {
    const bool silent = job.done && !job.result.tries.empty() &&
                        job.result.tries.back().outcome == ReachOutcome::silent;
    if (!silent || !job.result.expectation.closed || !job.source ||
        proven_since(*job.source, job.last_sent))
      continue;
    since[*job.source] = std::max(since[*job.source], job.last_sent);
  }
  return since;
}

std::vector<Reach::Job> Reach::make_controls(const std::map<IpAddress, Instant>& sources) {
  std::vector<Job> controls;
  const auto wants = [&](const Job& job) {
    return !job.done && job.source && sources.contains(*job.source);
  };
  for (const IpAddress& control : options_.controls) {
    Job job = make_job(echo_of(control));
    if (!wants(job)) continue;
    facts_.controls.push_back(control);
    controls.push_back(std::move(job));
  }
  std::size_t asked_again = 0;
  for (const Job& job : jobs_) {
    const bool answered = std::ranges::any_of(
        job.result.tries, [](const diagnosis::ReachTry& one) { return was_heard(one.outcome); });
    if (!answered || !job.source || !sources.contains(*job.source)) continue;
    if (++asked_again > kMostAskedAgain) break;
    Job again{.result = {.expectation = job.result.expectation, .address = job.result.address}};
    again.to = job.to;
    again.source = job.source;
    again.tries_left = kControlTries;
    controls.push_back(std::move(again));
  }
  return controls;
}

void Reach::ask_controls() {
  const auto sources = unproven();
  if (sources.empty() || run_.interrupted()) return;
  auto controls = make_controls(sources);
  drive(controls, [&] {
    return std::ranges::all_of(
        sources, [&](const auto& one) { return proven_since(one.first, one.second); });
  });
}

void Reach::finish() {
  for (Job& job : jobs_) {
    job.result.given_up = !job.done;
    job.result.tunnel_proven = job.source && proven_since(*job.source, job.last_sent);
    const auto heard = job.source ? heard_.find(*job.source) : heard_.end();
    if (heard != heard_.end() && !job.result.tunnel_proven)
      job.result.heard_before = heard->second.who;
    facts_.results.push_back(std::move(job.result));
  }
  for (Job& job : companions_)
    if (!job.result.tries.empty()) facts_.pings.push_back(std::move(job.result));
}

}  // namespace

ReachOptions reach_options(const Target& target) {
  ReachOptions options;
  options.allowed_ips = target.allowed_ips;
  options.dns = target.dns;
  for (const Family family : {Family::v4, Family::v6}) {
    if (const auto control = guess_inner_target(target, family))
      options.controls.push_back(*control);
  }
  return options;
}

diagnosis::ReachFacts reach(Run& run, Session& session, std::span<const Expectation> expectations,
                            const ReachOptions& options) {
  return Reach(run, session, options).go(expectations);
}

}  // namespace wgscope::checks
