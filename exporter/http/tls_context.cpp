#include "exporter/http/tls_context.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#include "wgscope/os/file.hpp"

#include "exporter/http/openssl_handles.hpp"
#include "exporter/http/web_config.hpp"

namespace wgscope::exporter::http {
namespace {

constexpr std::size_t kMaxPem = std::size_t{1} << 20U;

using openssl::Bio;
using openssl::Certificate;
using openssl::Key;
using openssl::Names;

/// OpenSSL would ask on the terminal for a passphrase.
int no_passphrase(char* /*buffer*/, int /*size*/, int /*writing*/, void* /*data*/) { return 0; }

/// One of OpenSSL's own sentences, which repeat nothing of what was read.
std::string last_reason() {
  const char* reason = ERR_reason_error_string(ERR_peek_last_error());
  ERR_clear_error();
  return reason != nullptr ? reason : "unknown reason";
}

std::string path_of(const std::string& file, const std::string& folder) {
  return file.starts_with('/') ? file : folder + file;
}

std::string_view as_text(const ASN1_STRING* string) {
  return {reinterpret_cast<const char*>(ASN1_STRING_get0_data(string)),
          static_cast<std::size_t>(ASN1_STRING_length(string))};
}

/// A name of a certificate as Go writes it; nothing for kinds that it does not compare.
std::optional<std::string> text_of(const GENERAL_NAME& name) {
  switch (name.type) {
    case GEN_DNS: return std::string(as_text(name.d.dNSName));
    case GEN_EMAIL: return std::string(as_text(name.d.rfc822Name));
    case GEN_URI: return std::string(as_text(name.d.uniformResourceIdentifier));
    case GEN_IPADD: {
      const std::string_view bytes = as_text(name.d.iPAddress);
      std::array<char, INET6_ADDRSTRLEN> text{};
      const int family = bytes.size() == 4 ? AF_INET : AF_INET6;
      if (bytes.size() != 4 && bytes.size() != 16) return std::nullopt;
      return inet_ntop(family, bytes.data(), text.data(), text.size());
    }
    default: return std::nullopt;
  }
}

/// What a context does with clients' certificates; lives as long as the context.
struct ClientRules {
  bool verified = false;
  std::vector<std::string> sans;
};

bool has_one_of(X509* certificate, const std::vector<std::string>& sans) {
  const Names names(static_cast<GENERAL_NAMES*>(
      X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)));
  for (int i = 0; names && i < sk_GENERAL_NAME_num(names.get()); ++i) {
    const auto text = text_of(*sk_GENERAL_NAME_value(names.get(), i));
    if (text && std::ranges::find(sans, *text) != sans.end()) return true;
  }
  return false;
}

/// Stands in for OpenSSL's own verification, which it calls unless nothing is to be verified.
int verify_client(X509_STORE_CTX* chain, void* data) {
  const auto* rules = static_cast<const ClientRules*>(data);
  if (rules->verified && X509_verify_cert(chain) != 1) return 0;
  if (rules->sans.empty() || has_one_of(X509_STORE_CTX_get0_cert(chain), rules->sans)) {
    X509_STORE_CTX_set_error(chain, X509_V_OK);
    return 1;
  }
  X509_STORE_CTX_set_error(chain, X509_V_ERR_CERT_REJECTED);  // the alert "bad certificate"
  return 0;
}

void free_rules(void* /*parent*/, void* data, CRYPTO_EX_DATA* /*ad*/, int /*index*/, long /*argl*/,
                void* /*argp*/) {
  delete static_cast<ClientRules*>(data);
}

/// Only for protocols that we speak; a client that offers none of them goes on without.
int choose_protocol(SSL* /*ssl*/, const unsigned char** chosen, unsigned char* size,
                    const unsigned char* offered, unsigned offered_size, void* /*data*/) {
  static constexpr std::array<unsigned char, 9> kHttp{8, 'h', 't', 't', 'p', '/', '1', '.', '1'};
  unsigned char* found = nullptr;
  if (SSL_select_next_proto(&found, size, kHttp.data(), kHttp.size(), offered, offered_size) !=
      OPENSSL_NPN_NEGOTIATED)
    return SSL_TLSEXT_ERR_NOACK;
  *chosen = found;
  return SSL_TLSEXT_ERR_OK;
}

class Builder {
 public:
  Builder(const TlsSettings& settings, const std::string& folder)
      : settings_(&settings),
        folder_(&folder),
        context_(SSL_CTX_new(TLS_server_method()), SSL_CTX_free) {}

