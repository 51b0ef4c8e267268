#include "http.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <cctype>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <netdb.h>
#include <netinet/in.h>
#include <optional>
#include <poll.h>
#include <stdexcept>
#include <string>
#include <string_view>
#include <sys/socket.h>
#include <system_error>
#include <thread>
#include <utility>
#include <zlib.h>

#include <fmt/core.h>

#include "wgscope/base/text.hpp"
#include "wgscope/os/netns.hpp"
#include "wgscope/os/unique_fd.hpp"

namespace wgscope::test {
namespace {

using Clock = std::chrono::steady_clock;

[[noreturn]] void throw_errno(const std::string& what) {
  throw std::system_error(errno, std::generic_category(), what);
}

os::UniqueFd connect_here(const HttpServer& server) {
  addrinfo hints{};
  hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const std::string port = std::to_string(server.port);
  if (getaddrinfo(server.address.c_str(), port.c_str(), &hints, &found) != 0)
    throw std::runtime_error("no address: " + server.address);
  os::UniqueFd fd(socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const int result = ::connect(fd.get(), found->ai_addr, found->ai_addrlen);
  freeaddrinfo(found);
  if (result != 0) throw_errno(fmt::format("connect to {} port {}", server.address, server.port));
  return fd;
}

void send_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t sent = send(fd, text.data(), text.size(), MSG_NOSIGNAL);
    if (sent < 0) throw_errno("send HTTP request");
    text.remove_prefix(static_cast<std::size_t>(sent));
  }
}

std::string receive_to_end(int fd, Clock::time_point deadline) {
  std::string received;
  std::array<char, 1 << 16> buffer;
  for (;;) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now()).count();
    pollfd readable{fd, POLLIN, 0};
    if (left <= 0 || poll(&readable, 1, static_cast<int>(left)) == 0)
      throw std::runtime_error(
          fmt::format("HTTP server not through in time, {} bytes came", received.size()));
    const ssize_t count = recv(fd, buffer.data(), buffer.size(), 0);
    if (count < 0) throw_errno("receive HTTP response");
    if (count == 0) return received;
    received.append(buffer.data(), static_cast<std::size_t>(count));
  }
}

// Cuts the text before `end` off `rest`, and `end` with it.
std::string_view take_until(std::string_view& rest, std::string_view end) {
  const std::size_t at = rest.find(end);
  if (at == std::string_view::npos) throw std::runtime_error("HTTP response cut short");
  const std::string_view taken = rest.substr(0, at);
  rest.remove_prefix(at + end.size());
  return taken;
}

std::size_t parse_number(std::string_view text, int base) {
  std::size_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number, base);
  if (error != std::errc{} || end != text.data() + text.size())
    throw std::runtime_error("HTTP response: no number: " + std::string(text));
  return number;
}

std::string join_chunks(std::string_view rest) {
  std::string body;
  for (;;) {
    const std::size_t size = parse_number(take_until(rest, "\r\n"), 16);
    if (rest.size() < size) throw std::runtime_error("HTTP response cut short in a chunk");
    body += rest.substr(0, size);
    rest.remove_prefix(size);
    if (!take_until(rest, "\r\n").empty())
      throw std::runtime_error("HTTP response: chunk longer than it says");
    if (size == 0) return body;
  }
}

}  // namespace

std::optional<std::string> HttpResponse::header(std::string_view name) const {
  const auto found =
      std::ranges::find_if(headers, [&](const HttpHeader& h) { return iequals(h.name, name); });
  if (found == headers.end()) return std::nullopt;
  return found->value;
}

