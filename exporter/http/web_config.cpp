#include "exporter/http/web_config.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "wgscope/base/closest.hpp"
#include "wgscope/base/duration.hpp"
#include "wgscope/base/time.hpp"
#include "wgscope/config/yaml_tree.hpp"

#include "exporter/http/bcrypt.hpp"

namespace wgscope::exporter::http {
namespace {

using config::YamlNode;
using config::YamlPlace;

constexpr std::size_t kMaxDepth = 16;
constexpr std::size_t kMaxValues = 100'000;

/// A word that the file may have, and what it means.
template <class Value>
struct Word {
  std::string_view name;
  Value value;
};

constexpr std::array<Word<ClientAuth>, 6> kClientAuths{{
    {"NoClientCert", ClientAuth::none},
    {"RequestClientCert", ClientAuth::request},
    {"RequireAnyClientCert", ClientAuth::require_any},
    {"RequireClientCert", ClientAuth::require_any},
    {"VerifyClientCertIfGiven", ClientAuth::verify_if_given},
    {"RequireAndVerifyClientCert", ClientAuth::require_and_verify},
}};

/// TLS 1.0 and 1.1 are raised to 1.2: RFC 8996 takes them out of use.
enum class NamedVersion : std::uint8_t { old, tls12, tls13 };
constexpr std::array<Word<NamedVersion>, 4> kVersions{{{"TLS10", NamedVersion::old},
                                                       {"TLS11", NamedVersion::old},
                                                       {"TLS12", NamedVersion::tls12},
                                                       {"TLS13", NamedVersion::tls13}}};

/// Those that Go calls secure, with OpenSSL's names; those of TLS 1.3 cannot be chosen.
constexpr std::array<Word<std::string_view>, 13> kCiphers{{
    {"TLS_AES_128_GCM_SHA256", ""},
    {"TLS_AES_256_GCM_SHA384", ""},
    {"TLS_CHACHA20_POLY1305_SHA256", ""},
    {"TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA", "ECDHE-ECDSA-AES128-SHA"},
    {"TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA", "ECDHE-ECDSA-AES256-SHA"},
    {"TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA", "ECDHE-RSA-AES128-SHA"},
    {"TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA", "ECDHE-RSA-AES256-SHA"},
    {"TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", "ECDHE-ECDSA-AES128-GCM-SHA256"},
    {"TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384", "ECDHE-ECDSA-AES256-GCM-SHA384"},
    {"TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", "ECDHE-RSA-AES128-GCM-SHA256"},
    {"TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", "ECDHE-RSA-AES256-GCM-SHA384"},
    {"TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256", "ECDHE-RSA-CHACHA20-POLY1305"},
    {"TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256", "ECDHE-ECDSA-CHACHA20-POLY1305"},
}};

constexpr std::array<Word<std::string_view>, 4> kCurves{
    {{"CurveP256", "P-256"}, {"CurveP384", "P-384"}, {"CurveP521", "P-521"}, {"X25519", "X25519"}}};

/// Headers that may be set, and their values; none: any value.
struct Header {
  std::string_view name;
  std::vector<std::string_view> values;
};
const std::array<Header, 5>& allowed_headers() {
  static const std::array<Header, 5> all{{{"Strict-Transport-Security", {}},
                                          {"X-Content-Type-Options", {"nosniff"}},
                                          {"X-Frame-Options", {"deny", "sameorigin"}},
                                          {"X-XSS-Protection", {}},
                                          {"Content-Security-Policy", {}}}};
  return all;
}

template <class List>
std::string names_of(const List& words) {
  std::vector<std::string_view> names;
  names.reserve(words.size());
  for (const auto& word : words) names.push_back(word.name);
  return fmt::format("{}", fmt::join(names, ", "));
}

class Reader {
 public:
  WebConfigRead read(std::string_view text);

 private:
  struct Field {
    std::string_view name;
    void (*read)(Reader& in, const YamlNode& value);
  };

  void error(YamlPlace at, std::string text) { add(read_.errors, at, std::move(text)); }
  void warn(YamlPlace at, std::string text) { add(read_.warnings, at, std::move(text)); }
  static void add(std::vector<WebConfigProblem>& to, YamlPlace at, std::string text) {
    to.push_back({at.line, at.column, std::move(text)});
  }

