#pragma once

#include <optional>
#include <string>
#include <sys/types.h>

#include "wgscope/base/result.hpp"
#include "wgscope/os/unique_fd.hpp"

namespace wgscope::os {

/// A listening unix socket in the file system, of which only the owner may make use (mode
/// 0600): what a UAPI server needs. Non-blocking. The file is removed at the end, if it is
/// still this socket's.
///
/// It is bound under its final name, for /proc/net/unix goes on telling the name it was bound
/// under, and that is how a socket's network namespace is found (source/uapi/owner.hpp). `wg` and
/// others remove sockets that refuse connections, so it listens immediately after, and looks
/// whether the file is still there.
class UnixListener {
 public:
  /// @param path  107 bytes at most (unix(7)). Its folder is made if it is missing.
  /// @returns bad_value (the path; something else than a socket lies there), io with EADDRINUSE
  /// (somebody listens there), access_denied, io. A socket that a process left behind is replaced.
  static Result<UnixListener> open(const std::string& path);

  UnixListener(UnixListener&&) noexcept = default;
  UnixListener& operator=(UnixListener&&) = delete;
  UnixListener(const UnixListener&) = delete;
  UnixListener& operator=(const UnixListener&) = delete;
  ~UnixListener();

  [[nodiscard]] int fd() const { return socket_.get(); }
  [[nodiscard]] const std::string& path() const { return path_; }

  /// The next connection, non-blocking; nothing when none waits. When this process has no
  /// descriptor left for it, the connection is closed (it would otherwise wake the loop for ever),
  /// and that is an error.
  /// @returns io (EMFILE, ENFILE).
  Result<std::optional<UniqueFd>> accept();

 private:
  UnixListener(std::string path, UniqueFd socket, UniqueFd spare, dev_t device, ino_t inode);

  std::string path_;
  UniqueFd socket_;
  UniqueFd spare_;  ///< closed to accept, and close, a connection when no descriptor is free
  dev_t device_;
  ino_t inode_;
};

}  // namespace wgscope::os
