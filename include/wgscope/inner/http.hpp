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
  std::size_t head = 16384;  ///< bytes of status line and headers; a longer head is an error
  std::size_t body = 65536;  ///< bytes of the body that are kept; the rest is only counted
};

struct HttpHeader {
  std::string name;
  std::string value;
};

/// Reads an HTTP/1 answer to a GET as it arrives, in pieces of any size (RFC 9112). Interim answers
/// (1xx) are skipped. The body ends by Content-Length, by its last chunk, or with the connection.
class HttpAnswer {
 public:
  explicit HttpAnswer(HttpLimits limits = {}) : limits_(limits) {}

  /// Reads the next bytes. After an error this object is of no more use.
  /// @returns bad_value if this is not an HTTP/1 answer, contradicts itself or has a transfer
  /// encoding other than chunked; too_large for a head above its limit.
  Result<> feed(std::span<const std::byte> bytes);
  /// The connection ended. @returns truncated if the answer is not complete.
  Result<> finish();

  [[nodiscard]] bool complete() const { return state_ == State::complete; }
  /// Status line and headers are complete, whatever happens to the body.
  [[nodiscard]] bool head_complete() const { return head_complete_; }
  [[nodiscard]] int status() const { return status_; }  ///< 0 before the status line
  [[nodiscard]] const std::string& reason() const { return reason_; }
  [[nodiscard]] const std::vector<HttpHeader>& headers() const { return headers_; }
  /// The first header of that name, which is not case-sensitive.
  [[nodiscard]] std::optional<std::string_view> header(std::string_view name) const;
  [[nodiscard]] const std::string& body() const { return body_; }       ///< up to HttpLimits::body
  [[nodiscard]] std::uint64_t body_size() const { return body_size_; }  ///< bytes of the whole body

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
  std::uint64_t left_ = 0;  ///< bytes left of the sized body or the chunk
  int status_ = 0;
  std::string reason_;
  std::vector<HttpHeader> headers_;
  std::string body_;
  std::uint64_t body_size_ = 0;
};

struct HttpRequest {
  Endpoint to;
  std::string host;        ///< value of the Host header, as the user wrote it
  std::string path = "/";  ///< the path with its query
  Nanoseconds timeout = std::chrono::seconds{10};  ///< time limit of the whole request; above 0
  HttpLimits limits{};
  /// The request is over once the head of the answer is complete. The connection is then broken
  /// off, so that a long or slow body does not matter.
  bool head_only = false;
};

/// One GET request over its own TCP connection.
class HttpGet {
 public:
  /// Starts to connect. @param host  must outlive this object.
  /// @returns bad_value for a host or path with blanks or control characters, and the errors of
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

  /// Nothing until the request is over. Errors: refused if nothing listens or the connection was
  /// reset, timeout, and those of HttpAnswer.
  [[nodiscard]] const std::optional<Result<HttpAnswer>>& result() const { return result_; }
  // These times count from start(). Nothing: it did not happen.
  [[nodiscard]] std::optional<Nanoseconds> connected_after() const { return connected_after_; }
  [[nodiscard]] std::optional<Nanoseconds> first_byte_after() const { return first_byte_after_; }
  [[nodiscard]] std::optional<Nanoseconds> complete_after() const { return complete_after_; }

 private:
  HttpGet(Host& host, const HttpRequest& request, Instant now);
  void send_rest();
  void receive(Instant now);
  void handle_end(Instant now, TcpEnd why);
  void settle(Instant now, Result<HttpAnswer> result);

  Host* host_;  ///< null after a move
  Endpoint to_;
  TcpId id_;
  bool open_ = false;  ///< we still have to close the connection
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
