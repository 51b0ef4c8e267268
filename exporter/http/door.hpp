#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string_view>
#include <sys/socket.h>
#include <thread>
#include <unordered_map>
#include <vector>

#include "wgscope/base/result.hpp"
#include "wgscope/base/time.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/os/unique_fd.hpp"

#include "exporter/http/listener.hpp"
#include "exporter/http/request_head.hpp"
#include "exporter/http/tls_context.hpp"
#include "exporter/http/tls_session.hpp"
#include "exporter/http/turnstile.hpp"

namespace wgscope::exporter::http {

/// What the door tells of connections. Called from its thread and from CivetWeb's, one at a time.
struct DoorEvents {
  std::function<void(std::size_t open)> on_connections = [](std::size_t) {};
  std::function<void(Refusal reason)> on_refused = [](Refusal) {};
  /// A request was answered with an error. @param said  the answer's text; nothing of it is the
  /// client's.
  std::function<void(const IpAddress& from, std::string_view said)> on_bad_request =
      [](const IpAddress&, std::string_view) {};
  /// No TLS connection came about. @param why  nothing of it is the client's.
  std::function<void(const IpAddress& from, std::string_view why)> on_bad_handshake =
      [](const IpAddress&, std::string_view) {};
};

/// Stands in front of CivetWeb, which gives each connection a thread for as long as the client
/// likes: it reads bodies to their announced end, and each byte that a client sends or reads
/// restarts its clock. A thread of the door accepts connections, holds each until its whole request
/// has arrived, and watches how those that are served read. Turnstile decides who is let in, who is
/// served next and who has to leave.
///
/// A client that was answered may ask again: when CivetWeb closes its connection, the door takes it
/// back, and it costs no thread until its next request is there.
///
/// Who is sent away comes again, as soon as it learns of it. So only a few in a second see the end
/// of their connections at once, after an answer that says why; the others wait a second for it.
///
/// With TLS, the door's thread also does the handshake, so that no client in the middle of one holds
/// a worker.
///
/// CivetWeb is compiled with its calls of socket(2), bind(2), listen(2), getsockname(2), accept(2), recv(2),
/// send(2), poll(2), shutdown(2) and close(2) coming here, and without TLS. What it takes for a
/// listening socket is an eventfd(2), which becomes readable when a connection is to be served; what
/// it sends and receives is encrypted and decrypted on its own threads.
class Door {
 public:
  /// Connections that the door may have beside those of its limits.
  static constexpr std::size_t kMostLeaving = 1024;

  /// Asked for each handshake; empty: plain HTTP.
  using Tls = std::function<TlsContext()>;

  /// @param listeners  bound and listening.
  /// @returns io: not enough descriptors.
  static Result<std::unique_ptr<Door>> open(std::vector<Listener> listeners,
                                            const TurnstileLimits& limits, DoorEvents events,
                                            Tls tls = {});
  ~Door();
  Door(const Door&) = delete;
  Door& operator=(const Door&) = delete;

  /// Cuts those who have been reading their answers since before then.
  void cut_readers(Instant since_before);
  /// Accepts no more connections, and ends those that are idle. Whose request is there still gets
  /// the answer.
  void stop_accepting();
  /// Whether nobody waits for an answer any longer.
  [[nodiscard]] bool is_idle() const;
  /// Whether the door's thread has come round since this was last asked, and CivetWeb's threads are
  /// not all stuck. To be asked again and again, no more often than a thread can come round.
  /// @param longest  that an answer can take.
  [[nodiscard]] bool works(Nanoseconds longest);
  /// Cuts all connections and takes no more, so that CivetWeb's threads come to their ends.
  void shut();

  // What CivetWeb's calls do (civetweb_calls.hpp). Each returns false if the descriptor is none of this door's.
  bool bind(int fd);
  bool is_entrance(int fd) const;
  bool accept(int fd, sockaddr* address, socklen_t* size, int& connection);
  /// @param stays  it was answered, and told that it may ask again.
  bool close(int fd, bool stays);
  /// What CivetWeb has of a connection, as long as it has it.
  struct Inside {
    TlsSession* tls = nullptr;      ///< nullptr: without TLS
    std::size_t* unread = nullptr;  ///< bytes of its request that CivetWeb has not read
    bool may_stay = false;          ///< as it looks now
  };
  bool find(int fd, Inside& inside);
  /// As find(), for no more than the session; false also without TLS.
  bool find_session(int fd, TlsSession*& session) const;

