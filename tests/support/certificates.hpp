#pragma once

#include <string>
#include <vector>

namespace wgscope::test {

/// In PEM format.
struct Certificate {
  std::string certificate;
  std::string key;
};

struct CertificateOptions {
  std::string name = "localhost";                                  ///< common name
  std::vector<std::string> sans{"DNS:localhost", "IP:127.0.0.1"};  ///< as OpenSSL writes them
  bool rsa = false;  ///< RSA of 2048 bits instead of P-256
  long days = 1;     ///< that it is still valid; negative: it has ended
};

/// A new key, and a certificate that it signs itself. Throws if OpenSSL fails.
Certificate make_certificate(const CertificateOptions& options = {});

}  // namespace wgscope::test
