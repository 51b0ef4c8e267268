#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "wgscope/base/secret_string.hpp"

namespace wgscope::exporter::http {

/// A user's name and password, as a client gives them.
struct Credentials {
  std::string user;
  SecretString password;
};

/// Reads the value of an Authorization header of the scheme Basic (RFC 7617 §2). Nothing for another
/// scheme, text that is not base64 with its padding, and a name or password with a NUL byte: crypt(3)
/// would take the password to end there.
std::optional<Credentials> read_credentials(std::string_view authorization);

}  // namespace wgscope::exporter::http
