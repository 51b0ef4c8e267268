#include "wgscope/source/uapi/owner.hpp"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <fcntl.h>
#include <filesystem>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <system_error>
#include <unistd.h>
#include <utility>
#include <vector>

#include <fmt/core.h>
#include <linux/openat2.h>

#include "wgscope/base/result.hpp"
#include "wgscope/base/time.hpp"
#include "wgscope/os/netns.hpp"
#include "wgscope/os/unique_fd.hpp"
#include "wgscope/source/uapi/proc_net.hpp"

#include "net_table.hpp"

namespace wgscope::uapi {
namespace {

/// The kernel lists the path as the daemon gave it to bind(2): wireguard-go says /var/run, a
/// symbolic link to /run.
std::vector<std::string> spellings_of(const std::string& path) {
  std::vector<std::string> spellings{path};
  std::error_code error;
  const std::string canonical = std::filesystem::canonical(path, error).string();
  if (error) return spellings;
  spellings.push_back(canonical);
  if (canonical.starts_with("/run/")) spellings.push_back("/var" + canonical);
  return spellings;
}

SocketFileId id_of(const struct stat& status) {
  return {status.st_dev, status.st_ino,
          status.st_ctim.tv_sec * 1'000'000'000 + status.st_ctim.tv_nsec};
}

/// A process, held by its folder under /proc: what is opened through the folder is of this process
/// or fails, also when the process has ended and another has its number.
class Process {
 public:
  Process(const std::string& proc, const std::string& name)
      : folder_(open(fmt::format("{}/{}", proc, name).c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC)),
        error_(folder_ ? 0 : errno) {}

  [[nodiscard]] Result<os::Netns> netns() const {
    if (!folder_) return gone_or("look at a process under /proc", error_);
    auto netns = os::Netns::open_at(folder_.get(), "ns/net");
    // The kernel also says EACCES when the process ends within open(2), but not a second time.
    if (!netns && netns.error().code == Errc::access_denied)
      netns = os::Netns::open_at(folder_.get(), "ns/net");
    return netns;
  }

  [[nodiscard]] Result<NetTable> unix_sockets() const {
    return read_net_table(folder_.get(), "net/unix");
  }

  /// Whether the file is what this process sees under one of the names.
  [[nodiscard]] bool sees(const SocketFileId& file, std::span<const std::string> names) const {
    const os::UniqueFd root(openat(folder_.get(), "root", O_PATH | O_DIRECTORY | O_CLOEXEC));
    return root && std::ranges::any_of(names, [&](const std::string& name) {
             // Symbolic links in the path must be followed as that process follows them.
             open_how how{};
             how.flags = O_PATH | O_CLOEXEC;
             how.resolve = RESOLVE_IN_ROOT;
             const os::UniqueFd seen(static_cast<int>(
                 syscall(SYS_openat2, root.get(), name.c_str(), &how, sizeof how)));
             struct stat status{};
             return seen && fstat(seen.get(), &status) == 0 && id_of(status) == file;
           });
  }

 private:
  static tl::unexpected<Error> gone_or(const char* what, int error) {
    if (error == ENOENT || error == ESRCH || error == ENOTDIR)
      return fail(Errc::netns_gone, fmt::format("{}: the process ended", what), error);
    return fail_errno(what, error);
  }

  os::UniqueFd folder_;
  int error_;
};

struct Found {
  os::Netns netns;
  std::string witness;
};

/// One search for the namespace of one socket, process by process.
class Search {
 public:
  Search(const std::string& proc, const std::string& path, const SocketFileId& file)
      : proc_(&proc), path_(&path), file_(file), spellings_(spellings_of(path)) {}

  Result<Found> run(pid_t listener) {
    // This process cannot end before the search does; a listener is most often the daemon.
    if (auto found = look_at("self")) return std::move(*found);
    if (listener > 0)
      if (auto found = look_at(std::to_string(listener))) return std::move(*found);
    for (const pid_t pid : list_processes())
      if (auto found = look_at(std::to_string(pid))) return std::move(*found);
    return conclude();
  }

 private:
  /// What there is to say when no process is proven to be the socket's.
  Result<Found> conclude() {
    if (listing_.size() == 1) return std::move(listing_.begin()->second);
    if (listing_.size() > 1)
      return fail(
          Errc::no_device,
          fmt::format("{}: cannot tell its network namespace: {} namespaces have a socket with "
                      "this path, and no process in them shows which of them owns this one",
                      *path_, listing_.size()));
    if (obstacle_) return tl::unexpected(*obstacle_);
    return fail(
        Errc::no_device,
        fmt::format("{}: cannot tell its network namespace: no visible process lives in it. Run "
                    "the exporter in the host's PID namespace, or in the daemon's PID namespace or "
                    "network namespace",
                    *path_));
  }

  std::vector<pid_t> list_processes() {
    std::vector<pid_t> pids;
    std::error_code error;
    std::filesystem::directory_iterator entry(*proc_, error);
    for (; !error && entry != std::filesystem::directory_iterator(); entry.increment(error)) {
      const std::string name = entry->path().filename().string();
      pid_t pid = 0;
      const auto [end, bad] = std::from_chars(name.data(), name.data() + name.size(), pid);
      if (bad == std::errc{} && end == name.data() + name.size()) pids.push_back(pid);
    }
    // Without /proc no process is visible, and that lasts.
    if (error && error != std::errc::no_such_file_or_directory)
      note(fail_errno(fmt::format("list processes in {}", *proc_), error.value()).value());
    std::ranges::sort(pids);
    return pids;
  }

  /// @returns its namespace, if it is proven to be the socket's.
  std::optional<Found> look_at(const std::string& name) {
    const Process process(*proc_, name);
    auto netns = process.netns();
    if (!netns) {
      note(netns.error());
      return std::nullopt;
    }
    // The socket was there before the search began, so no namespace that ended since is its own,
    // and no number in here is reused for its own.
    if (without_.contains(netns->id())) return std::nullopt;
    if (!listing_.contains(netns->id())) {
      const auto lists = lists_it(process);
      if (!lists) {
        note(lists.error());
        return std::nullopt;
      }
      // Whose table was it? A process that ended or went elsewhere meanwhile does not tell.
      const auto again = process.netns();
      if (!again) note(again.error());
      if (!again || again->id() != netns->id()) return std::nullopt;
      if (!*lists) {
        without_.insert(netns->id());
        return std::nullopt;
      }
    }
    if (process.sees(file_, spellings_)) return Found{std::move(*netns), name};
    const os::NetnsId id = netns->id();
    listing_.try_emplace(id, Found{std::move(*netns), name});
    return std::nullopt;
  }

  /// A table in several pieces may lack a line that is there all the time: it is read again.
  [[nodiscard]] Result<bool> lists_it(const Process& process) const {
    for (int reading = 0;; ++reading) {
      const auto table = process.unix_sockets();
      if (!table) return tl::unexpected(table.error());
      if (lists_listener(table->text, spellings_)) return true;
      if (table->one_piece || reading > 0) return false;
    }
  }

  /// Keeps the first error that is not the end of a process.
  void note(const Error& error) {
    if (error.code == Errc::netns_gone || error.code == Errc::no_device || obstacle_) return;
    obstacle_ = error;
    const bool refused = error.code == Errc::access_denied || error.code == Errc::not_permitted;
    obstacle_->context = fmt::format(
        "{}: cannot tell its network namespace: {}{}", *path_, error.context,
        refused ? " (run as root, or grant CAP_SYS_PTRACE to see the namespaces of others)" : "");
  }

  const std::string* proc_;
  const std::string* path_;
  SocketFileId file_;
  std::vector<std::string> spellings_;
  std::set<os::NetnsId> without_;         ///< those whose whole table lacks the socket
  std::map<os::NetnsId, Found> listing_;  ///< those that list its path, perhaps for another file
  std::optional<Error> obstacle_;
};

bool lasts(Errc code) {
  return code == Errc::no_device || code == Errc::access_denied || code == Errc::not_permitted;
}

}  // namespace

Result<os::Netns> OwnerFinder::find(const std::string& socket_path, pid_t listener, Instant now) {
  struct stat status{};
  if (stat(socket_path.c_str(), &status) != 0)
    return fail_errno(fmt::format("stat {}", socket_path), errno);
  const SocketFileId file = id_of(status);

  Known& known = known_[socket_path];
  if (known.file == file) {
    if (known.netns) {
      auto netns = Process(proc_, known.witness).netns();
      if (netns && netns->id() == *known.netns) return netns;
    }
    if (known.why && now - known.searched < kSearchAgainAfter) return tl::unexpected(*known.why);
  }

  known = {file, std::nullopt, {}, std::nullopt, now};
  auto found = Search(proc_, socket_path, file).run(listener);
  if (!found) {
    if (lasts(found.error().code)) known.why = found.error();
    return tl::unexpected(std::move(found).error());
  }
  known.netns = found->netns.id();
  known.witness = std::move(found->witness);
  return std::move(found->netns);
}

void OwnerFinder::keep_only(const std::set<std::string>& paths) {
  std::erase_if(known_, [&](const auto& entry) { return !paths.contains(entry.first); });
}

}  // namespace wgscope::uapi
