#include "certificates.hpp"

#include <stdexcept>
#include <string>

#include <fmt/format.h>
#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "exporter/http/openssl_handles.hpp"

namespace wgscope::test {
namespace {

void require(bool done) {
  if (!done) throw std::runtime_error("OpenSSL cannot make a certificate");
}

std::string text_of(const openssl::Bio& bio) {
  char* memory = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &memory);
  return {memory, static_cast<std::size_t>(size)};
}

void fill_in(X509* certificate, EVP_PKEY* key, const CertificateOptions& options) {
  long serial = 0;
  require(RAND_bytes(reinterpret_cast<unsigned char*>(&serial), 4) == 1);
  require(X509_set_version(certificate, X509_VERSION_3) == 1);
  require(ASN1_INTEGER_set(X509_get_serialNumber(certificate), serial) == 1);
  constexpr long kDay = 86400;
  X509_gmtime_adj(X509_getm_notBefore(certificate), -30 * kDay);
  X509_gmtime_adj(X509_getm_notAfter(certificate), options.days * kDay);
  X509_NAME* name = X509_get_subject_name(certificate);
  require(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8,
                                     reinterpret_cast<const unsigned char*>(options.name.c_str()),
                                     -1, -1, 0) == 1);
  require(X509_set_issuer_name(certificate, name) == 1 && X509_set_pubkey(certificate, key) == 1);
  if (options.sans.empty()) return;
  const std::string sans = fmt::format("{}", fmt::join(options.sans, ","));
  const openssl::Extension extension(
      X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, sans.c_str()));
  require(extension && X509_add_ext(certificate, extension.get(), -1) == 1);
}

}  // namespace

Certificate make_certificate(const CertificateOptions& options) {
  const openssl::Key key(options.rsa ? EVP_RSA_gen(2048U)
                                     : EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "P-256"));
  const openssl::Certificate certificate(X509_new());
  require(key && certificate);
  fill_in(certificate.get(), key.get(), options);
  require(X509_sign(certificate.get(), key.get(), EVP_sha256()) > 0);
  const openssl::Bio certificate_text(BIO_new(BIO_s_mem()));
  const openssl::Bio key_text(BIO_new(BIO_s_mem()));
  require(PEM_write_bio_X509(certificate_text.get(), certificate.get()) == 1);
  require(PEM_write_bio_PrivateKey(key_text.get(), key.get(), nullptr, nullptr, 0, nullptr,
                                   nullptr) == 1);
  return {text_of(certificate_text), text_of(key_text)};
}

}  // namespace wgscope::test
