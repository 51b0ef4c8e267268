#include "exporter/http/civetweb_calls.hpp"

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <fcntl.h>
#include <mutex>
#include <netinet/in.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <unistd.h>
#include <utility>
#include <vector>

#include "exporter/http/door.hpp"
#include "exporter/http/tls_session.hpp"

namespace wgscope::exporter::http {
namespace {

thread_local bool more_follows = false;
thread_local bool may_stay = false;  ///< the connection may
thread_local bool stays = false;     ///< and does

/// Guarded by its mutex.
struct Doors {
  std::mutex mutex;
  std::vector<Door*> open;
  Door* attaching = nullptr;
};
Doors& doors() {
  static Doors all;
  return all;
}

/// Calls `handle` with each door until one takes it.
template <class Handle>
bool any_door(Handle handle) {
  const std::lock_guard lock(doors().mutex);
  return std::ranges::any_of(doors().open, handle);
}

/// nullptr: it has no TLS. What is returned stays until the calling thread closes the connection.
TlsSession* session_of(int fd) {
  TlsSession* session = nullptr;
  any_door([&](const Door* door) { return door->find_session(fd, session); });
  return session;
}

}  // namespace

MoreFollows::MoreFollows(bool follows) { more_follows = follows; }
MoreFollows::~MoreFollows() { more_follows = false; }

bool may_keep_connection() { return may_stay; }
void keep_connection() { stays = true; }

void register_door(Door& door) {
  const std::lock_guard lock(doors().mutex);
  doors().open.push_back(&door);
}

void unregister_door(Door& door) {
  const std::lock_guard lock(doors().mutex);
  std::erase(doors().open, &door);
}

void attach_next(Door& door) {
  const std::lock_guard lock(doors().mutex);
  doors().attaching = &door;
}

/// What it listens on becomes the door's entrance. It asks for a TCP socket, which a service that gets
/// its own from systemd may not be allowed to make.
extern "C" int wgscope_civetweb_socket(int /*family*/, int /*type*/, int /*protocol*/) noexcept {
  return eventfd(0, EFD_CLOEXEC);
}

extern "C" int wgscope_civetweb_bind(int fd, const sockaddr* /*address*/,
                                     socklen_t /*size*/) noexcept {
  const std::lock_guard lock(doors().mutex);
  Door* door = std::exchange(doors().attaching, nullptr);
  return door != nullptr && door->bind(fd) ? 0 : -1;
}

extern "C" int wgscope_civetweb_listen(int /*fd*/, int /*backlog*/) noexcept { return 0; }

/// Asked of the socket that it believes to have bound, and of connections.
extern "C" int wgscope_civetweb_getsockname(int fd, sockaddr* address, socklen_t* size) noexcept {
  if (!any_door([&](const Door* door) { return door->is_entrance(fd); }))
    return getsockname(fd, address, size);
  sockaddr_in any{};
  any.sin_family = AF_INET;
  std::memcpy(address, &any, std::min<std::size_t>(*size, sizeof any));
  *size = sizeof any;
  return 0;
}

extern "C" int wgscope_civetweb_accept(int fd, sockaddr* address, socklen_t* size) noexcept {
  int connection = -1;
  any_door([&](Door* door) { return door->accept(fd, address, size, connection); });
  return connection;
}

extern "C" ssize_t wgscope_civetweb_recv(int fd, void* bytes, std::size_t size,
                                         int flags) noexcept {
  Door::Inside inside;
  if (!any_door([&](Door* door) { return door->find(fd, inside); }))
    return recv(fd, bytes, size, flags);
  may_stay = inside.may_stay;
  // What follows its request may be another one, and is left for it.
  const std::size_t most = std::min(size, *inside.unread);
  if (most == 0) return 0;
  const ssize_t got = inside.tls != nullptr ? inside.tls->read({static_cast<char*>(bytes), most})
                                            : recv(fd, bytes, most, flags);
  if (got > 0) *inside.unread -= static_cast<std::size_t>(got);
  return got;
}

extern "C" ssize_t wgscope_civetweb_send(int fd, const void* bytes, std::size_t size,
                                         int flags) noexcept {
  TlsSession* session = session_of(fd);
  return session != nullptr ? session->write({static_cast<const char*>(bytes), size}, more_follows)
                            : send(fd, bytes, size, flags | (more_follows ? MSG_MORE : 0));
}

/// A request that was decrypted already is there to be read, whatever the socket has.
extern "C" int wgscope_civetweb_poll(pollfd* waiting, nfds_t count, int timeout) noexcept {
  const TlsSession* session = count == 1 ? session_of(waiting->fd) : nullptr;
  if (session == nullptr || (waiting->events & POLLIN) == 0 || session->received().empty())
    return poll(waiting, count, timeout);
  waiting->revents = POLLIN;
  return 1;
}

extern "C" int wgscope_civetweb_shutdown(int fd, int how) noexcept {
  if (stays) return 0;
  if (TlsSession* session = session_of(fd)) {
    // CivetWeb has let it block by now, and a client that does not read would hold its thread.
    fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
    session->say_goodbye();
  }
  return shutdown(fd, how);
}

extern "C" int wgscope_civetweb_close(int fd) noexcept {
  const bool kept = std::exchange(stays, false);
  return any_door([&](Door* door) { return door->close(fd, kept); }) ? 0 : close(fd);
}

}  // namespace wgscope::exporter::http
