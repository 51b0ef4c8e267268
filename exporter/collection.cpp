#include "exporter/collection.hpp"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <fmt/core.h>

#include "wgscope/base/result.hpp"
#include "wgscope/base/time.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/model/device.hpp"
#include "wgscope/model/snapshot.hpp"
#include "wgscope/os/clock.hpp"

#include "build_info.hpp"
#include "exporter/device_view.hpp"
#include "exporter/history.hpp"
#include "exporter/journal.hpp"
#include "exporter/journal_file.hpp"
#include "exporter/journal_systemd.hpp"
#include "exporter/peer_history.hpp"
#include "exporter/reading.hpp"
#include "exporter/recorder.hpp"

namespace wgscope::exporter {
namespace {

/// A scrape that has hardly any time fails; the readings after it do not have to.
constexpr std::chrono::seconds kLeastPatience{1};

/// However large they are: the one being read by most, the one before, and the next.
constexpr std::size_t kLeastHeld = 3;

std::size_t memory_of(const Collection& collection) {
  std::size_t bytes = sizeof collection;
  for (const Device& device : collection.snapshot.devices)
    bytes +=
        device.peers.capacity() * sizeof(Peer) + device.allowed_ips.capacity() * sizeof(Prefix);
  for (const DeviceView& view : collection.views) bytes += view.peers.capacity() * sizeof(PeerView);
  return bytes;
}

std::unique_ptr<JournalOutput> journal_output(const std::string& journal) {
  if (journal == kSystemdJournal) return std::make_unique<SystemdJournal>();
  return std::make_unique<JournalFile>(journal);
}

}  // namespace

Collections::Collections(CollectorOptions options, Warn warn, std::unique_ptr<Reading> reading)
    : max_age_(options.max_age),
      sampled_(options.sampled),
      judged_(options.judged),
      peer_limit_{options.peer_max},
      seed_(options.seed),
      most_held_(options.most_held),
      clock_(std::move(options.clock)),
      warn_(std::move(warn)),
      reading_(reading ? std::move(reading)
                       : std::make_unique<LocalReading>(
                             std::move(options.source), std::move(options.names),
                             // A single reading has to have all names.
                             options.judged ? options.names_patience : std::chrono::hours(1))),
      declared_(std::move(options.declarations)),
      history_(options.seed, !options.state_dir.empty() || !options.journal.empty()) {
  Recorder::Settings recorder{options.endpoint, options.sample_interval, build_info::kVersion,
                              false};
  if (!options.state_dir.empty()) {
    state_.emplace(options.state_dir);
    const auto loaded = state_->load(history_);
    if (!loaded) warn_(loaded.error().context);
    recorder.restored = loaded && *loaded;
  }
  if (!options.journal.empty())
    journal_ = std::make_unique<Journal>(
        journal_output(options.journal),
        Journal::Settings{.clock = [clock = clock_] { return clock().wall; }}, warn_);
  if (state_ || journal_) recorder_.emplace(std::move(recorder), journal_.get());
}

Result<std::shared_ptr<const Collection>> Collections::get(Instant deadline) {
  {
    std::unique_lock lock(mutex_);
    patience_ = deadline - clock_().boot;
    // steady_clock is what the standard library can wait on; over a scrape's time the two agree.
    const auto until = std::chrono::steady_clock::now() + patience_;
    bool waited = false;
    for (; taking_; waited = true) {
      if (taken_.wait_until(lock, until) == std::cv_status::timeout && taking_)
        return fail(Errc::timeout, "the collection already running did not end in time");
    }
    // Taking it may have lasted longer than max_age_, with a daemon that hangs: those who waited
    // share it all the same.
    if (latest_ && is_for(patience_) &&
        (waited || clock_().boot - latest_->snapshot.taken.boot < max_age_))
      return latest_;
    if (closed_) return fail(Errc::refused, "the exporter is stopping");
    begin_taking();
  }
  return take_for_all(deadline);
}

bool Collections::is_for(Nanoseconds patience) const {
  const auto timed_out = [](const Failure& failure) {
    return failure.reason == FailureReason::timeout;
  };
  return given_ >= patience || std::ranges::none_of(latest_->snapshot.failures, timed_out);
}

Instant Collections::sample(Nanoseconds interval, Nanoseconds timeout) {
  interval = std::max(interval, max_age_);
  const Instant now = clock_().boot;
  {
    const std::lock_guard lock(mutex_);
    if (taking_ || closed_) return now + interval;
    if (ended_ && now - *ended_ < interval) return *ended_ + interval;
    timeout = std::min(timeout, std::max<Nanoseconds>(patience_, kLeastPatience));
    begin_taking();
  }
  take_for_all(now + timeout);
  return clock_().boot + interval;
}

void Collections::begin_taking() {
  taking_ = true;
  began_ = os::boot_now();
  latest_.reset();  // too old for anyone: if nobody reads it any more, its memory is spare now
}

std::shared_ptr<const Collection> Collections::take_for_all(Instant deadline) {
  std::shared_ptr<const Collection> fresh;
  const Nanoseconds given = deadline - clock_().boot;
  const auto end_taking = [&] {
    {
      const std::lock_guard lock(mutex_);
      latest_ = fresh;
      given_ = given;
      ended_ = clock_().boot;
      taking_ = false;
    }
    taken_.notify_all();
  };
  try {
    fresh = take(deadline);
  } catch (...) {
    end_taking();
    throw;
  }
  end_taking();
  return fresh;
}

std::unique_ptr<Collection> Collections::take_spare() {
  const std::lock_guard lock(spare_->mutex);
  return spare_->memory ? std::move(spare_->memory) : std::make_unique<Collection>();
}

std::shared_ptr<const Collection> Collections::publish(std::unique_ptr<Collection> collection) {
  const std::uint64_t number = published_++;
  {
    const std::lock_guard lock(spare_->mutex);
    spare_->held[number] = {memory_of(*collection), clock_().boot};
  }
  std::shared_ptr<const Collection> published(
      collection.release(), [spare = spare_, number](const Collection* unread) {
        const std::lock_guard lock(spare->mutex);
        spare->held.erase(number);
        spare->memory.reset(const_cast<Collection*>(unread));
      });
  relieve(*spare_);
  return published;
}

void Collections::relieve(Spare& spare) const {
  Instant since;
  {
    const std::lock_guard lock(spare.mutex);
    std::size_t bytes = 0;
    for (const auto& [number, held] : spare.held) bytes += held.bytes;
    if (spare.held.size() <= kLeastHeld || bytes <= most_held_) return;
    // Who holds the oldest began to read before the next one was there.
    since = std::next(spare.held.begin())->second.published;
  }
  crowded_(since);
}

std::shared_ptr<const Collection> Collections::take(Instant deadline) {
  std::unique_ptr<Collection> memory = take_spare();
  const Now now = clock_();
  history_.watch_clock(now);
  reading_->read(now, deadline, memory->snapshot, names_);
  for (const std::string& message : names_.messages) warn_(message);
  memory->names = names_.names;
  memory->names_report = names_.report;
  memory->reader = reading_->reader();
  declared_.judge(memory->snapshot, memory->declared);
  if (recorder_) recorder_->begin(memory->snapshot, memory->names.get(), history_.clock_steps());
  view(*memory);
  if (recorder_ && recorder_->end(memory->snapshot, history_)) history_.mark_touched();
  warn_of_new(memory->snapshot.failures);
  memory->clock_steps = history_.clock_steps();
  memory->events_counted = sampled_;
  memory->judged = judged_;
  memory->peers_limited = peer_limit_.most != 0;
  memory->dated = judged_ || state_;
  keep_state(now);
  if (state_) memory->state_success = state_problem_.empty();
  memory->journal_report = journal_ ? journal_->report() : JournalReport{};
  return publish(std::move(memory));
}

/// The disk is waited for elsewhere: what came of it is known at a later reading.
void Collections::keep_state(Now now) {
  if (!state_) return;
  if (const auto saved = state_->take_outcome()) {
    const std::string problem = *saved ? std::string() : saved->error().context;
    if (!problem.empty() && problem != state_problem_) warn_(problem);
    if (!problem.empty()) history_.mark_changed();  // still to be written
    state_problem_ = problem;
  }
  if (!history_.changed() && !history_.touched()) return;
  if (state_->due(now.boot, history_.changed())) state_->save_later(history_, now.wall);
}

void Collections::view(Collection& collection) {
  Snapshot& snapshot = collection.snapshot;
  collection.views.resize(snapshot.devices.size());
  Lens lens{.now = snapshot.taken,
            .names = collection.names.get(),
            .events_seed = sampled_ ? std::optional(seed_) : std::nullopt,
            .recorder = recorder_ ? &*recorder_ : nullptr,
            .removed = &history_.removed(),
            .inventory = collection.declared.inventory(),
            .expectations = &collection.declared.expectations};
  for (std::size_t i = 0; i < snapshot.devices.size(); ++i) {
    const Device& device = snapshot.devices[i];
    if (lens.inventory != nullptr) lens.drift = &collection.declared.drift.interfaces[i];
    const bool whole = !lacks_peers(snapshot, device);
    InterfaceHistory& history = history_.of(device, snapshot.taken.wall);
    if (view_device(device, whole, history, lens, collection.views[i])) history_.mark_changed();
    limit_peers(device, whole, history, collection.views[i]);
    const auto hidden = std::ranges::count_if(collection.views[i].peers,
                                              [](const PeerView& view) { return !view.shown; });
    // An interrupted reading may show a peer twice and was reported; from any other source it
    // is an error.
    if (hidden != 0 && device.implementation == Implementation::userspace) {
      snapshot.report(Collector::uapi).success = false;
      snapshot.failures.push_back(
          {device.netns, device.name, FailureReason::malformed,
           fmt::format("{}: the answer lists a peer twice; the exporter shows the first entry",
                       device.name)});
    }
  }
  forget_interfaces(snapshot);
}

void Collections::limit_peers(const Device& device, bool whole, InterfaceHistory& history,
                              DeviceView& view) {
  std::size_t peers = 0;
  for (const std::uint64_t count : view.by_state) peers += count;
  view.aggregated = peer_limit_.exceeded(peers, whole, history.aggregated);
  if (view.aggregated == history.aggregated) return;
  history.aggregated = view.aggregated;
  const std::string name =
      device.netns.empty() ? device.name : fmt::format("{}/{}", device.netns, device.name);
  warn_(view.aggregated
            ? fmt::format("{} has {} peers, and --peer.max is {}: the exporter shows only "
                          "aggregates of {} until it has {} peers or fewer",
                          name, peers, peer_limit_.most, name, peer_limit_.back_at())
            : fmt::format("{} has {} peers, and --peer.max is {}: the exporter shows each peer of "
                          "{} again",
                          name, peers, peer_limit_.most, name));
}

/// An interface that failed this time may be back the next; one that is gone is forgotten.
void Collections::forget_interfaces(const Snapshot& snapshot) {
  const auto keep = [&](const std::string& netns, const std::string& interface) {
    return std::ranges::any_of(
               snapshot.devices,
               [&](const Device& d) { return d.netns == netns && d.name == interface; }) ||
           std::ranges::any_of(snapshot.failures, [&](const Failure& f) {
             // A socket that does not answer does not say whose it is, and counts
             // for every namespace.
             return (f.netns.empty() || f.netns == netns) &&
                    (f.interface.empty() || f.interface == interface);
           });
  };
  history_.forget_unless(
      keep, [&](const std::string& netns, const std::string& name, InterfaceHistory& interface) {
        if (!recorder_) return;
        for (const PeerHistory& peer : interface.peers.entries())
          recorder_->gone({netns, name, peer.key}, *interface.peers.memory_of(peer),
                          history_.removed());
      });
}

void Collections::warn_of_new(const std::vector<Failure>& failures) {
  std::set<std::string> now;
  for (const Failure& failure : failures) {
    std::string message = fmt::format("{}: {}", to_string(failure.reason), failure.detail);
    if (!warned_.contains(message)) warn_(message);
    now.insert(std::move(message));
  }
  warned_ = std::move(now);
}

bool Collections::close(Instant deadline) {
  std::unique_lock lock(mutex_);
  closed_ = true;
  const auto until = std::chrono::steady_clock::now() + (deadline - os::boot_now());
  return taken_.wait_until(lock, until, [&] { return !taking_; });
}

std::optional<Instant> Collections::taking_since() {
  const std::lock_guard lock(mutex_);
  return taking_ ? std::optional(began_) : std::nullopt;
}

void Collections::stop() {
  const std::lock_guard lock(mutex_);
  if (taking_) return;
  const WallTime now = clock_().wall;
  if (recorder_) recorder_->stop(now);
  if (!state_ || (!history_.changed() && !history_.touched() && !state_->unsaved())) return;
  if (auto saved = state_->save(history_, now); !saved) warn_(saved.error().context);
}

}  // namespace wgscope::exporter
