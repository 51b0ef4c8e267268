#include "exporter/http/server.hpp"

#include <chrono>
#include <cstddef>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <civetweb.h>
#include <fmt/core.h>

#include "wgscope/base/result.hpp"
#include "wgscope/base/text.hpp"
#include "wgscope/base/time.hpp"
#include "wgscope/model/address.hpp"

#include "exporter/http/civetweb_calls.hpp"
#include "exporter/http/door.hpp"
#include "exporter/http/listener.hpp"

namespace wgscope::exporter::http {
namespace {

std::string_view reason_phrase(int status) {
  const char* text = mg_get_response_code_text(nullptr, status);
  return text != nullptr ? text : "";
}

bool is_http_1_0(const Request& request) {
  const mg_request_info* info = mg_get_request_info(request.connection);
  return info->http_version != nullptr && std::string_view(info->http_version) == "1.0";
}

/// Whether the client can take another answer on its connection, and wants to (RFC 9112 §9.3).
bool can_ask_again(const Request& request) {
  if (is_http_1_0(request)) return false;
  std::string_view rest = request.header("Connection");
  while (!rest.empty()) {
    const std::size_t comma = rest.find(',');
    if (iequals(trim(rest.substr(0, comma)), "close")) return false;
    rest = comma == std::string_view::npos ? "" : rest.substr(comma + 1);
  }
  return true;
}

bool send_all(mg_connection* connection, std::string_view text) {
  return text.empty() ||
         mg_write(connection, text.data(), text.size()) == static_cast<int>(text.size());
}

}  // namespace

std::string_view Request::header(const char* name) const {
  const char* value = mg_get_header(connection, name);
  return value != nullptr ? value : std::string_view();
}

void Response::set_header(std::string_view name, std::string_view value) {
  headers_.append(name).append(": ").append(value).append("\r\n");
}

/// Whoever asks for what does not exist, or is not allowed, is to begin anew.
bool Response::keeps_connection() const { return request_->may_ask_again && status_ < 400; }

std::string Response::headers() const {
  return fmt::format("HTTP/1.1 {} {}\r\n{}X-Content-Type-Options: nosniff\r\n{}", status_,
                     reason_phrase(status_), headers_,
                     keeps_connection() ? "" : "Connection: close\r\n");
}

/// @param last  nothing follows, or not for sure.
bool Response::send(std::string_view head, std::span<const char> body, std::string_view tail,
                    bool last) {
  const auto one = [&](std::string_view text, bool more) {
    const MoreFollows follows(more);
    return send_all(request_->connection, text);
  };
  broken_ = broken_ || !one(head, !last || !body.empty() || !tail.empty()) ||
            !one({body.data(), body.size()}, !last || !tail.empty()) || !one(tail, !last);
  return !broken_;
}

bool Response::write(std::span<const char> piece) {
  if (head_only()) return false;
  if (piece.empty()) return !broken_;  // a chunk of no bytes would be the last one
  if (!has_held_ && !streaming_) {
    held_.assign(piece.begin(), piece.end());
    has_held_ = true;
    return true;
  }
  const bool chunked = !is_http_1_0(*request_);
  if (!streaming_) {
    streaming_ = true;
    std::string head = headers() + (chunked ? "Transfer-Encoding: chunked\r\n\r\n" : "\r\n");
    if (chunked) head += fmt::format("{:x}\r\n", held_.size());
    send(head, held_, chunked ? "\r\n" : "", !chunked);
    held_ = {};
  }
  return send(chunked ? fmt::format("{:x}\r\n", piece.size()) : "", piece, chunked ? "\r\n" : "",
              !chunked);
}

void Response::finish() {
  finished_ = true;
  if (streaming_) {
    if (!is_http_1_0(*request_)) send("0\r\n\r\n", {}, "", true);
    return;
  }
  std::string text = headers();
  // How long an answer to HEAD would be is not known without making it, and then the header
  // is left out.
  if (!head_only()) text += fmt::format("Content-Length: {}\r\n", held_.size());
  text += "\r\n";
  text.append(held_.data(), held_.size());
  send(text, {}, "", true);
}

void Response::give_up() noexcept {
  status_ = 500;
  constexpr std::string_view kAnswer =
      "HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
  if (!streaming_ && !broken_) send_all(request_->connection, kAnswer);
}

void respond(Response& response, int status, std::string_view content_type, std::string_view body) {
  response.set_status(status);
  response.set_header("Content-Type", content_type);
  response.write(body);
  response.finish();
}

class Server::Impl {
 public:
  explicit Impl(ServerOptions options) : options_(std::move(options)) {}
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;
  ~Impl() {
    if (door_) door_->shut();
    if (context_ != nullptr) mg_stop(context_);
  }

  Result<> start(std::vector<Listener> listeners);
  [[nodiscard]] const std::vector<std::string>& urls() const { return urls_; }
  [[nodiscard]] Door& door() { return *door_; }

