#pragma once

#include <optional>
#include <string>

#include "wgscope/base/result.hpp"
#include "wgscope/base/time.hpp"

#include "exporter/history.hpp"

namespace wgscope::exporter {

/// Keeps in `<dir>/first-seen` when interfaces and peers were first seen, so that a restart of the
/// exporter does not look like new peers.
class StateFile {
 public:
  /// The shortest time between two writes of the file, however often peers come and go.
  static constexpr std::chrono::seconds kSaveInterval{30};

  explicit StateFile(const std::string& dir);

  /// @returns why nothing could be read, with what to do; a missing file is no error.
  [[nodiscard]] Result<> load(History& into) const;
  /// Replaces the file as a whole (rename), so that a crash leaves the old or the new one.
  Result<> save(History& history);
  /// Whether kSaveInterval has passed since this last returned true.
  bool due(Instant now);

 private:
  std::string path_;
  std::string boot_id_;
  std::optional<Instant> last_due_;
};

}  // namespace wgscope::exporter