HttpResponse parse_response(std::string raw, std::string_view method) {
  HttpResponse response;
  response.raw = std::move(raw);
  std::string_view rest = response.raw;
  const std::string_view status_line = take_until(rest, "\r\n");
  if (!status_line.starts_with("HTTP/1.1 ") || status_line.size() < 12)
    throw std::runtime_error("no HTTP/1.1 response: " + std::string(status_line));
  response.status = static_cast<int>(parse_number(status_line.substr(9, 3), 10));
  for (std::string_view line = take_until(rest, "\r\n"); !line.empty();
       line = take_until(rest, "\r\n")) {
    const std::string_view name = take_until(line, ":");
    response.headers.push_back({std::string(name), std::string(trim(line))});
  }

  if (method == "HEAD") return response;
  const auto length = response.header("Content-Length");
  if (iequals(response.header("Transfer-Encoding").value_or(""), "chunked")) {
    response.body = join_chunks(rest);
  } else if (length && rest.size() != parse_number(*length, 10)) {
    throw std::runtime_error(
        fmt::format("HTTP response: Content-Length {}, body {}", *length, rest.size()));
  } else {
    response.body = rest;
  }
  return response;
}

os::UniqueFd connect_tcp(const HttpServer& server) {
  if (server.netns.empty()) return connect_here(server);
  // A socket stays in the namespace it was made in, so a thread that goes there and ends is
  // all it takes.
  os::UniqueFd fd;
  std::exception_ptr failure;
  std::thread([&] {
    try {
      const auto netns = os::Netns::open(std::string(os::kNamedNetnsFolder) + "/" + server.netns);
      if (!netns) throw std::runtime_error(netns.error().context);
      if (const auto entered = netns->enter(); !entered)
        throw std::runtime_error(entered.error().context);
      fd = connect_here(server);
    } catch (...) {
      failure = std::current_exception();
    }
  }).join();
  if (failure) std::rethrow_exception(failure);
  return fd;
}

std::uint16_t free_port() {
  const os::UniqueFd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), size);
  getsockname(socket.get(), reinterpret_cast<sockaddr*>(&address), &size);
  return ntohs(address.sin_port);
}

bool accepts_connections(const HttpServer& server) {
  try {
    connect_tcp(server);
    return true;
  } catch (const std::system_error&) {
    return false;
  }
}

HttpResponse http(const HttpServer& server, const HttpRequest& request,
                  std::chrono::milliseconds timeout) {
  const auto deadline = Clock::now() + timeout;
  const os::UniqueFd fd = connect_tcp(server);
  std::string text = fmt::format("{} {} HTTP/1.1\r\nHost: {}:{}\r\nConnection: close\r\n",
                                 request.method, request.path, server.address, server.port);
  for (const HttpHeader& header : request.headers)
    text += fmt::format("{}: {}\r\n", header.name, header.value);
  if (!request.body.empty()) text += fmt::format("Content-Length: {}\r\n", request.body.size());
  send_all(fd.get(), text + "\r\n" + request.body);
  return parse_response(receive_to_end(fd.get(), deadline), request.method);
}

std::string url_encoded(const std::string& text) {
  std::string encoded;
  for (const char c : text)
    encoded += std::isalnum(static_cast<unsigned char>(c)) != 0
                   ? std::string(1, c)
                   : fmt::format("%{:02X}", static_cast<unsigned char>(c));
  return encoded;
}

std::string gunzip(std::string_view compressed) {
  z_stream stream{};
  constexpr int kGzipOnly = 16;  // added to the window bits (zlib.h, inflateInit2)
  if (inflateInit2(&stream, MAX_WBITS + kGzipOnly) != Z_OK)
    throw std::runtime_error("zlib: inflateInit2");
  std::string input(compressed);
  stream.next_in = reinterpret_cast<Bytef*>(input.data());
  stream.avail_in = static_cast<uInt>(input.size());

  std::string out;
  std::array<char, 1 << 16> buffer;
  int result = Z_OK;
  do {
    if (result == Z_STREAM_END) inflateReset(&stream);  // another member follows
    stream.next_out = reinterpret_cast<Bytef*>(buffer.data());
    stream.avail_out = static_cast<uInt>(buffer.size());
    result = inflate(&stream, Z_NO_FLUSH);
    out.append(buffer.data(), buffer.size() - stream.avail_out);
  } while (result == Z_OK || (result == Z_STREAM_END && stream.avail_in > 0));
  inflateEnd(&stream);
  if (result != Z_STREAM_END)
    throw std::runtime_error(fmt::format("no whole gzip stream (zlib says {})", result));
  return out;
}

}  // namespace wgscope::test
