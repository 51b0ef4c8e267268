#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "wgscope/os/unique_fd.hpp"

// A client that shows what really came over the wire, as no HTTP library does.
namespace wgscope::test {

struct HttpHeader {
  std::string name;
  std::string value;
};

struct HttpServer {
  std::uint16_t port = 0;
  std::string address = "127.0.0.1";  ///< IPv4 or IPv6, no host name
  std::string netns{};  ///< name of the network namespace it listens in; empty for the test's own
};

struct HttpRequest {
  std::string path = "/metrics";
  std::string method = "GET";
  std::vector<HttpHeader> headers{};  ///< beside Host, "Connection: close" and Content-Length
  std::string body{};
};

struct HttpResponse {
  int status = 0;
  std::vector<HttpHeader> headers;
  std::string
      body;  ///< with the chunks of chunked transfer coding put together; still gzip if it was
  std::string raw;  ///< every byte received

  /// The first header of this name, in any case.
  [[nodiscard]] std::optional<std::string> header(std::string_view name) const;
};

/// One request on a connection of its own, read until the server closes it.
/// A server that cannot be reached or does not finish by `timeout`, and an answer that is no
/// HTTP/1.1, throw.
HttpResponse http(const HttpServer& server, const HttpRequest& request = {},
                  std::chrono::milliseconds timeout = std::chrono::seconds{20});

/// Takes apart a whole response. Throws when it is none, or cut short (of its Content-Length or its
/// last chunk).
/// @param method  of the request: a response to HEAD has no body whatever its headers say.
HttpResponse parse_response(std::string raw, std::string_view method = "GET");

/// A connected TCP socket, for clients that say nothing, or half of something. Throws when refused.
os::UniqueFd connect_tcp(const HttpServer& server);

/// A TCP port of 127.0.0.1 that nobody listens on at this moment, for programs that cannot be told
/// to take any.
std::uint16_t free_port();

/// Whether anyone accepts connections there.
bool accepts_connections(const HttpServer& server);

/// For the values of a query string.
std::string url_encoded(const std::string& text);

/// Decompresses one or more gzip members; throws on anything else and when cut short.
std::string gunzip(std::string_view compressed);

}  // namespace wgscope::test
