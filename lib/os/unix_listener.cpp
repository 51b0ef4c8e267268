#include "wgscope/os/unix_listener.hpp"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <filesystem>
#include <optional>
#include <string>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <system_error>
#include <unistd.h>
#include <utility>

#include <fmt/core.h>

#include "wgscope/base/result.hpp"
#include "wgscope/os/unique_fd.hpp"

namespace wgscope::os {
namespace {

constexpr int kBacklog = 64;

Result<sockaddr_un> to_sockaddr(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof address.sun_path || path.find('\0') != path.npos)
    return fail(Errc::bad_value,
                fmt::format("listen on '{}': the path must have 1 to {} characters", path,
                            sizeof address.sun_path - 1));
  std::ranges::copy(path, address.sun_path);
  return address;
}

Result<UniqueFd> make_socket() {
  UniqueFd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket) return fail_errno("open a unix socket", errno);
  return socket;
}

std::optional<struct stat> look_at(const std::string& path) {
  struct stat status{};
  if (lstat(path.c_str(), &status) != 0) return std::nullopt;
  return status;
}

bool same_file(const struct stat& a, const struct stat& b) {
  return a.st_dev == b.st_dev && a.st_ino == b.st_ino && a.st_ctim.tv_sec == b.st_ctim.tv_sec &&
         a.st_ctim.tv_nsec == b.st_ctim.tv_nsec;
}

/// Removes a socket on which no process listens any longer. @returns an error for anything else.
Result<> remove_stale(const std::string& path, const sockaddr_un& address) {
  const auto before = look_at(path);
  if (!before) return {};  // gone meanwhile
  if (!S_ISSOCK(before->st_mode))
    return fail(Errc::bad_value,
                fmt::format("listen on {}: the path exists and is not a socket", path), EADDRINUSE);
  auto probe = make_socket();
  if (!probe) return tl::unexpected(probe.error());
  const int connected =
      connect(probe->get(), reinterpret_cast<const sockaddr*>(&address), sizeof address);
  if (connected != 0 && errno == ENOENT) return {};
  if (connected != 0 && errno == EACCES)
    return fail(Errc::access_denied,
                fmt::format("listen on {}: the path is a socket of another user", path), EACCES);
  if (connected == 0 || errno != ECONNREFUSED)
    return fail(Errc::io,
                fmt::format("listen on {}: another process is listening on this path (stop that "
                            "process, or choose another name)",
                            path),
                EADDRINUSE);
  const auto after = look_at(path);
  if (after && same_file(*before, *after) && unlink(path.c_str()) != 0 && errno != ENOENT)
    return fail_errno(fmt::format("remove {}, which a process left behind", path), errno);
  return {};
}

Result<> make_folder_of(const std::string& path) {
  const auto folder = std::filesystem::path(path).parent_path();
  std::error_code error;
  if (folder.empty() || std::filesystem::exists(folder, error)) return {};
  std::filesystem::create_directory(folder, error);
  if (error)
    return fail_errno(fmt::format("make the directory {}", folder.string()), error.value());
  return {};
}

/// Binds and listens. @returns the file, or nothing when the name is taken or the file was removed
/// before it listened.
Result<std::optional<struct stat>> bind_and_listen(int socket, const sockaddr_un& address,
                                                   const std::string& path) {
  // The mode of the file that bind(2) makes is the socket's, less the umask (unix_bind_bsd in
  // net/unix/af_unix.c): there is no moment in which others may connect.
  if (fchmod(socket, S_IRUSR | S_IWUSR) != 0) return fail_errno("set a socket's mode", errno);
  if (bind(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    if (errno == EADDRINUSE) return std::nullopt;
    return fail_errno(fmt::format("listen on {}", path), errno);
  }
  if (listen(socket, kBacklog) != 0) return fail_errno(fmt::format("listen on {}", path), errno);
  return look_at(path);
}

}  // namespace

UnixListener::UnixListener(std::string path, UniqueFd socket, UniqueFd spare, dev_t device,
                           ino_t inode)
    : path_(std::move(path)),
      socket_(std::move(socket)),
      spare_(std::move(spare)),
      device_(device),
      inode_(inode) {}

Result<UnixListener> UnixListener::open(const std::string& path) {
  const auto address = to_sockaddr(path);
  if (!address) return tl::unexpected(address.error());
  if (auto done = make_folder_of(path); !done) return tl::unexpected(done.error());
  UniqueFd spare(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  if (!spare) return fail_errno("open /dev/null", errno);
  constexpr int kTries = 5;
  for (int i = 0; i < kTries; ++i) {
    auto socket = make_socket();
    if (!socket) return tl::unexpected(socket.error());
    const auto bound = bind_and_listen(socket->get(), *address, path);
    if (!bound) return tl::unexpected(bound.error());
    if (const auto& file = *bound; file)
      return UnixListener(path, std::move(*socket), std::move(spare), file->st_dev, file->st_ino);
    if (auto done = remove_stale(path, *address); !done) return tl::unexpected(done.error());
  }
  return fail(
      Errc::io,
      fmt::format("listen on {}: other processes keep creating and removing this path", path),
      EADDRINUSE);
}

UnixListener::~UnixListener() {
  if (!socket_) return;
  const auto file = look_at(path_);
  if (file && file->st_dev == device_ && file->st_ino == inode_) unlink(path_.c_str());
}

Result<std::optional<UniqueFd>> UnixListener::accept() {
  for (;;) {
    UniqueFd connection(accept4(socket_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (connection) return std::optional(std::move(connection));
    const int error = errno;
    if (error == EINTR || error == ECONNABORTED) continue;
    if (error == EAGAIN) return std::nullopt;
    if (error == EMFILE || error == ENFILE) {
      spare_.reset();
      connection.reset(accept4(socket_.get(), nullptr, nullptr, SOCK_CLOEXEC));
      connection.reset();
      spare_.reset(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    }
    return fail_errno(fmt::format("accept on {}", path_), error);
  }
}

}  // namespace wgscope::os
