#pragma once

#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "wgscope/base/result.hpp"
#include "wgscope/base/time.hpp"
#include "wgscope/model/address.hpp"

#include "exporter/exposition/output.hpp"
#include "exporter/http/door.hpp"
#include "exporter/http/listener.hpp"
#include "exporter/http/tls_context.hpp"
#include "exporter/http/turnstile.hpp"

struct mg_connection;

namespace wgscope::exporter::http {

struct Request {
  std::string_view method;  ///< "GET" or "HEAD"; others never reach a handler
  std::string_view path;    ///< as the client sent it, without the query
  std::string_view query;   ///< as the client sent it; empty: there is none
  mg_connection* connection = nullptr;
  IpAddress client{};          ///< where it comes from
  bool may_ask_again = false;  ///< on its connection, which is closed otherwise

  /// A header's value, names in any case; empty where there is none.
  [[nodiscard]] std::string_view header(const char* name) const;
};

/// Answers one request. Headers go out with the first piece of the body; an answer of one piece has
/// a Content-Length, a longer one is chunked. The body of an answer to HEAD is left out.
class Response final : public Sink {
 public:
  explicit Response(const Request& request) : request_(&request) {}

  void set_status(int status) { status_ = status; }
  void set_header(std::string_view name, std::string_view value);

  bool write(std::span<const char> piece) override;
  /// Call this once, after the last write().
  void finish();
  /// Answers 500 without a body instead; an answer already begun just ends, broken for the client
  /// to see.
  void give_up() noexcept;

  [[nodiscard]] int status() const { return status_; }
  /// Whether it is sent as a whole, and the client was told that it may ask again.
  [[nodiscard]] bool leaves_connection_usable() const {
    return finished_ && !broken_ && keeps_connection();
  }
  /// Whether the client does not want a body, so that making one can be saved.
  [[nodiscard]] bool head_only() const { return request_->method == "HEAD"; }

 private:
  bool send(std::string_view head, std::span<const char> body, std::string_view tail, bool last);
  [[nodiscard]] bool keeps_connection() const;
  [[nodiscard]] std::string headers() const;

  const Request* request_;
  int status_ = 200;
  std::string headers_;
  /// The first piece of the body, until it is known whether there is a second.
  std::vector<char> held_;
  bool has_held_ = false;   ///< `held_` has a piece, which may be empty
  bool streaming_ = false;  ///< the head was sent, so the answer is chunked
  bool finished_ = false;
  bool broken_ = false;  ///< the connection failed, so nothing more is sent
};

/// Answers with a small body that is known as a whole.
void respond(Response& response, int status, std::string_view content_type, std::string_view body);

using Handler = std::function<void(const Request&, Response&)>;

struct ServerOptions {
  std::vector<std::string> listen;                     ///< addresses as listen_on() takes them
  std::vector<Listener> listeners;                     ///< open already, instead of `listen`
  std::map<std::string, Handler, std::less<>> routes;  ///< handlers by the exact path
  /// Called after each answer with the path for metrics: a route's, or "other".
  std::function<void(std::string_view path, int status, double seconds)> on_answered;
  TurnstileLimits limits;  ///< for clients
  DoorEvents door_events;
  /// For each new handshake; without it, the server speaks plain HTTP. Called by the door's thread.
  std::function<TlsContext()> tls;
  /// Asked before every handler; false: it has answered.
  std::function<bool(const Request&, Response&)> admit;
};

/// CivetWeb behind a Door and a table of routes. Handlers run on its threads, several at once.
class Server {
 public:
  /// Listens and serves until destroyed.
  /// @returns io, naming the address: in use, not this host's, not permitted.
  static Result<std::unique_ptr<Server>> start(ServerOptions options);
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  /// "http://127.0.0.1:9586" for each socket, with the port it really has.
  [[nodiscard]] std::vector<std::string> urls() const;

  /// Accepts no more connections: those that still come wait for the next process that has the
  /// listening sockets, if there is one. Whose request is there still gets the answer.
  void stop_accepting();
  /// Whether nobody waits for an answer any longer.
  [[nodiscard]] bool is_idle() const;
  /// Whether requests are accepted and answered, as far as can be told without making one: by who
  /// may ask, clients could have this say no. To be asked again and again, seconds apart.
  /// @param longest  that an answer can take.
  [[nodiscard]] bool works(Nanoseconds longest);

  /// Ends the connections of those who have been reading an answer since before then.
  void cut_readers(Instant since_before);

 private:
  class Impl;
  explicit Server(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace wgscope::exporter::http
