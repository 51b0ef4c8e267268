#include "exporter/http/tls_session.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <memory>
#include <span>
#include <string_view>
#include <sys/types.h>
#include <utility>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sodium/utils.h>

#include "exporter/http/tls_context.hpp"

namespace wgscope::exporter::http {
namespace {

/// What OpenSSL's last call came to, if it was no success. Forgets the errors of this thread.
TlsSession::Step step_after(const SSL* ssl, int result) {
  const int error = SSL_get_error(ssl, result);
  const int reason = ERR_GET_REASON(ERR_peek_last_error());
  ERR_clear_error();
  if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE) return TlsSession::Step::waits;
  const bool gone = error == SSL_ERROR_SYSCALL || error == SSL_ERROR_ZERO_RETURN ||
                    reason == SSL_R_UNEXPECTED_EOF_WHILE_READING;
  return gone ? TlsSession::Step::gone : TlsSession::Step::failed;
}

}  // namespace

std::unique_ptr<TlsSession> TlsSession::open(const TlsContext& context, int fd) {
  SSL* ssl = SSL_new(context.get());
  if (ssl == nullptr || SSL_set_fd(ssl, fd) != 1) {
    SSL_free(ssl);
    ERR_clear_error();
    return nullptr;
  }
  SSL_set_accept_state(ssl);
  return std::unique_ptr<TlsSession>(new TlsSession(ssl));
}

TlsSession::~TlsSession() { SSL_free(ssl_); }

TlsSession::Step TlsSession::handshake() {
  ERR_clear_error();
  const int result = SSL_do_handshake(ssl_);
  return result == 1 ? Step::done : step_after(ssl_, result);
}

TlsSession::Step TlsSession::receive(std::size_t most) {
  const std::size_t before = received_.size();
  std::array<char, 4096> piece{};
  Step end = Step::done;
  while (end == Step::done && received_.size() < most) {
    ERR_clear_error();
    const int size = SSL_read(ssl_, piece.data(),
                              static_cast<int>(std::min(piece.size(), most - received_.size())));
    if (size > 0)
      received_.append({piece.data(), static_cast<std::size_t>(size)});
    else
      end = step_after(ssl_, size);
  }
  sodium_memzero(piece.data(), piece.size());
  return received_.size() > before ? Step::done : end;
}

ssize_t TlsSession::read(std::span<char> into) {
  if (!received().empty()) {
    const std::size_t size = std::min(into.size(), received().size());
    std::ranges::copy(received().substr(0, size), into.begin());
    given_ += size;
    if (received().empty()) {
      received_.clear();
      given_ = 0;
    }
    return static_cast<ssize_t>(size);
  }
  ERR_clear_error();
  const int size = SSL_read(ssl_, into.data(), static_cast<int>(into.size()));
  if (size > 0) return size;
  const Step step = step_after(ssl_, size);
  if (step == Step::gone) return 0;
  errno = step == Step::waits ? EAGAIN : ECONNRESET;
  return -1;
}

/// A record has 16 KiB at the most, and a system call for each costs as much as encrypting it.
ssize_t TlsSession::write(std::span<const char> bytes) {
  constexpr std::size_t kAtOnce = std::size_t{64} << 10U;
  constexpr int kRoom = 70'000;  // with what TLS adds
  if (!gathers_) {
    BIO* gather = BIO_new(BIO_f_buffer());
    if (gather == nullptr || BIO_set_write_buffer_size(gather, kRoom) != 1) {
      BIO_free(gather);
      errno = ENOMEM;
      return -1;
    }
    BIO* socket = SSL_get_wbio(ssl_);
    BIO_up_ref(socket);  // it stays the one that is read from
    SSL_set0_wbio(ssl_, BIO_push(gather, socket));
    gathers_ = true;
  }
  const auto some = bytes.first(std::min(bytes.size(), kAtOnce));
  for (bool goes_on = unreported_ == 0; goes_on && unreported_ < some.size();) {
    ERR_clear_error();
    const auto rest = some.subspan(unreported_);
    const int size = SSL_write(ssl_, rest.data(), static_cast<int>(rest.size()));
    if (size > 0) {
      unreported_ += static_cast<std::size_t>(size);
      continue;
    }
    const Step step = step_after(ssl_, size);
    if (unreported_ == 0) {
      errno = step == Step::waits ? EAGAIN : EPIPE;
      return -1;
    }
    goes_on = false;
  }
  BIO* gather = SSL_get_wbio(ssl_);
  if (BIO_flush(gather) != 1) {
    errno = BIO_should_retry(gather) != 0 ? EAGAIN : EPIPE;
    return -1;
  }
  return static_cast<ssize_t>(std::exchange(unreported_, 0));
}

void TlsSession::say_goodbye() {
  ERR_clear_error();
  if (SSL_is_init_finished(ssl_) == 1) SSL_shutdown(ssl_);
  ERR_clear_error();
}

}  // namespace wgscope::exporter::http
