#pragma once

#include <compare>
#include <string>
#include <sys/types.h>
#include <vector>

#include "wgscope/base/result.hpp"
#include "wgscope/os/unique_fd.hpp"

namespace wgscope::os {

/// Which network namespace: the device and inode of its nsfs file, unique while it
/// exists (namespaces(7)).
struct NetnsId {
  dev_t device = 0;
  ino_t inode = 0;

  friend auto operator<=>(const NetnsId&, const NetnsId&) = default;
};

/// A network namespace held open. As long as it is held the kernel keeps the namespace alive, so
/// hold it for one collection, never longer.
class Netns {
 public:
  /// @param path  a namespace file: /run/netns/NAME, /proc/PID/ns/net.
  /// @returns netns_gone when it does not exist, or no longer; access_denied, not_permitted, io.
  static Result<Netns> open(const std::string& path);
  /// The same for a path relative to an open folder, which may be a process's under /proc: such a
  /// folder never shows another process, also when the process has ended and its number is reused.
  static Result<Netns> open_at(int folder, const std::string& path);
  static Result<Netns> open_own();  ///< opens the calling thread's namespace

  [[nodiscard]] NetnsId id() const { return id_; }

  /// Moves the calling thread, and only it, into the namespace; needs CAP_SYS_ADMIN. There is no
  /// way back in here: call it on a thread that ends afterwards.
  /// @returns not_permitted, io.
  [[nodiscard]] Result<> enter() const;

 private:
  Netns(UniqueFd fd, NetnsId id) : fd_(std::move(fd)), id_(id) {}

  UniqueFd fd_;
  NetnsId id_;
};

/// Where `ip netns` keeps its names (ip-netns(8)).
inline constexpr const char* kNamedNetnsFolder = "/run/netns";

/// Names under `folder`, sorted; empty when the folder does not exist. A name that exists all the
/// while is listed, whatever is made and deleted beside it (POSIX, readdir).
/// @returns access_denied, io: then the names are unknown.
Result<std::vector<std::string>> list_named_netns(const std::string& folder = kNamedNetnsFolder);

}  // namespace wgscope::os
