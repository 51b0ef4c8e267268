#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "wgscope/base/keys.hpp"
#include "wgscope/base/secret_string.hpp"
#include "wgscope/tunnel/interface.hpp"

// The server side of the userspace configuration protocol, without sockets.
// Source: https://www.wireguard.com/xplatform/ "Configuration Protocol".

namespace wgscope::endpoint {

/// What the protocol shows of an interface, but tunnel::Interface does not know.
struct UapiIdentity {
  const PrivateKey* private_key = nullptr;
  std::uint16_t listen_port = 0;
};

/// Writes the answer to get=1: one key=value per line with keys in hexadecimal, then errno=0 and an
/// empty line.
void write_get_answer(const UapiIdentity& identity, const tunnel::Interface& interface,
                      SecretString& out);

/// What a client requested.
enum class UapiRequest : std::uint8_t {
  get,
  set,      ///< to change the endpoint from outside, which is not supported
  unknown,  ///< anything else
};

/// Reads one request, which is all lines up to an empty one.
class UapiRequestReader {
 public:
  /// Bytes. A `set` of a large interface is long, and it is read to its end before it is refused,
  /// but not beyond this size.
  static constexpr std::size_t kMaxSize = 1U << 20U;

  struct Fed {
    std::size_t used = 0;                  ///< bytes; those that follow belong to the next request
    std::optional<UapiRequest> request{};  ///< once it is complete; unknown: also if it is too long
  };

  /// Takes bytes that arrived, up to the end of the request. Use a new reader for the next request.
  Fed feed(std::span<const char> bytes);

 private:
  static constexpr std::size_t kFirstLine = 6;  ///< "get=1\n", "set=1\n"
  char first_[kFirstLine]{};
  std::size_t size_ = 0;
  bool after_newline_ = false;
};

/// The answers to requests that are not supported (EOPNOTSUPP) and not understood (EINVAL). The
/// errno is negative, as other implementations write it; `wg` shows its text.
inline constexpr std::string_view kNotSupportedAnswer = "errno=-95\n\n";
inline constexpr std::string_view kInvalidAnswer = "errno=-22\n\n";

}  // namespace wgscope::endpoint
