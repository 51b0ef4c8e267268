#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "wgscope/base/result.hpp"
#include "wgscope/base/time.hpp"
#include "wgscope/inner/event.hpp"
#include "wgscope/inner/host.hpp"
#include "wgscope/model/address.hpp"

namespace wgscope::inner {

struct HttpLimits {
  std::size_t head = 16384;  ///< bytes of status line and headers; more is an error
  std::size_t body = 65536;  ///< bytes of the body that are kept; the rest is only counted
};

struct HttpHeader {
  std::string name;
  std::string value;
};

/// An HTTP/1 answer to a GET, read as it comes, split anywhere (RFC 9112). Interim answers (1xx)
/// are skipped; the body ends by Content-Length, by chunks, or with the connection.
class HttpAnswer {
 public:
  explicit HttpAnswer(HttpLimits limits = {}) : limits_(limits) {}

  /// @returns bad_value if it is not an HTTP/1 answer, contradicts itself or is encoded in another
  /// way than chunked; too_large for a head above its limit. Then it is of no more use.
  Result<> feed(std::span<const std::byte> bytes);
  /// The connection ended. @returns truncated when the answer did not.
  Result<> finish();

  [[nodiscard]] bool complete() const { return state_ == State::complete; }
  /// Status line and headers are there, whatever becomes of the body.
  [[nodiscard]] bool head_complete() const { return head_complete_; }
  [[nodiscard]] int status() const { return status_; }  ///< 0 before the status line
  [[nodiscard]] const std::string& reason() const { return reason_; }
  [[nodiscard]] const std::vector<HttpHeader>& headers() const { return headers_; }
  /// The first header of that name, in any case.
  [[nodiscard]] std::optional<std::string_view> header(std::string_view name) const;
  [[nodiscard]] const std::string& body() const { return body_; }       ///< up to its limit
  [[nodiscard]] std::uint64_t body_size() const { return body_size_; }  ///< all of it

 private:
  enum class State : std::uint8_t {
    status_line,
    header_lines,
    sized_body,
    endless_body,
    chunk_size,
    chunk,
    chunk_end,
    trailer,
    complete,
  };
  [[nodiscard]] bool reads_lines() const;
  [[nodiscard]] std::size_t take_line(std::span<const std::byte> bytes, bool& whole);
  Result<> handle_line(std::string_view line);
  Result<> read_status(std::string_view line);
  Result<> read_header(std::string_view line);
  Result<> read_chunk_size(std::string_view line);
  Result<> begin_body();
  std::size_t take_body(std::span<const std::byte> bytes);

  HttpLimits limits_;
  State state_ = State::status_line;
  std::string line_;
  std::size_t head_used_ = 0;
  bool head_complete_ = false;
  std::uint64_t left_ = 0;  ///< of the sized body or the chunk
  int status_ = 0;
  std::string reason_;
  std::vector<HttpHeader> headers_;
  std::string body_;
  std::uint64_t body_size_ = 0;
};

struct HttpRequest {
  Endpoint to;
  std::string host;                                ///< of the Host header; what the user named
  std::string path = "/";                          ///< with its query
  Nanoseconds timeout = std::chrono::seconds{10};  ///< for all of it; above 0
  HttpLimits limits{};
  /// The answer is settled once its head is there. The body is not waited for, however long or slow
  /// it is: the connection is broken off.
  bool head_only = false;
};

/// One GET over a TCP connection of its own.
class HttpGet {
 public:
  /// Begins to connect. @param host  outlives this object.
  /// @returns bad_value for a host or path with blanks or control characters, and as
  /// Tcp::connect().
  static Result<HttpGet> start(Instant now, Host& host, const HttpRequest& request);
  HttpGet(HttpGet&& other) noexcept;
  HttpGet& operator=(HttpGet&&) = delete;
  HttpGet(const HttpGet&) = delete;
  HttpGet& operator=(const HttpGet&) = delete;
  ~HttpGet();  ///< closes the connection

  /// @returns whether the event was about this request.
  bool handle_event(Instant now, const Event& event);
  void handle_timeout(Instant now);
  [[nodiscard]] std::optional<Instant> next_timeout() const;

  /// Nothing until it is settled. Errors: refused when nothing listens or the connection was broken
  /// off, timeout, and those of HttpAnswer.
  [[nodiscard]] const std::optional<Result<HttpAnswer>>& result() const { return result_; }
  /// From start() on; absent for what did not happen.
  [[nodiscard]] std::optional<Nanoseconds> connected_after() const { return connected_after_; }
  [[nodiscard]] std::optional<Nanoseconds> first_byte_after() const { return first_byte_after_; }
  [[nodiscard]] std::optional<Nanoseconds> complete_after() const { return complete_after_; }

 private:
  HttpGet(Host& host, const HttpRequest& request, Instant now);
  void send_rest();
  void receive(Instant now);
  void handle_end(Instant now, TcpEnd why);
  void settle(Instant now, Result<HttpAnswer> result);

  Host* host_;  ///< absent after a move
  Endpoint to_;
  TcpId id_;
  bool open_ = false;  ///< the connection is ours to close
  bool head_only_ = false;
  std::string unsent_;
  HttpAnswer answer_;
  Instant started_;
  Instant deadline_;
  std::optional<Result<HttpAnswer>> result_;
  std::optional<Nanoseconds> connected_after_;
  std::optional<Nanoseconds> first_byte_after_;
  std::optional<Nanoseconds> complete_after_;
};

}  // namespace wgscope::inner
