#include "exporter/http/tls_session.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <sys/types.h>
#include <utility>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/sslerr.h>
#include <openssl/x509_vfy.h>
#include <sodium/utils.h>

#include "exporter/http/tls_context.hpp"

namespace wgscope::exporter::http {
namespace {

/// Bytes that are encrypted before they are sent. Twice as many took more time, not less.
constexpr std::size_t kAtOnce = std::size_t{64} << 10U;
constexpr int kRoom = 67 << 10;  // with what TLS adds, and what was held
/// Bytes that wait for more: the size of a chunk, or the head of an answer.
constexpr std::size_t kMostHeld = 1024;

/// @param result  of the certificate's verification.
std::string_view words_for_certificate(long result) {
  switch (result) {
    case X509_V_ERR_CERT_HAS_EXPIRED: return "the client's certificate has expired";
    case X509_V_ERR_CERT_NOT_YET_VALID: return "the client's certificate is not valid yet";
    case X509_V_ERR_CERT_REJECTED:
      return "the client's certificate has none of the names in client_allowed_sans";
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
      return "no CA of client_ca signed the client's certificate";
    default: return "the client's certificate is not valid";
  }
}

/// What OpenSSL's reasons mean to who runs the exporter. Its own sentences change with its version.
std::string_view words_for(const SSL* ssl, int reason) {
  switch (reason) {
    case SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE: return "the client showed no certificate";
    case SSL_R_CERTIFICATE_VERIFY_FAILED: return words_for_certificate(SSL_get_verify_result(ssl));
    case SSL_R_UNSUPPORTED_PROTOCOL:
    case SSL_R_VERSION_TOO_LOW:
    case SSL_R_WRONG_SSL_VERSION:
      return "the client offered no TLS version that this exporter accepts";
    case SSL_R_NO_SHARED_CIPHER:
      return "the client offered no cipher suite that this exporter accepts";
    case SSL_R_NO_SUITABLE_KEY_SHARE:
    case SSL_R_NO_SHARED_GROUPS: return "the client offered no curve that this exporter accepts";
    case SSL_R_SSLV3_ALERT_BAD_CERTIFICATE:
    case SSL_R_SSLV3_ALERT_UNSUPPORTED_CERTIFICATE:
    case SSL_R_SSLV3_ALERT_CERTIFICATE_REVOKED:
    case SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED:
    case SSL_R_SSLV3_ALERT_CERTIFICATE_UNKNOWN:
    case SSL_R_TLSV1_ALERT_UNKNOWN_CA:
      return "the client did not accept this exporter's certificate";
    default:
      return reason >= SSL_AD_REASON_OFFSET ? "the client ended the handshake with an alert"
                                            : "the client sent bytes that are not valid TLS";
  }
}

}  // namespace

/// What OpenSSL's last call came to, if it was no success. Forgets the errors of this thread.
TlsSession::Step TlsSession::step_after(int result) {
  const int error = SSL_get_error(ssl_, result);
  const int reason = ERR_GET_REASON(ERR_peek_last_error());
  ERR_clear_error();
  if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE) return Step::waits;
  if (error == SSL_ERROR_SYSCALL || error == SSL_ERROR_ZERO_RETURN ||
      reason == SSL_R_UNEXPECTED_EOF_WHILE_READING)
    return Step::gone;
  failure_ = words_for(ssl_, reason);
  return Step::failed;
}

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
  return result == 1 ? Step::done : step_after(result);
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
      end = step_after(size);
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
  const Step step = step_after(size);
  if (step == Step::gone) return 0;
  errno = step == Step::waits ? EAGAIN : ECONNRESET;
  return -1;
}

/// A record has 16 KiB at the most, and a system call for each costs as much as encrypting it. So
/// records are gathered, as many as come of kAtOnce bytes.
bool TlsSession::gather() {
  if (gathers_) return true;
  BIO* gather = BIO_new(BIO_f_buffer());
  if (gather == nullptr || BIO_set_write_buffer_size(gather, kRoom) != 1) {
    BIO_free(gather);
    return false;
  }
  BIO* socket = SSL_get_wbio(ssl_);
  BIO_up_ref(socket);  // it stays the one that is read from
  SSL_set0_wbio(ssl_, BIO_push(gather, socket));
  // Its buffer for a record is let go while a client is waited for, not between two records.
  SSL_clear_mode(ssl_, SSL_MODE_RELEASE_BUFFERS);
  return gathers_ = true;
}

/// Makes at least one record, with what was held before the first of the bytes.
/// @returns how many of the bytes are in it; otherwise as SSL_write().
int TlsSession::encrypt(std::span<const char> bytes) {
  ERR_clear_error();
  if (held_.empty()) return SSL_write(ssl_, bytes.data(), static_cast<int>(bytes.size()));
  const auto first =
      bytes.first(std::min(bytes.size(), std::size_t{SSL3_RT_MAX_PLAIN_LENGTH} - held_.size()));
  std::string together = std::exchange(held_, {});
  together.append(first.data(), first.size());
  const int written = SSL_write(ssl_, together.data(), static_cast<int>(together.size()));
  return written > 0 ? static_cast<int>(first.size()) : written;
}

ssize_t TlsSession::write(std::span<const char> bytes, bool more) {
  if (more && unreported_ == 0 && held_.size() + bytes.size() <= kMostHeld) {
    held_.append(bytes.data(), bytes.size());
    return static_cast<ssize_t>(bytes.size());
  }
  if (!gather()) {
    errno = ENOMEM;
    return -1;
  }
  const auto some = bytes.first(std::min(bytes.size(), kAtOnce));
  for (bool goes_on = unreported_ == 0; goes_on && unreported_ < some.size();) {
    const int size = encrypt(some.subspan(unreported_));
    if (size > 0) {
      unreported_ += static_cast<std::size_t>(size);
      continue;
    }
    const Step step = step_after(size);
    if (unreported_ == 0) {
      errno = step == Step::waits ? EAGAIN : EPIPE;
      return -1;
    }
    goes_on = false;
  }
  BIO* gathered = SSL_get_wbio(ssl_);
  if (BIO_flush(gathered) != 1) {
    errno = BIO_should_retry(gathered) != 0 ? EAGAIN : EPIPE;
    return -1;
  }
  return static_cast<ssize_t>(std::exchange(unreported_, 0));
}

void TlsSession::rest() {
  if (gathers_) {
    BIO* socket = SSL_get_rbio(ssl_);
    BIO_up_ref(socket);
    SSL_set0_wbio(ssl_, socket);  // frees the other one
    SSL_set_mode(ssl_, SSL_MODE_RELEASE_BUFFERS);
    gathers_ = false;
  }
  SSL_free_buffers(ssl_);
  SecretString rest(received());
  received_ = std::move(rest);
  given_ = 0;
}

bool TlsSession::uses(const TlsContext& context) const {
  return SSL_get_SSL_CTX(ssl_) == context.get();
}

void TlsSession::say_goodbye() {
  ERR_clear_error();
  if (SSL_is_init_finished(ssl_) == 1) SSL_shutdown(ssl_);
  ERR_clear_error();
}

}  // namespace wgscope::exporter::http
