#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "wgscope/base/secret_string.hpp"

namespace wgscope::exporter::http {

/// What is wrong with the shape of a bcrypt hash; nothing if crypt(3) can verify it. The text has
/// nothing of the hash.
std::optional<std::string> problem_of_bcrypt(std::string_view hash);

/// Two to the power of it is how often the hash's key is worked on.
/// @param hash  of the right shape.
int bcrypt_cost(std::string_view hash);

/// Whether this is the password: takes 0.1 s at cost 10, and twice as long for each step more. As in
/// every bcrypt, only the first 72 bytes of a password count.
/// @param password  without NUL bytes. @param hash  of the right shape.
bool verify_bcrypt(const SecretString& password, const std::string& hash);

}  // namespace wgscope::exporter::http
