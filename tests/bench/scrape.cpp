#include "scrape.hpp"

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <netinet/in.h>
#include <stdexcept>
#include <string>
#include <string_view>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/types.h>
#include <system_error>
#include <vector>

#include <fmt/core.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include "wgscope/os/unique_fd.hpp"

#include "exporter/http/openssl_handles.hpp"

namespace wgscope::bench {
namespace {

[[noreturn]] void throw_errno(const char* what) {
  throw std::system_error(errno, std::generic_category(), what);
}

os::UniqueFd connect_to(std::uint16_t port, std::chrono::seconds patience) {
  os::UniqueFd fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const timeval time{.tv_sec = patience.count(), .tv_usec = 0};
  setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &time, sizeof time);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    throw_errno("connect");
  return fd;
}

std::string text_of(const ScrapeRequest& request, bool last = true) {
  return fmt::format(
      "GET {} HTTP/1.1\r\nHost: bench\r\nAccept: text/plain;version=0.0.4\r\n{}{}\r\n",
      request.path, request.gzip ? "Accept-Encoding: gzip\r\n" : "",
      last ? "Connection: close\r\n" : "");
}

constexpr std::string_view kOk = "HTTP/1.1 200";

/// Where an answer of several chunks ends: after a last one of no bytes. That the same bytes end a
/// piece of compressed text by chance is not to be expected.
constexpr std::string_view kLastChunk = "\r\n0\r\n\r\n";

openssl::Session greet(SSL_CTX* context, int fd) {
  openssl::Session session(SSL_new(context));
  ERR_clear_error();
  if (SSL_set_fd(session.get(), fd) != 1 || SSL_connect(session.get()) != 1)
    throw std::runtime_error("a TLS connection did not come about");
  return session;
}

/// @param receive  as recv(2)
template <class Receive>
std::size_t receive_all(Receive receive) {
  static std::vector<char> buffer(256 * 1024);
  std::size_t size = 0;
  std::string start;
  for (;;) {
    const ssize_t got = receive(buffer);
    if (got < 0) throw_errno("receive");
    if (got == 0) break;
    if (size == 0)
      start.assign(buffer.data(), std::min<std::size_t>(static_cast<std::size_t>(got), 15));
    size += static_cast<std::size_t>(got);
  }
  if (!start.starts_with(kOk))
    throw std::runtime_error(fmt::format("a scrape was answered: '{}'", start));
  return size;
}

}  // namespace

std::size_t scrape(std::uint16_t port, const ScrapeRequest& request) {
  const os::UniqueFd fd = connect_to(port, request.patience);
  const std::string text = text_of(request);
  if (send(fd.get(), text.data(), text.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(text.size()))
    throw_errno("send");
  return receive_all(
      [&](std::vector<char>& buffer) { return recv(fd.get(), buffer.data(), buffer.size(), 0); });
}

TlsScraper::TlsScraper() : context_(SSL_CTX_new(TLS_client_method())) {
  // One system call for several records.
  SSL_CTX_set_read_ahead(context_.get(), 1);
  SSL_CTX_set_default_read_buffer_len(context_.get(), 256 * 1024);
}

std::size_t TlsScraper::scrape(std::uint16_t port, const ScrapeRequest& request) const {
  const os::UniqueFd fd = connect_to(port, request.patience);
  const openssl::Session session = greet(context_.get(), fd.get());
  const std::string text = text_of(request);
  SSL_write(session.get(), text.data(), static_cast<int>(text.size()));
  return receive_all([&](std::vector<char>& buffer) -> ssize_t {
    const int got = SSL_read(session.get(), buffer.data(), static_cast<int>(buffer.size()));
    if (got > 0) return got;
    return SSL_get_error(session.get(), got) == SSL_ERROR_ZERO_RETURN ? 0 : -1;
  });
}

LastingScraper::LastingScraper(std::uint16_t port, const TlsScraper* tls)
    : fd_(connect_to(port, ScrapeRequest{}.patience)) {
  if (tls != nullptr) session_ = greet(tls->context(), fd_.get());
}

std::size_t LastingScraper::scrape(const ScrapeRequest& request) const {
  static std::vector<char> buffer(256 * 1024);
  const std::string text = text_of(request, false);
  const auto length = static_cast<int>(text.size());
  if ((session_ ? SSL_write(session_.get(), text.data(), length)
                : send(fd_.get(), text.data(), text.size(), MSG_NOSIGNAL)) != length)
    throw std::runtime_error("the connection did not stay");
  std::size_t size = 0;
  for (std::string end; end != kLastChunk;) {
    const auto got = session_ ? static_cast<ssize_t>(SSL_read(session_.get(), buffer.data(),
                                                              static_cast<int>(buffer.size())))
                              : recv(fd_.get(), buffer.data(), buffer.size(), 0);
    const std::string_view piece(buffer.data(),
                                 static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
    if (piece.empty() || (size == 0 && !piece.starts_with(kOk)))
      throw std::runtime_error(fmt::format("a scrape was answered: '{}'", piece.substr(0, 15)));
    size += piece.size();
    end.append(piece.substr(piece.size() - std::min(piece.size(), kLastChunk.size())));
    end.erase(0, end.size() - std::min(end.size(), kLastChunk.size()));
  }
  return size;
}

}  // namespace wgscope::bench
