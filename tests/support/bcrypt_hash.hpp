#pragma once

#include <array>
#include <crypt.h>
#include <memory>
#include <stdexcept>
#include <string>

namespace wgscope::test {

/// A hash of a password, at the cost that is quickest. `prefix` such as "$2b$".
inline std::string bcrypt_of(const std::string& password, unsigned long cost = 4,
                             const char* prefix = "$2b$") {
  std::array<char, CRYPT_GENSALT_OUTPUT_SIZE> setting{};
  const auto data = std::make_unique<crypt_data>();
  if (crypt_gensalt_rn(prefix, cost, nullptr, 0, setting.data(), setting.size()) == nullptr)
    throw std::runtime_error("no salt");
  return crypt_r(password.c_str(), setting.data(), data.get());
}

}  // namespace wgscope::test
