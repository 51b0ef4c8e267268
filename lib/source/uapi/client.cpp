#include "wgscope/source/uapi/client.hpp"

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <filesystem>
#include <memory>
#include <poll.h>
#include <span>
#include <string>
#include <string_view>
#include <sys/socket.h>
#include <sys/un.h>
#include <system_error>
#include <utility>
#include <vector>

#include <fmt/core.h>

#include "wgscope/base/result.hpp"
#include "wgscope/base/secret.hpp"
#include "wgscope/base/time.hpp"
#include "wgscope/os/clock.hpp"
#include "wgscope/os/unique_fd.hpp"
#include "wgscope/source/uapi/answer.hpp"

namespace wgscope::uapi {
namespace {

constexpr std::string_view kSuffix = ".sock";
constexpr std::size_t kBufferSize = 64UL * 1024;
static_assert(kBufferSize > 2 * kMaxLineSize, "a whole line must always fit behind an unread rest");

/// One conversation. The buffer holds received bytes that do not make a whole line yet.
class Session {
 public:
  Session(Query& query, WallTime now) : query_(&query), reader_(query.device, now) {}
  Session(Session&&) noexcept = default;
  Session& operator=(Session&&) = delete;
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;
  ~Session() {
    if (buffer_) wipe(std::span(buffer_.get(), kBufferSize));
  }

  void open();
  void receive();
  void give_up(tl::unexpected<Error> why) {
    query_->result = std::move(why);
    socket_.reset();
  }

  [[nodiscard]] bool active() const { return static_cast<bool>(socket_); }
  [[nodiscard]] int fd() const { return socket_.get(); }
  [[nodiscard]] std::string name() const { return query_->socket.path; }

 private:
  void take(std::size_t received);

  Query* query_;
  AnswerReader reader_;
  os::UniqueFd socket_;
  std::unique_ptr<char[]> buffer_;
  std::size_t filled_ = 0;
};

Result<os::UniqueFd> connect_to(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path)
    return fail(Errc::bad_value, fmt::format("connect to {}: the path has more than {} characters",
                                             path, sizeof address.sun_path - 1));
  std::ranges::copy(path, address.sun_path);
  os::UniqueFd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket) return fail_errno("open a unix socket", errno);
  if (connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    const int error = errno;
    const std::string what = fmt::format("connect to {}", path);
    if (error == EAGAIN)
      return fail(Errc::timeout,
                  what + ": its queue is full, so no process accepts connections (a stuck daemon?)",
                  error);
    if (error == ECONNREFUSED)
      return fail(Errc::refused,
                  what + ": no process listens (a socket left behind by a daemon that ended?)",
                  error);
    if (error == EACCES)
      return fail(Errc::access_denied,
                  what + ": permission denied (run as root, or grant access to it)", error);
    return fail_errno(what, error);
  }
  return socket;
}

void Session::open() {
  auto connected = connect_to(query_->socket.path);
  if (!connected) return give_up(tl::unexpected(connected.error()));
  socket_ = std::move(*connected);
  ucred listener{};
  socklen_t size = sizeof listener;
  if (getsockopt(socket_.get(), SOL_SOCKET, SO_PEERCRED, &listener, &size) == 0)
    query_->listener = listener.pid;
  // Seven bytes always fit into the buffer of a socket that was just made.
  if (send(socket_.get(), kGetRequest.data(), kGetRequest.size(), MSG_NOSIGNAL) !=
      static_cast<ssize_t>(kGetRequest.size()))
    return give_up(fail_errno(fmt::format("ask {}", name()), errno));
  buffer_ = std::make_unique_for_overwrite<char[]>(kBufferSize);
}

void Session::receive() {
  const ssize_t size =
      recv(socket_.get(), buffer_.get() + filled_, kBufferSize - filled_, MSG_DONTWAIT);
  if (size > 0) return take(static_cast<std::size_t>(size));
  if (size == 0)
    return give_up(
        fail(Errc::truncated, fmt::format("read {}: the answer ended too early", name())));
  if (errno != EAGAIN && errno != EINTR) give_up(fail_errno(fmt::format("read {}", name()), errno));
}

void Session::take(std::size_t received) {
  filled_ += received;
  auto used = reader_.feed({buffer_.get(), filled_});
  if (!used) {
    Error error = std::move(used).error();
    error.context = fmt::format("read {}: {}", name(), error.context);
    return give_up(tl::unexpected(std::move(error)));
  }
  filled_ -= *used;
  std::memmove(buffer_.get(), buffer_.get() + *used, filled_);
  if (!reader_.done()) return;
  query_->left_out = reader_.left_out();
  query_->fault = reader_.fault();
  socket_.reset();
}

}  // namespace

Result<std::vector<SocketFile>> list_sockets(const std::string& folder) {
  std::vector<SocketFile> sockets;
  std::error_code error;
  std::filesystem::directory_iterator entry(folder, error);
  if (error == std::errc::no_such_file_or_directory) return sockets;
  for (; !error && entry != std::filesystem::directory_iterator(); entry.increment(error)) {
    const std::string file = entry->path().filename().string();
    if (file.size() <= kSuffix.size() || !file.ends_with(kSuffix)) continue;
    std::error_code ignored;
    const auto type = entry->status(ignored).type();
    // A file that cannot be examined (`none`) is listed: connecting to it shows why.
    if (type != std::filesystem::file_type::socket && type != std::filesystem::file_type::none)
      continue;
    sockets.push_back({entry->path().string(), file.substr(0, file.size() - kSuffix.size())});
  }
  if (error) return fail_errno(fmt::format("list UAPI sockets in {}", folder), error.value());
  std::ranges::sort(sockets, {}, &SocketFile::interface);
  return sockets;
}

void ask_all(std::span<Query> queries, WallTime now, Instant deadline) {
  std::vector<Session> sessions;
  sessions.reserve(queries.size());
  for (Query& query : queries) sessions.emplace_back(query, now).open();

  std::vector<pollfd> waits;
  std::vector<Session*> waiting;
  for (;;) {
    waits.clear();
    waiting.clear();
    for (Session& session : sessions) {
      if (!session.active()) continue;
      waits.push_back({session.fd(), POLLIN, 0});
      waiting.push_back(&session);
    }
    if (waits.empty()) return;
    const int ready = poll(waits.data(), waits.size(), os::poll_timeout_ms(deadline));
    if (ready < 0 && errno == EINTR) continue;
    if (ready <= 0 || os::boot_now() >= deadline) break;
    for (std::size_t i = 0; i < waits.size(); ++i)
      if (waits[i].revents != 0) waiting[i]->receive();
  }
  for (Session* session : waiting)
    if (session->active())
      session->give_up(
          fail(Errc::timeout,
               fmt::format("read {}: the answer was not complete in time (a stuck daemon?)",
                           session->name())));
}

bool is_served(const std::string& path) {
  const auto connected = connect_to(path);
  return connected || connected.error().code == Errc::timeout;  // a full queue is a daemon's
}

}  // namespace wgscope::uapi
