#include "hostile_client.hpp"

#include <arpa/inet.h>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdexcept>
#include <string>
#include <sys/socket.h>

#include <openssl/bio.h>
#include <openssl/ssl.h>

#include "wgscope/os/unique_fd.hpp"

#include "exporter/http/openssl_handles.hpp"

namespace wgscope::test {

os::UniqueFd begin_to_connect(std::uint16_t port, std::size_t number, int flags) {
  os::UniqueFd fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | flags, 0));
  const int little = 2048;
  const int short_segments = 536;
  setsockopt(fd.get(), SOL_SOCKET, SO_RCVBUF, &little, sizeof little);
  setsockopt(fd.get(), IPPROTO_TCP, TCP_MAXSEG, &short_segments, sizeof short_segments);
  sockaddr_in from{};
  from.sin_family = AF_INET;
  from.sin_addr.s_addr = htonl(0x7f010000U + static_cast<std::uint32_t>(number));
  sockaddr_in to = from;
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  to.sin_port = htons(port);
  const bool begun = bind(fd.get(), reinterpret_cast<const sockaddr*>(&from), sizeof from) == 0 &&
                     (connect(fd.get(), reinterpret_cast<const sockaddr*>(&to), sizeof to) == 0 ||
                      errno == EINPROGRESS);
  return begun ? std::move(fd) : os::UniqueFd();
}

os::UniqueFd connect_from(std::uint16_t port, std::size_t number) {
  os::UniqueFd fd = begin_to_connect(port, number);
  if (!fd) throw std::runtime_error("a client cannot connect");
  return fd;
}

void close_with_reset(os::UniqueFd& fd) {
  constexpr linger kReset{.l_onoff = 1, .l_linger = 0};
  setsockopt(fd.get(), SOL_SOCKET, SO_LINGER, &kReset, sizeof kReset);
  fd.reset();
}

std::string client_hello(SSL_CTX* context) {
  const openssl::Session session(SSL_new(context));
  BIO* out = BIO_new(BIO_s_mem());
  SSL_set_bio(session.get(), BIO_new(BIO_s_mem()), out);
  SSL_connect(session.get());
  char* memory = nullptr;
  const long size = BIO_get_mem_data(out, &memory);
  return {memory, static_cast<std::size_t>(size)};
}

}  // namespace wgscope::test
