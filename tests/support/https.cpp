#include "https.hpp"

#include <array>
#include <stdexcept>
#include <string>
#include <string_view>
#include <sys/socket.h>
#include <sys/time.h>

#include <fmt/core.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>

#include "wgscope/os/unique_fd.hpp"

#include "exporter/http/openssl_handles.hpp"

namespace wgscope::test {
namespace {

void require(bool done, const char* what) {
  if (!done) throw std::runtime_error(fmt::format("the TLS client cannot {}", what));
}

openssl::Certificate read_certificate(const std::string& pem) {
  const openssl::Bio bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  return openssl::Certificate(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr));
}

openssl::Context make_context(const HttpsOptions& options) {
  openssl::Context context(SSL_CTX_new(TLS_client_method()));
  SSL_CTX* raw = context.get();
  require(raw != nullptr, "begin");
  if (options.max_version != 0) {
    // OpenSSL's default level of security has no TLS 1.1.
    SSL_CTX_set_security_level(raw, 0);
    SSL_CTX_set_min_proto_version(raw, 0);
    SSL_CTX_set_max_proto_version(raw, options.max_version);
  }
  require(options.ciphers.empty() || SSL_CTX_set_cipher_list(raw, options.ciphers.c_str()) == 1,
          "set ciphers");
  require(options.groups.empty() ||
              SSL_CTX_set1_groups_list(raw, const_cast<char*>(options.groups.c_str())) == 1,
          "set groups");
  static constexpr std::array<unsigned char, 12> kOffered{2,   'h', '2', 8,   'h', 't',
                                                          't', 'p', '/', '1', '.', '1'};
  SSL_CTX_set_alpn_protos(raw, kOffered.data(), kOffered.size());
  if (options.own) {
    const auto certificate = read_certificate(options.own->certificate);
    const openssl::Bio bio(
        BIO_new_mem_buf(options.own->key.data(), static_cast<int>(options.own->key.size())));
    const openssl::Key key(PEM_read_bio_PrivateKey(bio.get(), nullptr, nullptr, nullptr));
    require(SSL_CTX_use_certificate(raw, certificate.get()) == 1 &&
                SSL_CTX_use_PrivateKey(raw, key.get()) == 1,
            "use its certificate");
  }
  if (!options.trusted.empty()) {
    X509_STORE_add_cert(SSL_CTX_get_cert_store(raw), read_certificate(options.trusted).get());
    SSL_CTX_set_verify(raw, SSL_VERIFY_PEER, nullptr);
  }
  return context;
}

/// OpenSSL's words for the last thing that went wrong.
std::string failure() {
  const char* reason = ERR_reason_error_string(ERR_peek_last_error());
  ERR_clear_error();
  return reason != nullptr ? reason : "the connection ended";
}

std::string talk(SSL* session, const HttpRequest& request) {
  std::string text = fmt::format("{} {} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n",
                                 request.method, request.path);
  for (const HttpHeader& header : request.headers)
    text += fmt::format("{}: {}\r\n", header.name, header.value);
  text += "\r\n" + request.body;
  ERR_clear_error();
  std::string received;
  if (SSL_write(session, text.data(), static_cast<int>(text.size())) <= 0) return received;
  std::array<char, 1 << 14> piece{};
  for (int size = 0; (size = SSL_read(session, piece.data(), piece.size())) > 0;)
    received.append(piece.data(), static_cast<std::size_t>(size));
  return received;
}

}  // namespace

struct HttpsClient::Context {
  openssl::Context made;
};

HttpsClient::HttpsClient(const HttpsOptions& options)
    : context_(new Context{make_context(options)}) {}
HttpsClient::~HttpsClient() = default;

HttpsAnswer HttpsClient::ask(const HttpServer& server, const HttpRequest& request) const {
  const os::UniqueFd fd = connect_tcp(server);
  const timeval patience{.tv_sec = 20, .tv_usec = 0};
  setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  const openssl::Session session(SSL_new(context_->made.get()));
  SSL_set_fd(session.get(), fd.get());
  HttpsAnswer answer;
  ERR_clear_error();
  if (SSL_connect(session.get()) != 1) {
    answer.failure = failure();
    return answer;
  }
  answer.cipher = SSL_get_cipher_name(session.get());
  const unsigned char* protocol = nullptr;
  unsigned size = 0;
  SSL_get0_alpn_selected(session.get(), &protocol, &size);
  answer.protocol.assign(reinterpret_cast<const char*>(protocol), size);
  const std::string received = talk(session.get(), request);
  if (received.empty())
    answer.failure = failure();
  else
    answer.response = parse_response(received, request.method);
  return answer;
}

HttpsAnswer https(const HttpServer& server, const HttpRequest& request,
                  const HttpsOptions& options) {
  return HttpsClient(options).ask(server, request);
}

std::string basic_login(std::string_view user, std::string_view password) {
  const std::string login = fmt::format("{}:{}", user, password);
  std::string encoded(4 * ((login.size() + 2) / 3), '\0');
  EVP_EncodeBlock(reinterpret_cast<unsigned char*>(encoded.data()),
                  reinterpret_cast<const unsigned char*>(login.data()),
                  static_cast<int>(login.size()));
  return "Basic " + encoded;
}

}  // namespace wgscope::test
