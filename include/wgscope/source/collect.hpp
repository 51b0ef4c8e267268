#pragma once

#include <memory>
#include <regex>
#include <string>
#include <string_view>
#include <vector>

#include "wgscope/base/result.hpp"
#include "wgscope/base/time.hpp"
#include "wgscope/model/snapshot.hpp"
#include "wgscope/os/netns.hpp"
#include "wgscope/source/uapi/client.hpp"

namespace wgscope::source {

/// Which interface names are read. Both expressions are ECMAScript's, and match whole names.
class NameFilter {
 public:
  NameFilter() = default;
  /// @param include, exclude  empty: everything, nothing. @returns bad_value, quoting the
  /// expression.
  static Result<NameFilter> make(const std::string& include, const std::string& exclude);

  [[nodiscard]] bool accepts(std::string_view name) const;

 private:
  bool has_include_ = false;
  bool has_exclude_ = false;
  std::regex include_;
  std::regex exclude_;
};

struct CollectOptions {
  bool kernel = true;     ///< reads interfaces of the kernel, over netlink
  bool userspace = true;  ///< reads interfaces of userspace implementations, over UAPI
  std::string uapi_folder = uapi::kDefaultFolder;
  /// Further network namespaces whose kernel interfaces are read: names under /run/netns, or paths
  /// with a '/'.
  std::vector<std::string> netns;
  /// Reads every name under /run/netns too, which is listed at each collection.
  bool all_named_netns = false;
  NameFilter filter;
  std::string proc_folder = "/proc";                       ///< tests give another one
  std::string named_netns_folder = os::kNamedNetnsFolder;  ///< tests give another one
};

/// Takes snapshots of every WireGuard interface it can see: the whole of "reading" in one call.
///
/// Other network namespaces are visited by a thread made for it, one after the other; the calling
/// thread never moves. What fails is reported in Snapshot::failures by itself and hides nothing
/// else. An interface whose network namespace is not known is never shown as another namespace's
/// without a failure that says so; where another collection may know more, it is left out instead.
class SnapshotSource {
 public:
  explicit SnapshotSource(CollectOptions options);
  ~SnapshotSource();
  SnapshotSource(SnapshotSource&&) noexcept;
  SnapshotSource& operator=(SnapshotSource&&) noexcept;
  SnapshotSource(const SnapshotSource&) = delete;
  SnapshotSource& operator=(const SnapshotSource&) = delete;

  /// Reads everything into `into`. A snapshot taken earlier may be given to have its memory used
  /// again: reading an unchanged set of peers then allocates nothing for them.
  /// @param now       the time of the snapshot.
  /// @param deadline  no wait for an answer goes beyond it, and no wait for a userspace
  ///                  implementation goes beyond half of the time until then.
  /// Not for use by two threads at once.
  void collect(Now now, Instant deadline, Snapshot& into);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace wgscope::source
