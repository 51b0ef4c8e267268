#include "exporter/http/bcrypt.hpp"

#include <algorithm>
#include <crypt.h>
#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include <fmt/core.h>
#include <sodium/utils.h>

#include "wgscope/base/secret_string.hpp"
#include "wgscope/crypto/blake2s.hpp"

namespace wgscope::exporter::http {
namespace {

constexpr std::size_t kHashSize = 60;  // $2b$, two digits, $, 22 of salt and 31 of the hash
constexpr std::size_t kCostAt = 4;
constexpr int kLeastCost = 4;
constexpr int kMostCost = 31;

bool is_digit(char c) { return c >= '0' && c <= '9'; }

bool is_bcrypt_base64(char c) {
  return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '.' || c == '/';
}

}  // namespace

std::optional<std::string> problem_of_bcrypt(std::string_view hash) {
  if (hash.size() < kHashSize)
    return fmt::format("the hash is too short to be a bcrypt hash: expected {} characters",
                       kHashSize);
  if (hash.size() > kHashSize)
    return fmt::format("the hash is too long to be a bcrypt hash: expected {} characters",
                       kHashSize);
  if (!hash.starts_with("$2") || std::string_view("abxy").find(hash[2]) == std::string_view::npos ||
      hash[3] != '$')
    return "the hash is not a bcrypt hash: expected $2a$, $2b$, $2x$ or $2y$ at its beginning";
  if (!is_digit(hash[4]) || !is_digit(hash[5]) || hash[6] != '$' ||
      bcrypt_cost(hash) < kLeastCost || bcrypt_cost(hash) > kMostCost)
    return "the hash has no valid cost: expected two digits from 04 to 31 after the first part";
  if (!std::ranges::all_of(hash.substr(kCostAt + 3), is_bcrypt_base64))
    return "the hash has a character that no bcrypt hash has";
  return std::nullopt;
}

int bcrypt_cost(std::string_view hash) {
  return (hash[kCostAt] - '0') * 10 + (hash[kCostAt + 1] - '0');
}

bool verify_bcrypt(const SecretString& password, const std::string& hash) {
  const auto wipe = [](crypt_data* data) {
    sodium_memzero(data, sizeof *data);
    delete data;
  };
  const std::unique_ptr<crypt_data, decltype(wipe)> data(new crypt_data{}, wipe);
  SecretString phrase;
  phrase.reserve(password.size() + 1);
  phrase.append(password.view());
  phrase.append(std::string_view("\0", 1));
  // NOLINTNEXTLINE(bugprone-suspicious-stringview-data-usage): it ends with the NUL added above
  const char* made = crypt_r(phrase.view().data(), hash.c_str(), data.get());
  // What crypt_r() returns when it fails begins with an asterisk and is shorter.
  if (made == nullptr || std::string_view(made).size() != hash.size()) return false;
  return crypto::equal(std::as_bytes(std::span(made, hash.size())),
                       std::as_bytes(std::span(hash.data(), hash.size())));
}

}  // namespace wgscope::exporter::http
