#include "exporter/journal.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>

#include <fmt/core.h>

#include "wgscope/base/result.hpp"
#include "wgscope/journal/event.hpp"

namespace wgscope::exporter {
namespace {

std::uint64_t lines_in(std::string_view text) {
  return static_cast<std::uint64_t>(std::ranges::count(text, '\n'));
}

}  // namespace

Journal::Journal(std::unique_ptr<JournalOutput> output, Settings settings, Warn warn)
    : output_(std::move(output)), settings_(std::move(settings)), warn_(std::move(warn)) {
  report_.ran = true;
  thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
}

Journal::~Journal() {
  thread_.request_stop();
  thread_.join();
  if (waiting_.empty() && untold_ == 0) return;
  warn_(fmt::format("the journal lacks the last {} events: {}", lines_in(waiting_) + untold_,
                    problem_));
}

void Journal::take(const journal::Event& event) { journal::write_event(event, batch_); }

void Journal::flush() {
  if (batch_.empty()) return;
  {
    const std::lock_guard lock(mutex_);
    const std::size_t room =
        settings_.most_waiting - std::min(settings_.most_waiting, waiting_.size());
    std::string_view fits = batch_;
    // An event after one that was dropped would look as if nothing was missing.
    if (untold_ != 0) fits = {};
    if (fits.size() > room) fits = fits.substr(0, fits.substr(0, room).rfind('\n') + 1);
    waiting_ += fits;
    const std::uint64_t dropped = lines_in(std::string_view(batch_).substr(fits.size()));
    untold_ += dropped;
    report_.dropped += dropped;
  }
  changed_.notify_one();
  batch_.clear();
  constexpr std::size_t kMuch = 1024UL * 1024;
  if (batch_.capacity() > kMuch) batch_.shrink_to_fit();
}

JournalReport Journal::report() const {
  const std::lock_guard lock(mutex_);
  return report_;
}

void Journal::run(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    {
      std::unique_lock lock(mutex_);
      const auto something = [this] { return !waiting_.empty() || untold_ != 0; };
      if (std::exchange(retry_later_, false))
        changed_.wait_for(lock, stop, settings_.retry, [] { return false; });
      else
        changed_.wait(lock, stop, something);
      if (!something()) continue;
    }
    write_waiting();
  }
  write_waiting();
}

/// Writes all that waits now, and that events were dropped after it.
void Journal::write_waiting() {
  std::string lines;
  std::uint64_t untold = 0;
  {
    const std::lock_guard lock(mutex_);
    lines = std::exchange(waiting_, {});
    untold = std::exchange(untold_, 0);
  }
  if (lines.empty() && untold == 0) return;
  const std::size_t events = lines.size();
  if (untold != 0) {
    journal::Event event;
    event.kind = journal::EventKind::events_dropped;
    event.time = settings_.clock();
    event.count = untold;
    journal::write_event(event, lines);
  }
  std::size_t done = 0;
  const auto written = output_->write(lines, done);
  const bool told = untold != 0 && done == lines.size();
  if (output_->begun_anew() || told) begun_anew_ = true;
  {
    const std::lock_guard lock(mutex_);
    report_.events += lines_in(std::string_view(lines).substr(0, done));
    report_.success = written.has_value();
    retry_later_ = !written;
    if (!told) untold_ += untold;
    // Those that came meanwhile stand behind what is left.
    if (done < events) waiting_.insert(0, lines, done, events - done);
  }
  note(written, lines.size() - done);
}

void Journal::note(const Result<>& written, std::size_t left) {
  const std::string problem = written ? std::string() : written.error().context;
  if (problem == problem_) return;
  if (!problem.empty())
    warn_(fmt::format("{}; {} wait and the exporter tries again", problem,
                      left == 0 ? "later events" : "events"));
  else
    warn_("the journal can be written again");
  problem_ = problem;
}

}  // namespace wgscope::exporter
