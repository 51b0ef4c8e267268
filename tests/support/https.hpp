#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "certificates.hpp"
#include "http.hpp"

namespace wgscope::test {

/// What a TLS client offers.
struct HttpsOptions {
  std::optional<Certificate> own = std::nullopt;  ///< that it shows when it is asked
  std::string trusted{};  ///< PEM of what the server must show; empty: anything
  int max_version = 0;    ///< OpenSSL's numbers, such as TLS1_2_VERSION; 0: all
  std::string ciphers{};  ///< of TLS 1.2, OpenSSL's names; empty: the usual ones
  std::string groups{};   ///< OpenSSL's names; empty: the usual ones
};

struct HttpsAnswer {
  std::optional<HttpResponse> response;
  std::string failure;   ///< OpenSSL's words, if there is no response
  std::string cipher;    ///< OpenSSL's name
  std::string protocol;  ///< what ALPN agreed on
};

/// Makes its settings once, which takes longer than a small answer.
class HttpsClient {
 public:
  explicit HttpsClient(const HttpsOptions& options = {});
  ~HttpsClient();
  HttpsClient(const HttpsClient&) = delete;
  HttpsClient& operator=(const HttpsClient&) = delete;

  /// One request on a connection of its own. What goes wrong with TLS is in the answer; everything
  /// else throws, as http() does.
  [[nodiscard]] HttpsAnswer ask(const HttpServer& server, const HttpRequest& request = {}) const;

 private:
  struct Context;
  std::unique_ptr<Context> context_;
};

/// One request on a connection of its own, as HttpsClient.
HttpsAnswer https(const HttpServer& server, const HttpRequest& request = {},
                  const HttpsOptions& options = {});

/// The value of an Authorization header.
std::string basic_login(std::string_view user, std::string_view password);

}  // namespace wgscope::test
