#include "exporter/http/credentials.hpp"

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <sodium/utils.h>

#include "wgscope/base/secret_string.hpp"
#include "wgscope/base/text.hpp"

namespace wgscope::exporter::http {

std::optional<Credentials> read_credentials(std::string_view authorization) {
  constexpr std::string_view kScheme = "Basic ";
  if (!iequals(authorization.substr(0, kScheme.size()), kScheme)) return std::nullopt;
  const std::string_view encoded = trim(authorization.substr(kScheme.size()));
  const auto wipe = [size = encoded.size() + 1](char* memory) {
    sodium_memzero(memory, size);
    delete[] memory;
  };
  const std::unique_ptr<char[], decltype(wipe)> memory(new char[encoded.size() + 1], wipe);
  std::size_t size = 0;
  // As there is no place to say where it stopped, it fails unless all of the text is base64.
  if (sodium_base642bin(reinterpret_cast<unsigned char*>(memory.get()), encoded.size() + 1,
                        encoded.data(), encoded.size(), nullptr, &size, nullptr,
                        sodium_base64_VARIANT_ORIGINAL) != 0)
    return std::nullopt;
  const std::string_view decoded(memory.get(), size);
  const std::size_t colon = decoded.find(':');
  if (colon == std::string_view::npos || decoded.find('\0') != std::string_view::npos)
    return std::nullopt;
  return Credentials{std::string(decoded.substr(0, colon)),
                     SecretString(decoded.substr(colon + 1))};
}

}  // namespace wgscope::exporter::http