 private:
  struct Connection {
    Turnstile::Id id = 0;
    std::uint32_t number = 0;  ///< tells it from an earlier one with its descriptor
    bool asked = false;        ///< its request is there
    bool served = false;       ///< an earlier one was
    std::size_t unread = 0;    ///< Inside::unread
    bool inside = false;       ///< it is CivetWeb's, which closes it
    bool leaving = false;      ///< has no place; what still arrives is thrown away
    IpAddress from{};
    sockaddr_storage address{};
    socklen_t address_size = 0;
    std::unique_ptr<TlsSession> tls = nullptr;  ///< once the client has said hello
    bool agreed = false;                        ///< the handshake is done
    bool half_closed = false;                   ///< the client sends no more
    /// Bytes that the client has read before its request was served.
    std::uint64_t acknowledged_before = 0;
  };
  struct Leaving {
    int fd = -1;
    std::uint32_t number = 0;
    Instant until;
  };
  using Lock = std::unique_lock<std::mutex>;

  Door(std::vector<Listener> listeners, const TurnstileLimits& limits, DoorEvents events, Tls tls);
  Result<> start(Nanoseconds answer_time);
  void run();
  void accept_some(int listener);
  void let_in(int fd, const sockaddr_storage& address, socklen_t size);
  void know(int fd, Connection connection);
  void handle_client(int fd, std::uint32_t events, Lock& lock);
  void handle_leaving(int fd);
  void handle_tls(int fd, Lock& lock);
  bool handle_hello(int fd);
  void shake_hands(Lock& lock);
  void go_on_with_tls(int fd, Lock& lock);
  void settle(int fd, const HeadVerdict& verdict);
  bool take_back(int fd);
  void look(Instant now);
  void serve_next(Instant now);
  void refuse(int fd, Refusal reason, int status, std::string_view text);
  [[nodiscard]] bool can_be_told(int fd) const;
  void give_up(int fd);
  void send_away(int fd, int status, std::string_view text);
  void leave(int fd);
  bool close_first_leaving(std::optional<Instant> until = std::nullopt);
  void cut(int fd);
  void drop(int fd);  ///< closes a connection that CivetWeb does not have
  int time_to_wait(Instant now) const;
  void end_idle();
  [[nodiscard]] std::uint32_t events_of_clients() const;
  void watch(int fd, std::uint32_t number, std::uint32_t events) const;
  void pause_accepting(bool paused) const;

  std::vector<Listener> listeners_;
  DoorEvents events_;
  Tls tls_;
  os::UniqueFd epoll_;
  os::UniqueFd wake_;      ///< an eventfd: the thread is to look at `stop_` and its times again
  os::UniqueFd entrance_;  ///< an eventfd that counts `handed_over_`
  std::atomic<int> attached_{-1};  ///< CivetWeb's descriptor for the entrance

  /// Guards what follows. Descriptors are closed with it held, so that none is used again before
  /// what is known of its last use is forgotten.
  mutable std::mutex mutex_;
  Turnstile turnstile_;
  std::unordered_map<int, Connection> connections_;
  std::vector<int> descriptors_;  ///< by Turnstile::Id
  std::deque<int> handed_over_;   ///< to be accepted by CivetWeb
  std::deque<Leaving> leaving_;   ///< in the order of leaving, with some that are gone
  std::size_t count_leaving_ = 0;
  Instant second_{};               ///< the beginning of the present one
  std::size_t ended_at_once_ = 0;  ///< of those who left in it
  std::uint32_t numbers_ = 0;
  std::optional<Instant> accepts_again_;  ///< descriptors ran out: until then, none is asked for
  bool accepting_ = true;
  bool ends_idle_ = false;  ///< the thread is to end those that are idle
  bool came_round_ = true;  ///< the thread has, since works() asked
  Instant last_answer_{};   ///< when one ended, or the first one of those of now began
  bool stop_ = false;

  std::thread thread_;
};

}  // namespace wgscope::exporter::http