  template <class Each>
  void each_entry(const YamlNode& map, std::string_view what, Each each);
  void fields(const YamlNode& map, std::string_view what, std::span<const Field> known);
  std::optional<std::string> scalar(const YamlNode& value);
  void take_text(const YamlNode& value, std::string& into);
  std::optional<bool> flag(const YamlNode& value);
  std::vector<std::pair<YamlPlace, std::string>> list(const YamlNode& value);
  template <class Value, std::size_t n>
  std::optional<Value> word(YamlPlace at, const std::string& text,
                            const std::array<Word<Value>, n>& words, std::string_view what);

  void tls_section(const YamlNode& value);
  void http_section(const YamlNode& value);
  void rate_section(const YamlNode& value);
  void users_section(const YamlNode& value);
  void header_section(const YamlNode& value);
  void version(const YamlNode& value, TlsVersion& into);
  void client_auth(const YamlNode& value);
  void ciphers(const YamlNode& value);
  void curves(const YamlNode& value);
  void check_tls();

  WebConfig config_;
  WebConfigRead read_;
  TlsSettings tls_;
  YamlPlace tls_at_;
  bool has_auth_type_ = false;
};

/// Calls `each(key, position, value)`; a key that comes twice is an error.
template <class Each>
void Reader::each_entry(const YamlNode& map, std::string_view what, Each each) {
  if (map.is(YamlNode::Kind::missing)) return;
  if (!map.is(YamlNode::Kind::map))
    return error(map.at, fmt::format("{}: expected fields and values", what));
  std::vector<std::string> seen;
  for (std::size_t i = 0; i + 1 < map.items.size(); i += 2) {
    const YamlNode& name = map.items[i];
    const YamlPlace at = name.at;
    if (!name.is(YamlNode::Kind::text)) {
      error(at, fmt::format("{}: the name of a field must be text", what));
      continue;
    }
    const std::string& key = name.text;
    if (std::ranges::find(seen, key) != seen.end()) {
      error(at, fmt::format("{}: this field is given twice", what));
      continue;
    }
    seen.push_back(key);
    each(key, at, map.items[i + 1]);
  }
}

/// Names of fields that nobody knows are not repeated: they may be users, or a file's secrets.
void Reader::fields(const YamlNode& map, std::string_view what, std::span<const Field> known) {
  each_entry(map, what, [&](const std::string& key, YamlPlace at, const YamlNode& value) {
    const auto field = std::ranges::find(known, std::string_view(key), &Field::name);
    if (field != known.end()) return field->read(*this, value);
    std::vector<std::string> names;
    for (const Field& one : known) names.emplace_back(one.name);
    const std::string meant = did_you_mean(key, names);
    error(at, meant.empty()
                  ? fmt::format("{}: unknown field: there are {}", what, fmt::join(names, ", "))
                  : fmt::format("{}: unknown field{}", what, meant));
  });
}

/// Nothing: there is no value, or it was refused.
std::optional<std::string> Reader::scalar(const YamlNode& value) {
  if (value.is(YamlNode::Kind::missing)) return std::nullopt;
  if (value.is(YamlNode::Kind::text)) return value.text;
  error(value.at, "expected text, not a list or fields");
  return std::nullopt;
}

void Reader::take_text(const YamlNode& value, std::string& into) {
  if (auto text = scalar(value)) into = std::move(*text);
}

std::optional<bool> Reader::flag(const YamlNode& value) {
  const auto text = scalar(value);
  if (!text) return std::nullopt;
  constexpr std::array<std::string_view, 4> kYes{"true", "yes", "on", "y"};
  constexpr std::array<std::string_view, 4> kNo{"false", "no", "off", "n"};
  std::string word = *text;
  for (char& c : word)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  if (std::ranges::find(kYes, word) != kYes.end()) return true;
  if (std::ranges::find(kNo, word) != kNo.end()) return false;
  error(value.at, "expected true or false");
  return std::nullopt;
}

std::vector<std::pair<YamlPlace, std::string>> Reader::list(const YamlNode& value) {
  std::vector<std::pair<YamlPlace, std::string>> items;
  if (value.is(YamlNode::Kind::missing)) return items;
  if (!value.is(YamlNode::Kind::list)) {
    error(value.at, "expected a list");
    return items;
  }
  for (const YamlNode& item : value.items)
    if (auto text = scalar(item)) items.emplace_back(item.at, std::move(*text));
  return items;
}

template <class Value, std::size_t n>
std::optional<Value> Reader::word(YamlPlace at, const std::string& text,
                                  const std::array<Word<Value>, n>& words, std::string_view what) {
  const auto found = std::ranges::find(words, std::string_view(text), &Word<Value>::name);
  if (found != words.end()) return found->value;
  std::vector<std::string> names;
  names.reserve(words.size());
  for (const auto& one : words) names.emplace_back(one.name);
  const std::string meant = did_you_mean(text, names);
  error(at, meant.empty() ? fmt::format("{}: there are {}", what, names_of(words))
                          : fmt::format("{}{}", what, meant));
  return std::nullopt;
}

void Reader::tls_section(const YamlNode& value) {
  using R = Reader;
  using N = const YamlNode;
  static constexpr std::array<Field, 13> kFields{{
      {"cert_file", [](R& in, N& node) { in.take_text(node, in.tls_.certificate.file); }},
      {"cert", [](R& in, N& node) { in.take_text(node, in.tls_.certificate.text); }},
      {"key_file", [](R& in, N& node) { in.take_text(node, in.tls_.key.file); }},
      {"key", [](R& in, N& node) { in.take_text(node, in.tls_.key.text); }},
      {"client_ca_file", [](R& in, N& node) { in.take_text(node, in.tls_.client_ca.file); }},
      {"client_ca", [](R& in, N& node) { in.take_text(node, in.tls_.client_ca.text); }},
      {"client_auth_type", [](R& in, N& node) { in.client_auth(node); }},
      {"client_allowed_sans",
       [](R& in, N& node) {
         for (auto& [at, name] : in.list(node)) in.tls_.client_allowed_sans.push_back(name);
       }},
      {"min_version", [](R& in, N& node) { in.version(node, in.tls_.min_version); }},
      {"max_version", [](R& in, N& node) { in.version(node, in.tls_.max_version); }},
      {"cipher_suites", [](R& in, N& node) { in.ciphers(node); }},
      {"curve_preferences", [](R& in, N& node) { in.curves(node); }},
      {"prefer_server_cipher_suites",
       [](R& in, N& node) {
         in.tls_.prefer_server_ciphers = in.flag(node).value_or(in.tls_.prefer_server_ciphers);
       }},
  }};
  tls_at_ = value.at;
  fields(value, "tls_server_config", kFields);
  const bool on =
      tls_.certificate.given() || tls_.key.given() || tls_.client_ca.given() || has_auth_type_;
  if (!on) return;
  check_tls();
  config_.tls = std::move(tls_);
}

/// What belongs together.
void Reader::check_tls() {
  if (!tls_.certificate.given()) error(tls_at_, "missing one of cert or cert_file");
  if (!tls_.key.given()) error(tls_at_, "missing one of key or key_file");
  if (tls_.client_ca.given() && tls_.client_auth == ClientAuth::none)
    error(
        tls_at_,
        "client CA's have been configured without a Client Auth Policy: set client_auth_type, for "
        "example to RequireAndVerifyClientCert");
  if (tls_.min_version > tls_.max_version)
    error(tls_at_, "min_version is above max_version: no client could connect");
  const bool unverified =
      tls_.client_auth == ClientAuth::request || tls_.client_auth == ClientAuth::require_any;
  if (!tls_.client_allowed_sans.empty() && unverified)
    warn(tls_at_,
         "client_allowed_sans protects nothing with this client_auth_type: a client can make up a "
         "certificate with any name. Use RequireAndVerifyClientCert");
}

void Reader::client_auth(const YamlNode& value) {
  const auto text = scalar(value);
  if (!text || text->empty()) return;
  has_auth_type_ = true;
  tls_.client_auth =
      word(value.at, *text, kClientAuths, "invalid client_auth_type").value_or(ClientAuth::none);
}

void Reader::version(const YamlNode& value, TlsVersion& into) {
  const auto text = scalar(value);
  if (!text) return;
  const auto named = word(value.at, *text, kVersions, "unknown TLS version");
  if (!named) return;
  if (*named == NamedVersion::old)
    warn(value.at, "TLS 1.0 and 1.1 are not secure: TLS 1.2 is used instead");
  into = *named == NamedVersion::tls13 ? TlsVersion::tls13 : TlsVersion::tls12;
}

void Reader::ciphers(const YamlNode& value) {
  const auto names = list(value);
  for (const auto& [at, name] : names)
    if (const auto cipher = word(at, name, kCiphers, "unknown cipher"); cipher && !cipher->empty())
      tls_.ciphers.emplace_back(*cipher);
  // As in Go: with no suite of TLS 1.2 among them, nobody can speak TLS 1.2.
  if (!names.empty() && tls_.ciphers.empty()) tls_.min_version = TlsVersion::tls13;
}

void Reader::curves(const YamlNode& value) {
  for (const auto& [at, name] : list(value))
    if (const auto curve = word(at, name, kCurves, "unknown curve"))
      tls_.groups.emplace_back(*curve);
}

void Reader::http_section(const YamlNode& value) {
  static constexpr std::array<Field, 2> kFields{{
      // Accepted, and not offered: a scraper sends one request at a time.
      {"http2", [](Reader& in, const YamlNode& node) { static_cast<void>(in.flag(node)); }},
      {"headers", [](Reader& in, const YamlNode& node) { in.header_section(node); }},
  }};
  fields(value, "http_server_config", kFields);
}

void Reader::header_section(const YamlNode& value) {
  each_entry(value, "headers", [&](const std::string& name, YamlPlace at, const YamlNode& node) {
    const auto header = std::ranges::find(allowed_headers(), std::string_view(name), &Header::name);
    if (header == allowed_headers().end())
      return error(at,
                   "this header can not be configured: there are " + names_of(allowed_headers()));
    const auto text = scalar(node);
    if (!text || text->empty()) return;
    if (!header->values.empty() && std::ranges::find(header->values, *text) == header->values.end())
      return error(node.at, fmt::format("invalid value for {}: expected {}", name,
                                        fmt::join(header->values, " or ")));
    if (std::ranges::any_of(*text, [](unsigned char c) { return c < 0x20 || c == 0x7f; }))
      return error(node.at, "invalid value: it has a line break or another control character");
    config_.headers.emplace_back(name, *text);
  });
}

void Reader::rate_section(const YamlNode& value) {
  static constexpr std::array<Field, 2> kFields{{
      {"interval",
       [](Reader& in, const YamlNode& node) {
         const auto text = in.scalar(node);
         if (!text) return;
         const auto interval = parse_duration(*text);
         if (!interval) return in.error(node.at, "expected a duration such as 500ms or 1m30s");
         in.config_.rate_limit.interval = *interval;
       }},
      {"burst",
       [](Reader& in, const YamlNode& node) {
         const auto text = in.scalar(node);
         if (!text) return;
         std::uint32_t burst = 0;
         const char* end = text->data() + text->size();
         const auto read = std::from_chars(text->data(), end, burst);
         if (read.ec != std::errc{} || read.ptr != end)
           return in.error(node.at, "expected a number of requests");
         in.config_.rate_limit.burst = burst;
       }},
  }};
  fields(value, "rate_limit", kFields);
  if (config_.rate_limit.interval > Nanoseconds(0) && config_.rate_limit.burst == 0)
    warn(value.at, "rate_limit with a burst of 0 refuses every request");
}

void Reader::users_section(const YamlNode& value) {
  constexpr int kSlow = 14;  // 2 s for each login that is not remembered
  each_entry(value, "basic_auth_users",
             [&](const std::string& user, YamlPlace at, const YamlNode& node) {
               const std::string hash = scalar(node).value_or("");
               if (const auto problem = problem_of_bcrypt(hash))
                 return error(node.at, "basic_auth_users: " + *problem);
               if (user.find(':') != std::string::npos)
                 warn(at, "a user with a colon in the name can never log in");
               if (const int cost = bcrypt_cost(hash); cost > kSlow)
                 warn(node.at, fmt::format("a hash of cost {} keeps a processor busy for seconds "
                                           "at each login, and other logins waiting",
                                           cost));
               config_.users.emplace(user, hash);
             });
}

WebConfigRead Reader::read(std::string_view text) {
  static constexpr std::array<Field, 4> kFields{{
      {"tls_server_config", [](Reader& in, const YamlNode& node) { in.tls_section(node); }},
      {"http_server_config", [](Reader& in, const YamlNode& node) { in.http_section(node); }},
      {"basic_auth_users", [](Reader& in, const YamlNode& node) { in.users_section(node); }},
      {"rate_limit", [](Reader& in, const YamlNode& node) { in.rate_section(node); }},
  }};
  if (auto root = config::read_yaml_tree(text, kMaxDepth, kMaxValues))
    fields(*root, "the file", kFields);
  else
    error(root.error().at, std::move(root.error().text));
  if (read_.errors.empty()) read_.config = std::move(config_);
  return std::move(read_);
}

}  // namespace

WebConfigRead parse_web_config(std::string_view text) {
  if (text.size() > kMaxWebConfig) return {{}, {{0, 0, "the file is larger than 1 MiB"}}, {}};
  return Reader().read(text);
}

}  // namespace wgscope::exporter::http
