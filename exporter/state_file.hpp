#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>

#include "wgscope/base/result.hpp"
#include "wgscope/base/time.hpp"

#include "exporter/history.hpp"

namespace wgscope::exporter {

/// Keeps in `<dir>/first-seen` what History remembers of interfaces and peers, so that a restart of
/// the exporter does not look like new peers. Writing has a thread of its own: no reading waits for
/// a disk.
class StateFile {
 public:
  /// The shortest time between two writes of the file, however often peers come and go.
  static constexpr std::chrono::seconds kSaveInterval{30};
  /// And where nothing but handshakes and endpoints changed.
  static constexpr std::chrono::minutes kTouchInterval{5};

  explicit StateFile(const std::string& dir);
  StateFile(const StateFile&) = delete;
  StateFile& operator=(const StateFile&) = delete;
  ~StateFile() = default;

  /// @returns whether there was a file. Else why nothing could be read, and what became of the file:
  /// it is renamed, and never written over.
  [[nodiscard]] Result<bool> load(History& into);
  /// Replaces the file as a whole (rename), so that a crash leaves the old or the new one. Waits
  /// for save_later() first.
  Result<> save(History& history, WallTime now);
  /// As save(), on another thread, unless due() says no. What came of it: take_outcome().
  void save_later(History& history, WallTime now);
  /// Of the last save_later(), once.
  std::optional<Result<>> take_outcome();
  /// Whether a save_later() has not ended well yet.
  [[nodiscard]] bool unsaved();
  /// Whether it is time to write again: since this last returned true, kSaveInterval has passed, or
  /// kTouchInterval if `changed` is false. Not while the last save_later() goes on.
  bool due(Instant now, bool changed);

 private:
  [[nodiscard]] Result<> replace(const std::string& text) const;
  std::string set_aside();
  void remove_temporaries() const;
  void run(const std::stop_token& stop);

  std::string dir_;
  std::string path_;
  std::string boot_id_;
  std::optional<Instant> last_due_;
  bool blocked_ = false;  ///< the file could be neither read nor set aside: it stays as it is

  /// Guards what follows, down to outcome_.
  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::optional<std::string> text_;  ///< to be written, or being written
  std::optional<Result<>> outcome_;
  std::jthread thread_;  ///< begun with the first save_later(); declared last
};

}  // namespace wgscope::exporter
