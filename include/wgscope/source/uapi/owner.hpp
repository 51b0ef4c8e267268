#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <sys/types.h>

#include "wgscope/base/result.hpp"
#include "wgscope/base/time.hpp"
#include "wgscope/os/netns.hpp"

namespace wgscope::uapi {

/// Finds the network namespace a UAPI socket was made in, where its interface lives.
///
/// SO_PEERCRED alone does not tell: it names the process that called listen(2), and wireguard-go in
/// the background is a child of it that goes on after that process has ended, when its number may
/// be anyone's. What does tell is that a namespace's /proc/…/net/unix lists the path. The
/// listener's namespace is looked at first, then those of all processes; the answer is kept while
/// the socket file stays the same, so the search is made once (and once in kSearchAgainAfter while
/// it finds nothing).
class OwnerFinder {
 public:
  static constexpr std::chrono::seconds kSearchAgainAfter{60};

  /// @returns the namespace, held open; no_device when none can be found from here; access_denied,
  /// io.
  Result<os::Netns> find(const std::string& socket_path, pid_t listener, Instant now);

  /// Forgets sockets that are not among `paths`.
  void keep_only(const std::set<std::string>& paths);

 private:
  struct Identity {  ///< of the socket file: a new daemon makes a new one
    dev_t device = 0;
    ino_t inode = 0;
    std::int64_t changed_ns = 0;
    friend bool operator==(const Identity&, const Identity&) = default;
  };
  struct Known {
    Identity file;
    std::optional<os::NetnsId> netns;  ///< nothing: searched for in vain
    pid_t witness = 0;                 ///< a process that lived in it
    Instant searched;
  };

  static std::optional<pid_t> search(const std::string& socket_path, pid_t listener);

  std::map<std::string, Known> known_;
};

}  // namespace wgscope::uapi
