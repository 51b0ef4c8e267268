#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "wgscope/base/keys.hpp"
#include "wgscope/base/secret_string.hpp"
#include "wgscope/tunnel/interface.hpp"

// The serving side of the userspace configuration protocol, without sockets.
// Source: https://www.wireguard.com/xplatform/ "Configuration Protocol".

namespace wgscope::endpoint {

/// What the protocol tells of an interface beyond what the interface knows itself.
struct UapiIdentity {
  const PrivateKey* private_key = nullptr;
  std::uint16_t listen_port = 0;
};

/// The answer to get=1: keys in hexadecimal, one key=value a line, errno=0 and an empty line.
void write_get_answer(const UapiIdentity& identity, const tunnel::Interface& interface,
                      SecretString& out);

/// What a client asked for.
enum class UapiRequest : std::uint8_t {
  get,
  set,      ///< changing an endpoint from outside: not offered
  unknown,  ///< anything else
};

/// Reads one request: its lines up to an empty one.
class UapiRequestReader {
 public:
  /// A set of a large interface is long, and is read to its end before it is refused; more than
  /// this is not.
  static constexpr std::size_t kMaxSize = 1U << 20U;

  struct Fed {
    std::size_t used = 0;                  ///< bytes; what follows them belongs to the next request
    std::optional<UapiRequest> request{};  ///< once it is complete; unknown when it is too long
  };

  /// Takes what has arrived, up to the request's end. Make a new reader for the next one.
  Fed feed(std::span<const char> bytes);

 private:
  static constexpr std::size_t kFirstLine = 6;  ///< "get=1\n", "set=1\n"
  char first_[kFirstLine]{};
  std::size_t size_ = 0;
  bool after_newline_ = false;
};

/// errno of what is not offered and of what is not understood, as other implementations write it:
/// negative. `wg` shows their text.
inline constexpr std::string_view kNotSupportedAnswer = "errno=-95\n\n";
inline constexpr std::string_view kInvalidAnswer = "errno=-22\n\n";

}  // namespace wgscope::endpoint
