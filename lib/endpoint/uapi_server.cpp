#include "wgscope/endpoint/uapi_server.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <list>
#include <memory>
#include <optional>
#include <poll.h>
#include <span>
#include <string>
#include <string_view>
#include <sys/socket.h>
#include <utility>

#include "wgscope/base/keys.hpp"
#include "wgscope/base/result.hpp"
#include "wgscope/base/secret.hpp"
#include "wgscope/base/secret_string.hpp"
#include "wgscope/base/time.hpp"
#include "wgscope/endpoint/embedded_endpoint.hpp"
#include "wgscope/endpoint/uapi_session.hpp"
#include "wgscope/os/clock.hpp"
#include "wgscope/os/poll_loop.hpp"
#include "wgscope/os/unique_fd.hpp"
#include "wgscope/os/unix_listener.hpp"

namespace wgscope::endpoint {
namespace {

/// More clients than this wait in the listener's queue, until one of these ends or has been silent
/// for a while: clients that connect and say nothing do not keep others waiting.
constexpr std::size_t kMaxClients = 16;
constexpr std::chrono::seconds kPatience{5};
constexpr std::chrono::milliseconds kPatienceWhileOthersWait{100};

}  // namespace

class UapiServer::Server {
 public:
  Server(os::PollLoop& loop, EmbeddedEndpoint& endpoint, PrivateKey private_key,
         os::UnixListener listener)
      : loop_(loop),
        endpoint_(endpoint),
        private_key_(std::move(private_key)),
        listener_(std::move(listener)) {}

  Result<> start() {
    auto watch =
        loop_.add(listener_.fd(), {.readable = [this] { accept(); }, .writable = {}, .error = {}});
    if (!watch) return tl::unexpected(watch.error());
    listening_ = std::move(*watch);
    timer_ = loop_.add({.next = [this] { return next_deadline(); },
                        .expired = [this](Instant now) { drop_slow(now); }});
    return {};
  }

 private:
  /// A conversation of any number of requests, as `wg` and others have them.
  struct Client {
    os::UniqueFd socket;
    os::PollLoop::Watch watch;
    Instant deadline;
    UapiRequestReader request;
    std::optional<SecretString> answer;
    std::size_t sent = 0;
  };
  using Clients = std::list<Client>;

  void accept() {
    while (has_room(os::boot_now())) {
      auto accepted = listener_.accept();
      if (!accepted || !*accepted) return;
      const auto client = clients_.emplace(clients_.end());
      client->socket = std::move(**accepted);
      client->deadline = os::boot_now() + kPatience;
      auto watch = loop_.add(client->socket.get(), {.readable = [this, client] { read(client); },
                                                    .writable = [this, client] { write(client); },
                                                    .error = {}});
      if (watch) {
        client->watch = std::move(*watch);
      } else {
        clients_.erase(client);
      }
    }
    queue_waits_ = true;
    listening_.want_readable(false);
  }

  /// Whether one more client may come: where there are many, in place of the one that has been
  /// silent for longest.
  bool has_room(Instant now) {
    if (clients_.size() < kMaxClients) return true;
    pollfd waiting{.fd = listener_.fd(), .events = POLLIN, .revents = 0};
    if (poll(&waiting, 1, 0) <= 0) return true;  // nobody is kept waiting
    const auto silent = std::ranges::min_element(clients_, {}, &Client::deadline);
    if (replaceable_at(*silent) > now) return false;
    drop(silent);
    return true;
  }

  static Instant replaceable_at(const Client& client) {
    return client.deadline - kPatience + kPatienceWhileOthersWait;
  }

  void read(Clients::iterator client) {
    // A set holds keys, and none of it is wanted.
    std::array<char, 4096> bytes{};
    const WipeGuard guard{std::span<char>(bytes)};
    const int fd = client->socket.get();
    // Looked at first, and taken as far as the request goes: a client need not wait for an answer
    // before it asks again.
    const ssize_t size = recv(fd, bytes.data(), bytes.size(), MSG_PEEK);
    if (size == 0 || (size < 0 && errno != EAGAIN && errno != EINTR)) return drop(client);
    if (size < 0) return;
    const auto fed =
        client->request.feed(std::span<const char>(bytes).first(static_cast<std::size_t>(size)));
    if (recv(fd, bytes.data(), fed.used, 0) < 0) return drop(client);
    if (fed.request) answer(client, *fed.request);
  }

  void answer(Clients::iterator client, UapiRequest request) {
    client->answer.emplace();
    switch (request) {
      case UapiRequest::get:
        write_get_answer({.private_key = &private_key_, .listen_port = endpoint_.listen_port()},
                         endpoint_.interface(), *client->answer);
        break;
      case UapiRequest::set: client->answer->append(kNotSupportedAnswer); break;
      case UapiRequest::unknown: client->answer->append(kInvalidAnswer); break;
    }
    client->watch.want_readable(false);
    write(client);
  }

  void write(Clients::iterator client) {
    const std::string_view rest = client->answer->view().substr(client->sent);
    const ssize_t size =
        send(client->socket.get(), rest.data(), rest.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (size < 0 && errno != EAGAIN && errno != EINTR) return drop(client);
    if (size > 0) {
      client->sent += static_cast<std::size_t>(size);
      client->deadline = os::boot_now() + kPatience;
    }
    const bool done = client->sent == client->answer->view().size();
    client->watch.want_writable(!done);
    if (!done) return;
    client->answer.reset();
    client->sent = 0;
    client->request = {};
    client->watch.want_readable(true);
  }

  void drop(Clients::iterator client) {
    client->watch.remove();
    clients_.erase(client);
    listen_again();
  }

  void listen_again() {
    queue_waits_ = false;
    listening_.want_readable(true);
  }

  [[nodiscard]] std::optional<Instant> next_deadline() const {
    std::optional<Instant> next;
    for (const Client& client : clients_) {
      const Instant at = queue_waits_ ? replaceable_at(client) : client.deadline;
      if (!next || at < *next) next = at;
    }
    return next;
  }

  void drop_slow(Instant now) {
    for (auto client = clients_.begin(); client != clients_.end();) {
      const auto here = client++;
      if (here->deadline <= now) drop(here);
    }
    if (queue_waits_) listen_again();
  }

  os::PollLoop& loop_;
  EmbeddedEndpoint& endpoint_;
  PrivateKey private_key_;
  os::UnixListener listener_;
  os::PollLoop::Watch listening_;
  os::PollLoop::Watch timer_;
  Clients clients_;
  bool queue_waits_ = false;  ///< clients wait in the listener's queue
};

UapiServer::UapiServer(std::unique_ptr<Server> server) : server_(std::move(server)) {}
UapiServer::UapiServer(UapiServer&&) noexcept = default;
UapiServer& UapiServer::operator=(UapiServer&&) noexcept = default;
UapiServer::~UapiServer() = default;

Result<UapiServer> UapiServer::open(os::PollLoop& loop, EmbeddedEndpoint& endpoint,
                                    PrivateKey private_key, const std::string& path) {
  auto listener = os::UnixListener::open(path);
  if (!listener) return tl::unexpected(listener.error());
  auto server =
      std::make_unique<Server>(loop, endpoint, std::move(private_key), std::move(*listener));
  if (auto started = server->start(); !started) return tl::unexpected(started.error());
  return UapiServer(std::move(server));
}

}  // namespace wgscope::endpoint