 private:
  static int on_request(mg_connection* connection) noexcept;
  static int on_message(const mg_connection* /*connection*/, const char* message) noexcept;
  void answer(const Request& request, Response& response) const;

  ServerOptions options_;
  std::unique_ptr<Door> door_;
  mg_context* context_ = nullptr;
  std::vector<std::string> urls_;
};

Result<> Server::Impl::start(std::vector<Listener> listeners) {
  static std::once_flag library;
  std::call_once(library, [] { mg_init_library(MG_FEATURES_DEFAULT); });
  for (const Listener& listener : listeners)
    urls_.push_back((options_.tls ? "https://" : "http://") + listener.address);
  auto door = Door::open(std::move(listeners), options_.limits, options_.door_events, options_.tls);
  if (!door) return tl::unexpected(door.error());
  door_ = std::move(*door);
  // The door hands over no more connections than there are threads, so the queue stays empty.
  // CivetWeb's keep-alive would hold a thread for each scraper that is idle: the door waits for them.
  const std::string threads = fmt::format("{}", options_.limits.serving);
  const std::vector<const char*> settings{
      "listening_ports", "0", "num_threads", threads.c_str(), "connection_queue", "256",
      "request_timeout_ms", "10000", "tcp_nodelay", "1", "enable_keep_alive", "no",
      "max_request_size", "8192",
      // Paths are compared as sent: decoded, /metrics%00x would end at the NUL and be /metrics.
      "decode_url", "no", nullptr};
  mg_callbacks callbacks{};
  callbacks.begin_request = on_request;
  callbacks.log_message = on_message;

  static std::mutex starting;
  const std::lock_guard lock(starting);
  attach_next(*door_);
  context_ = mg_start(&callbacks, this, const_cast<const char**>(settings.data()));
  if (context_ == nullptr)
    return fail(Errc::io, "the HTTP server did not start (not enough threads or memory?)");
  return {};
}

int Server::Impl::on_message(const mg_connection* /*connection*/,
                             const char* /*message*/) noexcept {
  return 1;  // what clients do wrong is theirs; it is counted, not logged
}

int Server::Impl::on_request(mg_connection* connection) noexcept {
  const mg_request_info* info = mg_get_request_info(connection);
  const auto* server = static_cast<const Impl*>(info->user_data);
  const auto start = std::chrono::steady_clock::now();
  const auto text = [](const char* value) { return value != nullptr ? value : std::string_view(); };
  const std::string_view from = text(info->remote_addr);
  const auto client = IpAddress::parse(from.substr(0, from.find('%')));
  Request request{text(info->request_method), text(info->local_uri), text(info->query_string),
                  connection, client.value_or(IpAddress{})};
  request.may_ask_again = may_keep_connection() && can_ask_again(request);
  Response response(request);
  try {
    server->answer(request, response);
  } catch (...) {  // most likely out of memory; it must not leave a callback from C
    response.give_up();
  }
  if (response.leaves_connection_usable()) keep_connection();
  try {
    const auto route = server->options_.routes.find(request.path);
    const std::string_view path =
        route != server->options_.routes.end() ? std::string_view(route->first) : "other";
    if (server->options_.on_answered)
      server->options_.on_answered(
          path, response.status(),
          std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  } catch (...) {  // NOLINT(bugprone-empty-catch): counting is not worth an answer
  }
  return response.status();
}

void Server::Impl::answer(const Request& request, Response& response) const {
  constexpr std::string_view kPlain = "text/plain; charset=utf-8";
  if (options_.admit && !options_.admit(request, response)) return;
  const auto route = options_.routes.find(request.path);
  if (route == options_.routes.end()) return respond(response, 404, kPlain, "404 not found\n");
  if (request.method != "GET" && request.method != "HEAD") {
    response.set_header("Allow", "GET, HEAD");
    return respond(response, 405, kPlain, "405 method not allowed\n");
  }
  route->second(request, response);
}

Server::Server(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Server::~Server() = default;

std::vector<std::string> Server::urls() const { return impl_->urls(); }

void Server::stop_accepting() { impl_->door().stop_accepting(); }

bool Server::is_idle() const { return impl_->door().is_idle(); }

bool Server::works(Nanoseconds longest) { return impl_->door().works(longest); }

void Server::cut_readers(Instant since_before) { impl_->door().cut_readers(since_before); }

Result<std::unique_ptr<Server>> Server::start(ServerOptions options) {
  std::vector<Listener> listeners = std::move(options.listeners);
  if (listeners.empty()) {
    auto opened = open_listeners(options.listen);
    if (!opened) return tl::unexpected(opened.error());
    listeners = std::move(*opened);
  }
  auto impl = std::make_unique<Impl>(std::move(options));
  if (auto started = impl->start(std::move(listeners)); !started)
    return tl::unexpected(started.error());
  return std::unique_ptr<Server>(new Server(std::move(impl)));
}

}  // namespace wgscope::exporter::http
