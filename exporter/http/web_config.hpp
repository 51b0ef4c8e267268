#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "wgscope/base/time.hpp"

// The file of --web.config.file: what exporters in Go read with exporter-toolkit, key for key
// (docs/web-configuration.md of github.com/prometheus/exporter-toolkit).

namespace wgscope::exporter::http {

/// A certificate or a private key: in a file, or as PEM text in the configuration.
struct Pem {
  std::string file;  ///< empty: it is in `text`
  std::string text;
  [[nodiscard]] bool given() const { return !file.empty() || !text.empty(); }
};

enum class TlsVersion : std::uint8_t { tls12, tls13 };

/// What is asked of clients; by the names that Go gives them.
enum class ClientAuth : std::uint8_t {
  none,
  request,             ///< a certificate is asked for, and not verified
  require_any,         ///< it must be there, and is not verified
  verify_if_given,     ///< it may be missing, but not be wrong
  require_and_verify,  ///< it must be there and right
};

struct TlsSettings {
  Pem certificate;
  Pem key;
  Pem client_ca;
  ClientAuth client_auth = ClientAuth::none;
  std::vector<std::string> client_allowed_sans;  ///< of which a client's certificate must have one
  TlsVersion min_version = TlsVersion::tls12;
  TlsVersion max_version = TlsVersion::tls13;
  std::vector<std::string> ciphers;  ///< OpenSSL's names, of TLS 1.2; empty: the usual ones
  bool prefer_server_ciphers = true;
  std::vector<std::string> groups;  ///< OpenSSL's names; empty: the usual ones
};

/// A bucket of `burst` requests, into which one more comes every `interval`.
struct RateLimit {
  Nanoseconds interval{0};  ///< 0: there is no limit
  std::uint32_t burst = 0;
  friend bool operator==(const RateLimit&, const RateLimit&) = default;
};

/// Users and the bcrypt hashes of their passwords.
using Users = std::map<std::string, std::string, std::less<>>;

struct WebConfig {
  std::optional<TlsSettings> tls;                            ///< nothing: plain HTTP
  Users users;                                               ///< empty: nobody needs to log in
  std::vector<std::pair<std::string, std::string>> headers;  ///< of all answers
  RateLimit rate_limit;
};

struct WebConfigProblem {
  std::uint32_t line = 0;  ///< from 1; 0: it has no place of its own
  std::uint32_t column = 0;
  std::string text;  ///< without values of the file, which may be secret
};

struct WebConfigRead {
  std::optional<WebConfig> config;  ///< nothing if there are errors
  std::vector<WebConfigProblem> errors;
  std::vector<WebConfigProblem> warnings;
};

inline constexpr std::size_t kMaxWebConfig = std::size_t{1} << 20U;

/// Reads the text of a configuration; no file that it names is looked at.
WebConfigRead parse_web_config(std::string_view text);

}  // namespace wgscope::exporter::http
