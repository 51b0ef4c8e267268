#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "wgscope/base/time.hpp"
#include "wgscope/checks/run.hpp"
#include "wgscope/diagnosis/text.hpp"
#include "wgscope/os/poll_loop.hpp"

#include "probe/options/output_options.hpp"

namespace wgscope::probe {

/// What the live line says: "waiting for a response of 192.0.2.1:51820, 12 s left".
/// @param redact  what is somebody's is left out; numbers that agree with a report's would need the
/// report.
/// @param width   columns of the terminal; one stays free, so that no cursor wraps. 0: not known.
std::string progress_line(const diagnosis::Text& what, std::optional<Nanoseconds> left, bool redact,
                          std::size_t width);

/// Progress that is shown somewhere. One thread, that of the loop.
class ShownProgress : public checks::Progress {
 public:
  /// From now on times are watched for while that loop runs.
  virtual void attach(os::PollLoop& loop) = 0;
  /// Something else is shown now: takes away what is shown of the progress, until the next
  /// on_wait().
  virtual void clear() = 0;
};

/// One line on a terminal that says what a check waits for and how long at most, and is gone when
/// something else is shown. Nothing for the first moments, so that a run that takes no time does
/// not flicker.
///
///     LiveLine line(STDERR_FILENO, false);
///     auto run = checks::Run::open(&line);
///     line.attach(run->loop());
///     …
///     line.clear();
///     show_report(…);
class LiveLine final : public ShownProgress {
 public:
  static constexpr Nanoseconds kDelay = std::chrono::milliseconds{300};

  /// @param terminal  a descriptor that outlives this.
  LiveLine(int terminal, bool redact) : terminal_(terminal), redact_(redact) {}
  LiveLine(const LiveLine&) = delete;
  LiveLine& operator=(const LiveLine&) = delete;
  ~LiveLine() override { clear(); }

  /// The seconds left count down by themselves.
  void attach(os::PollLoop& loop) override;
  void on_wait(const diagnosis::Text& what, std::optional<Instant> until) override;
  void clear() override;

 private:
  void draw(Instant now);
  void write(const std::string& text) const;

  int terminal_;
  bool redact_;
  os::PollLoop::Watch watch_;
  diagnosis::Text what_;
  std::optional<Instant> until_;
  std::optional<Instant> wanted_;  ///< when the line is to be drawn next; nothing: not at all
  Instant first_;                  ///< when the line may be drawn at the earliest
  bool shown_ = false;
};

/// Lines for a log, "wgscope nat: waiting for …, 12 s left". A run that is over soon says nothing,
/// and a long one not much: something else that is waited for has a line of its own at most every
/// 10 s, and the same thing one every minute.
class ProgressLog final : public ShownProgress {
 public:
  static constexpr Nanoseconds kFirst = std::chrono::seconds{5};  ///< from the first wait on
  static constexpr Nanoseconds kPause = std::chrono::seconds{10};
  static constexpr Nanoseconds kPauseOfSame = std::chrono::minutes{1};

  /// What a line is given to, with the line break at its end.
  using Write = std::function<void(const std::string& line)>;

  ProgressLog(std::string_view verb, bool redact, Write write);

  void attach(os::PollLoop& loop) override;
  void on_wait(const diagnosis::Text& what, std::optional<Instant> until) override;
  void clear() override {}

  /// When the next line is due; nothing: nothing is waited for.
  [[nodiscard]] std::optional<Instant> due() const;
  /// Writes the line that is due.
  void say(Instant now);
  /// As on_wait(), at that time.
  void wait(const diagnosis::Text& what, std::optional<Instant> until, Instant now);

 private:
  std::string_view verb_;
  bool redact_;
  Write write_;
  os::PollLoop::Watch watch_;
  diagnosis::Text what_;
  std::optional<Instant> until_;
  std::optional<Instant> first_;  ///< no line before
  std::optional<Instant> last_;   ///< when the last line was written
  diagnosis::Text said_;          ///< what that was about
};

/// Who is shown progress: a terminal by a line that changes, anything else by lines of a log. Nobody
/// where the report goes to a program that would read the lines as well, or that a terminal shows.
/// @param verb  outlives the progress. @returns nullptr then.
std::unique_ptr<ShownProgress> make_progress(std::string_view verb, const OutputOptions& options);

}  // namespace wgscope::probe
