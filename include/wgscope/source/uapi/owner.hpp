#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <sys/types.h>
#include <utility>

#include "wgscope/base/result.hpp"
#include "wgscope/base/time.hpp"
#include "wgscope/os/netns.hpp"

namespace wgscope::uapi {

/// Which file a socket is bound to: a new daemon makes a new one.
struct SocketFileId {
  dev_t device = 0;
  ino_t inode = 0;
  std::int64_t changed_ns = 0;
  friend bool operator==(const SocketFileId&, const SocketFileId&) = default;
};

/// Finds the network namespace a UAPI socket was made in, where its interface lives.
///
/// SO_PEERCRED alone does not tell: it names the process that called listen(2), and wireguard-go in
/// the background is a child of it that goes on after that process has ended, when its number may
/// be anyone's. What does tell is that a namespace's /proc/…/net/unix lists the path. Containers
/// use the same path for files of their own, so a process of that namespace has to see the very
/// file there, where more than one namespace lists the path.
///
/// This process's namespace is searched first, then the listener's, then those of all processes.
/// Processes end and change their namespace while they are looked at: a namespace counts as looked
/// at only when a table was read that is proven to be its own. The answer is kept while the socket
/// file stays the same and a process is known in the namespace, so a search is rare; one that
/// cannot succeed is made once in kSearchAgainAfter.
class OwnerFinder {
 public:
  static constexpr std::chrono::seconds kSearchAgainAfter{60};

  /// @param proc  where processes are seen; another folder in tests.
  explicit OwnerFinder(std::string proc = "/proc") : proc_(std::move(proc)) {}

  /// @returns the namespace, held open.
  /// no_device: every namespace visible from here was looked at, and the socket is of none of them;
  /// access_denied, not_permitted: it is of none that may be looked at. Both last until something
  /// changes. io and others: the search could not be made; the next call makes another.
  Result<os::Netns> find(const std::string& socket_path, pid_t listener, Instant now);

  /// Forgets sockets that are not among `paths`.
  void keep_only(const std::set<std::string>& paths);

 private:
  struct Known {
    SocketFileId file;
    std::optional<os::NetnsId> netns;
    std::string witness;       ///< folder in /proc of a process that was seen in that namespace
    std::optional<Error> why;  ///< why the namespace could not be found
    Instant searched;
  };

  std::string proc_;
  std::map<std::string, Known> known_;
};

}  // namespace wgscope::uapi
