#include "probe/render/progress.hpp"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unistd.h>
#include <utility>

#include <fmt/core.h>

#include "wgscope/base/time.hpp"
#include "wgscope/diagnosis/text.hpp"
#include "wgscope/os/clock.hpp"
#include "wgscope/os/poll_loop.hpp"
#include "wgscope/os/standard_streams.hpp"
#include "wgscope/render/layout.hpp"
#include "wgscope/render/redaction.hpp"

#include "probe/options/output_options.hpp"
#include "probe/render/terminal.hpp"

namespace wgscope::probe {
namespace {

constexpr std::chrono::seconds kTick{1};
constexpr std::string_view kEmptyLine = "\r\x1b[K";  // to the line's begin, erase to its end

std::string shown(const diagnosis::Text& what, bool redact) {
  std::string words;
  for (const diagnosis::Text::Piece& piece : what.pieces())
    words += redact && piece.kind != diagnosis::Sensitivity::none ? "…" : piece.text;
  return render::one_line(words);
}

}  // namespace

std::string progress_line(const diagnosis::Text& what, std::optional<Nanoseconds> left, bool redact,
                          std::size_t width) {
  std::string tail;
  if (left && *left > Nanoseconds{0})
    tail = fmt::format(", {} s left", std::chrono::ceil<std::chrono::seconds>(*left).count());
  const std::string words = shown(what, redact);
  if (width == 0) return words + tail;
  // The time left is plain ASCII, and what is looked at first.
  const std::size_t room = width - 1;
  if (tail.size() < room) return render::cut(words, room - tail.size()) + tail;
  return render::cut(words, room);
}

void LiveLine::attach(os::PollLoop& loop) {
  watch_ = loop.add(
      os::Timer{.next = [this] { return wanted_; }, .expired = [this](Instant now) { draw(now); }});
}

void LiveLine::on_wait(const diagnosis::Text& what, std::optional<Instant> until) {
  if (what.empty()) return clear();
  const Instant now = os::boot_now();
  if (what_.empty()) first_ = now + kDelay;
  what_ = what;
  until_ = until;
  // Many may come at once: what is drawn is the last.
  wanted_ = shown_ ? now : std::max(now, first_);
}

void LiveLine::draw(Instant now) {
  const auto left = until_ ? std::optional(*until_ - now) : std::nullopt;
  write(std::string(kEmptyLine) + progress_line(what_, left, redact_, terminal_width(terminal_)));
  shown_ = true;
  wanted_.reset();
  // When the number of seconds changes.
  if (left && *left > kTick)
    wanted_ = now + (*left - (std::chrono::ceil<std::chrono::seconds>(*left) - kTick));
}

void LiveLine::clear() {
  if (shown_) write(std::string(kEmptyLine));
  shown_ = false;
  wanted_.reset();
  what_ = {};
}

void LiveLine::write(const std::string& text) const {
  // A terminal that has gone is no reason to stop a check.
  std::string_view rest = text;
  while (!rest.empty()) {
    const ssize_t put = ::write(terminal_, rest.data(), rest.size());
    if (put < 0 && errno == EINTR) continue;
    if (put <= 0) return;
    rest.remove_prefix(static_cast<std::size_t>(put));
  }
}

ProgressLog::ProgressLog(std::string_view verb, bool redact, Write write)
    : verb_(verb), redact_(redact), write_(std::move(write)) {}

void ProgressLog::attach(os::PollLoop& loop) {
  watch_ = loop.add(
      os::Timer{.next = [this] { return due(); }, .expired = [this](Instant now) { say(now); }});
}

void ProgressLog::on_wait(const diagnosis::Text& what, std::optional<Instant> until) {
  wait(what, until, os::boot_now());
}

void ProgressLog::wait(const diagnosis::Text& what, std::optional<Instant> until, Instant now) {
  if (!first_) first_ = now + kFirst;
  what_ = what;
  until_ = until;
}

std::optional<Instant> ProgressLog::due() const {
  if (what_.empty() || !first_) return std::nullopt;
  if (!last_) return first_;
  return *last_ + (what_ == said_ ? kPauseOfSame : kPause);
}

void ProgressLog::say(Instant now) {
  const auto left = until_ ? std::optional(*until_ - now) : std::nullopt;
  write_(fmt::format("wgscope {}: {}\n", verb_, progress_line(what_, left, redact_, 0)));
  last_ = now;
  said_ = what_;
}

std::unique_ptr<ShownProgress> make_progress(std::string_view verb, const OutputOptions& options) {
  const Surroundings around = surroundings_of(STDERR_FILENO);
  if (options.json && (around.is_terminal || os::are_standard_outputs_one())) return nullptr;
  if (can_move_cursor(around)) return std::make_unique<LiveLine>(STDERR_FILENO, options.redact);
  return std::make_unique<ProgressLog>(
      verb, options.redact, [](const std::string& line) { os::write_standard_error(line); });
}

}  // namespace wgscope::probe
