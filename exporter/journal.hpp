#pragma once

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <stop_token>
#include <string>
#include <string_view>
#include <thread>

#include "wgscope/base/result.hpp"
#include "wgscope/base/time.hpp"
#include "wgscope/journal/event.hpp"

#include "exporter/recorder.hpp"

namespace wgscope::exporter {

/// What a journal's lines are written to.
class JournalOutput {
 public:
  JournalOutput() = default;
  JournalOutput(const JournalOutput&) = delete;
  JournalOutput& operator=(const JournalOutput&) = delete;
  virtual ~JournalOutput() = default;

  /// Writes whole lines. @param done  how many bytes of them are written, also when it fails.
  virtual Result<> write(std::string_view lines, std::size_t& done) = 0;
  /// Whether a file without lines was begun since the last call, the first one aside.
  virtual bool begun_anew() { return false; }
};

/// How writing goes, for the metrics.
struct JournalReport {
  bool ran = false;  ///< false: there is no journal
  bool success = true;
  std::uint64_t events = 0;   ///< written
  std::uint64_t dropped = 0;  ///< not written, because too many waited
};

/// Writes events on a thread of its own: no reading and no scrape waits for a disk. What waits is
/// bounded. Events beyond that are dropped, and how many is written as an event of its own as soon
/// as there is room.
class Journal final : public EventSink {
 public:
  using Warn = std::function<void(const std::string& message)>;

  struct Settings {
    std::size_t most_waiting = 32UL * 1024 * 1024;  ///< bytes of lines
    Nanoseconds retry = std::chrono::seconds(5);    ///< after a write that failed
    std::function<WallTime()> clock;
  };

  /// @param warn  is called on the thread: once when writing fails, once when it works again.
  Journal(std::unique_ptr<JournalOutput> output, Settings settings, Warn warn);
  Journal(const Journal&) = delete;
  Journal& operator=(const Journal&) = delete;
  /// Writes what still waits, if it can be written at once.
  ~Journal() override;

  void take(const journal::Event& event) override;
  void flush() override;
  bool begun_anew() override { return begun_anew_.exchange(false); }

  [[nodiscard]] JournalReport report() const;

 private:
  void run(const std::stop_token& stop);
  void write_waiting();
  void note(const Result<>& written, std::size_t left);

  std::unique_ptr<JournalOutput> output_;
  Settings settings_;
  Warn warn_;
  std::string batch_;  ///< lines of the reading that goes on; of its thread

  /// Guards what follows, down to report_.
  mutable std::mutex mutex_;
  std::condition_variable_any changed_;
  std::string waiting_;       ///< lines that are to be written
  std::uint64_t untold_ = 0;  ///< events that were dropped, of which the journal says nothing yet
  bool retry_later_ = false;  ///< the last write failed
  JournalReport report_;

  std::string problem_;  ///< why the last write failed; of the thread
  std::atomic<bool> begun_anew_ = false;
  std::jthread thread_;  ///< declared last, because it uses the other members
};

}  // namespace wgscope::exporter
