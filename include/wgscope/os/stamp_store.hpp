#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <sys/types.h>

#include "wgscope/base/result.hpp"
#include "wgscope/model/public_key.hpp"
#include "wgscope/os/unique_fd.hpp"

namespace wgscope::os {

/// A TAI64N label, as handshakes carry it: seconds and nanoseconds, big-endian, so that its bytes
/// are in order of time (noise::Tai64n::bytes).
using Stamp = std::array<std::byte, 12>;

/// What decides where stamps are kept.
struct StateHome {
  uid_t user;                  ///< the process's effective user
  const char* xdg_state_home;  ///< $XDG_STATE_HOME; nullptr: it is not set
  const char* home;            ///< $HOME; nullptr: it is not set
};

/// root: /var/lib/wgscope; others: $XDG_STATE_HOME/wgscope, or ~/.local/state/wgscope.
/// @returns bad_value where the environment names no absolute folder.
/// Source: XDG Base Directory Specification 0.8.
Result<std::string> stamp_folder(const StateHome& from);

/// The last handshake stamp that a key of ours has used, on disk. Gateways silently refuse a stamp
/// that is not above the last one they accepted (whitepaper §5.1), so after a restart, a crash or a
/// clock set back the next stamp must still be above all that were ever sent.
///
/// Not every handshake writes the disk: the file holds a stamp ahead of those in use, and is
/// written again when one comes near to exceed it. What is ahead begins with 10 ms and doubles with
/// each write, up to a minute. A process that lives long writes once a minute at most; one that
/// crashes again and again moves the key's stamps into the future by 10 ms each time, and not by a
/// minute, which would lock the key out of gateways once it is moved to another machine. A store
/// that is closed orderly leaves the very stamp that was used last.
///
///     auto store = StampStore::open(folder, public_key);
///     config.last_stamp.bytes = store->last();           // the next one is above
///     …
///     store->cover(interface.last_stamp().bytes);        // before its datagrams are sent
///
/// While it is open the key is this store's: two processes that take turns with one key would each
/// be refused after the other. One thread at a time.
class StampStore {
 public:
  /// @param folder  made with mode 0700 if it is missing, its parents too.
  /// @returns refused (another process has the key open), bad_value (the file is damaged: starting
  /// over could lock the key out, so what to do is said), access_denied, io.
  static Result<StampStore> open(const std::string& folder, const PublicKey& key);

  StampStore(StampStore&&) noexcept = default;
  StampStore& operator=(StampStore&&) = delete;
  StampStore(const StampStore&) = delete;
  StampStore& operator=(const StampStore&) = delete;
  /// Writes down the last stamp that was covered. Where that fails the file stays ahead,
  /// which is safe.
  ~StampStore();

  /// No stamp up to this one may be used again; all zero for a key that has used none.
  [[nodiscard]] const Stamp& last() const { return last_; }

  /// Makes sure that the disk has this stamp or a later one: call it before the stamp is sent, and
  /// do not send it where this fails. Costs nothing for a stamp that is covered already.
  /// @returns access_denied, io.
  Result<> cover(const Stamp& stamp);

  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  StampStore(std::string folder, std::string path, UniqueFd lock);

  Result<> write(const Stamp& stamp);

  std::string folder_;
  std::string path_;
  UniqueFd lock_;
  Stamp last_{};                         ///< the highest stamp that was covered
  Stamp stored_{};                       ///< the stamp in the file
  std::chrono::milliseconds ahead_{10};  ///< how far beyond a covered stamp the next write goes
};

}  // namespace wgscope::os
