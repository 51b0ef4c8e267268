#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>

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
///
/// One thread, that of the loop.
class LiveLine final : public checks::Progress {
 public:
  static constexpr Nanoseconds kDelay = std::chrono::milliseconds{300};

  /// @param terminal  a descriptor that outlives this.
  LiveLine(int terminal, bool redact) : terminal_(terminal), redact_(redact) {}
  LiveLine(const LiveLine&) = delete;
  LiveLine& operator=(const LiveLine&) = delete;
  ~LiveLine() override { clear(); }

  /// From now on the seconds left count down by themselves while that loop runs.
  void attach(os::PollLoop& loop);
  void on_wait(const diagnosis::Text& what, std::optional<Instant> until) override;
  /// Takes the line away, until the next on_wait().
  void clear();

 private:
  void draw(Instant now);
  void write(const std::string& text) const;

  int terminal_;
  bool redact_;
  os::PollLoop::Watch watch_;
  diagnosis::Text what_;
  std::optional<Instant> until_;
  std::optional<Instant> wanted_;  ///< when it is to be drawn next
  Instant first_;                  ///< not before
  bool shown_ = false;
};

/// Who is shown progress: nobody where standard error is no terminal or a dumb one, or where the
/// report goes to a program. @returns nullptr then.
std::unique_ptr<LiveLine> make_progress(const OutputOptions& options);

}  // namespace wgscope::probe
