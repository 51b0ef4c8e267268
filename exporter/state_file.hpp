#pragma once

#include <optional>
#include <string>

#include "wgscope/base/result.hpp"
#include "wgscope/base/time.hpp"

#include "exporter/history.hpp"

namespace wgscope::exporter {

/// Keeps first sights in `<dir>/first-seen`, so that a restart of the exporter does not look like
/// new peers.
class StateFile {
 public:
  /// However often peers come and go, the file is not written more often than this.
  static constexpr std::chrono::seconds kSaveInterval{30};

  explicit StateFile(const std::string& dir);

  /// @returns why nothing could be read, with what to do; a missing file is no error.
  [[nodiscard]] Result<> load(History& into) const;
  /// Replaces the file as a whole (rename), so that a crash leaves the old or the new one.
  Result<> save(History& history);
  /// Whether the last time this was true is kSaveInterval ago.
  bool due(Instant now);

 private:
  std::string path_;
  std::string boot_id_;
  std::optional<Instant> last_due_;
};

}  // namespace wgscope::exporter