  TlsContextMade build();

 private:
  void problem(std::string_view field, const Pem& pem, std::string_view what) {
    made_.problems.push_back(
        pem.file.empty() ? fmt::format("{}: {}", field, what)
                         : fmt::format("{}_file {}: {}", field, path_of(pem.file, *folder_), what));
  }
  Bio open(std::string_view field, const Pem& pem);
  std::vector<Certificate> certificates(std::string_view field, const Pem& pem);
  void set_certificate();
  void set_key();
  void set_client_ca();
  void set_client_rules();
  void set_parameters();

  const TlsSettings* settings_;
  const std::string* folder_;
  TlsContext context_;
  TlsContextMade made_;
};

/// The text in OpenSSL's memory; nothing, with a problem noted, if it cannot be read.
Bio Builder::open(std::string_view field, const Pem& pem) {
  const auto copy = [](std::string_view text) {
    Bio bio(BIO_new(BIO_s_secmem()));
    BIO_write(bio.get(), text.data(), static_cast<int>(text.size()));
    return bio;
  };
  if (pem.file.empty()) return copy(pem.text);
  const auto file = os::read_secret_file(path_of(pem.file, *folder_), kMaxPem);
  if (file) return copy(file->text());
  problem(field, pem, file.error().context);
  return nullptr;
}

std::vector<Certificate> Builder::certificates(std::string_view field, const Pem& pem) {
  std::vector<Certificate> found;
  const Bio bio = open(field, pem);
  if (!bio) return found;
  while (X509* one = PEM_read_bio_X509(bio.get(), nullptr, no_passphrase, nullptr))
    found.emplace_back(one);
  const bool end = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
  const std::string reason = last_reason();
  if (found.empty() && end) problem(field, pem, "there is no certificate in PEM format in it");
  if (!end) {
    problem(field, pem, fmt::format("certificate {}: {}", found.size() + 1, reason));
    found.clear();
  }
  return found;
}

void Builder::set_certificate() {
  const auto chain = certificates("cert", settings_->certificate);
  for (std::size_t i = 0; i < chain.size(); ++i) {
    const bool taken = i == 0 ? SSL_CTX_use_certificate(context_.get(), chain[i].get()) == 1
                              : SSL_CTX_add1_chain_cert(context_.get(), chain[i].get()) == 1;
    if (!taken) problem("cert", settings_->certificate, last_reason());
  }
}

void Builder::set_key() {
  const Bio bio = open("key", settings_->key);
  if (!bio) return;
  const Key key(PEM_read_bio_PrivateKey(bio.get(), nullptr, no_passphrase, nullptr));
  ERR_clear_error();
  if (!key)
    return problem("key", settings_->key,
                   "there is no private key in PEM format in it, or it needs a passphrase");
  if (SSL_CTX_get0_certificate(context_.get()) == nullptr) return;
  if (SSL_CTX_use_PrivateKey(context_.get(), key.get()) != 1 ||
      SSL_CTX_check_private_key(context_.get()) != 1) {
    ERR_clear_error();
    problem("key", settings_->key, "this private key does not belong to the certificate");
  }
}

void Builder::set_client_ca() {
  X509_STORE* store = SSL_CTX_get_cert_store(context_.get());
  // As in Go: whatever is in the file is trusted, whether it signed itself or not.
  X509_STORE_set_flags(store, X509_V_FLAG_PARTIAL_CHAIN);
  if (!settings_->client_ca.given()) {
    SSL_CTX_set_default_verify_paths(context_.get());
    return;
  }
  for (const Certificate& one : certificates("client_ca", settings_->client_ca)) {
    X509_STORE_add_cert(store, one.get());
    SSL_CTX_add_client_CA(context_.get(), one.get());
  }
}

void Builder::set_client_rules() {
  const ClientAuth auth = settings_->client_auth;
  if (auth == ClientAuth::none) return;
  const bool verified =
      auth == ClientAuth::verify_if_given || auth == ClientAuth::require_and_verify;
  const bool required = auth == ClientAuth::require_any || auth == ClientAuth::require_and_verify;
  if (verified) set_client_ca();
  static const int kIndex = SSL_CTX_get_ex_new_index(0, nullptr, nullptr, nullptr, free_rules);
  auto rules = std::make_unique<ClientRules>(ClientRules{verified, settings_->client_allowed_sans});
  SSL_CTX_set_cert_verify_callback(context_.get(), verify_client, rules.get());
  SSL_CTX_set_ex_data(context_.get(), kIndex, rules.release());
  SSL_CTX_set_verify(context_.get(),
                     SSL_VERIFY_PEER | (required ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0), nullptr);
}

void Builder::set_parameters() {
  SSL_CTX* context = context_.get();
  const auto number = [](TlsVersion version) {
    return version == TlsVersion::tls13 ? TLS1_3_VERSION : TLS1_2_VERSION;
  };
  SSL_CTX_set_min_proto_version(context, number(settings_->min_version));
  SSL_CTX_set_max_proto_version(context, number(settings_->max_version));
  // Scrapers do not resume sessions, so tickets would be sent for nothing. Each client shows its
  // certificate each time.
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_num_tickets(context, 0);
  SSL_CTX_set_options(context, SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
  if (settings_->prefer_server_ciphers)
    SSL_CTX_set_options(context, SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA);
  SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                                SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_CTX_set_alpn_select_cb(context, choose_protocol, nullptr);
  const std::string ciphers = settings_->ciphers.empty()
                                  ? "ECDHE+AESGCM:ECDHE+CHACHA20:ECDHE+AES+SHA1"
                                  : fmt::format("{}", fmt::join(settings_->ciphers, ":"));
  const std::string groups = settings_->groups.empty()
                                 ? "X25519:P-256:P-384:P-521"
                                 : fmt::format("{}", fmt::join(settings_->groups, ":"));
  // As in Go: the quicker of two that are safe comes first, and a client without hardware for AES
  // says so by putting ChaCha20 first.
  SSL_CTX_set_ciphersuites(
      context, "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256");
  if (SSL_CTX_set_cipher_list(context, ciphers.c_str()) != 1)
    made_.problems.push_back("cipher_suites: OpenSSL has none of them: " + last_reason());
  // The macro casts const away by itself, which compilers warn of.
  if (SSL_CTX_set1_groups_list(context, const_cast<char*>(groups.c_str())) != 1)
    made_.problems.push_back("curve_preferences: OpenSSL lacks one of them: " + last_reason());
}

TlsContextMade Builder::build() {
  if (!context_) return {nullptr, {"OpenSSL is out of memory"}};
  ERR_clear_error();
  set_parameters();
  set_certificate();
  set_key();
  set_client_rules();
  if (made_.problems.empty()) made_.context = std::move(context_);
  return std::move(made_);
}

}  // namespace

TlsContextMade make_tls_context(const TlsSettings& settings, const std::string& folder) {
  return Builder(settings, folder).build();
}

std::vector<std::string> tls_files(const TlsSettings& settings, const std::string& folder) {
  std::vector<std::string> files;
  for (const Pem* pem : {&settings.certificate, &settings.key, &settings.client_ca})
    if (!pem->file.empty()) files.push_back(path_of(pem->file, folder));
  return files;
}

}  // namespace wgscope::exporter::http
