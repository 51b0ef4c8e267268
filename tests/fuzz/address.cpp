// Addresses, endpoints and prefixes: parsing agrees with libc, and what is printed is read back as
// the same.

#include "wgscope/model/address.hpp"

#include <arpa/inet.h>
#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "fuzz.hpp"

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace wgscope;
  const std::string_view text = fuzz::as_text(data, size);

  const auto address = IpAddress::parse(text);
  const std::string terminated(text);
  std::array<std::byte, 16> bytes{};
  if (text.find('\0') == std::string_view::npos) {
    const bool v4 = inet_pton(AF_INET, terminated.c_str(), bytes.data()) == 1;
    const bool v6 = !v4 && inet_pton(AF_INET6, terminated.c_str(), bytes.data()) == 1;
    WGSCOPE_PROMISE(address.has_value() == (v4 || v6));
    WGSCOPE_PROMISE(!address || (address->bytes == bytes && (address->family == Family::v4) == v4));
  } else {
    WGSCOPE_PROMISE(!address);
  }
  WGSCOPE_PROMISE(!address || IpAddress::parse(address->to_string()).value() == *address);

  if (const auto endpoint = Endpoint::parse(text)) {
    WGSCOPE_PROMISE(Endpoint::parse(endpoint->to_string()).value() == *endpoint);
  }
  if (const auto prefix = Prefix::parse(text)) {
    WGSCOPE_PROMISE(prefix->bits <= (prefix->address.family == Family::v4 ? 32 : 128));
    WGSCOPE_PROMISE(Prefix::parse(prefix->to_string()).value() == *prefix);
  }
  return 0;
}
