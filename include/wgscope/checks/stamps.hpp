#pragma once

#include <optional>
#include <string>

#include "wgscope/base/result.hpp"
#include "wgscope/base/time.hpp"
#include "wgscope/model/public_key.hpp"
#include "wgscope/noise/tai64n.hpp"
#include "wgscope/os/stamp_store.hpp"

namespace wgscope::checks {

/// The stamps of one key's handshakes, over all sessions of a run and, with a folder, over all runs
/// (os/stamp_store.hpp says why).
class Stamps {
 public:
  /// @param folder  empty: this run only, for a key that is used nowhere else.
  /// @returns as os::StampStore::open().
  static Result<Stamps> open(const std::string& folder, const PublicKey& key);
  Stamps() = default;  ///< keeps nothing beyond this run

  [[nodiscard]] noise::Tai64n last() const { return last_; }
  /// Call before a handshake with that stamp is sent. @returns false where the stamp could not be
  /// written to the folder.
  bool cover(const noise::Tai64n& stamp);
  /// How far the key's last stamp is in the future: the clock was set back, or the key was used
  /// where the clock is ahead.
  [[nodiscard]] std::optional<Nanoseconds> ahead_of(WallTime now) const;
  [[nodiscard]] const std::optional<std::string>& failure() const { return failure_; }
  /// The file that keeps the last stamp; empty if only this run keeps it.
  [[nodiscard]] std::string path() const { return store_ ? store_->path() : std::string(); }

 private:
  std::optional<os::StampStore> store_;
  noise::Tai64n last_;
  std::optional<std::string> failure_;
};

}  // namespace wgscope::checks
