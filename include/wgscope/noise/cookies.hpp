#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "wgscope/base/random.hpp"
#include "wgscope/base/secret.hpp"
#include "wgscope/base/time.hpp"
#include "wgscope/crypto/blake2s.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/model/public_key.hpp"
#include "wgscope/wire/message.hpp"

// mac1, mac2 and cookies (whitepaper §5.4.4, §5.4.7): what lets a responder refuse work cheaply.
// The same code serves initiations and responses, so messages are passed as the spans before and of
// their macs.

namespace wgscope::noise {

inline constexpr std::chrono::seconds kCookieSecretLife{120};  // whitepaper §5.4.7
/// A cookie is used for five seconds less than its secret lives (kernel, cookie.c), so that none
/// arrives stale.
inline constexpr std::chrono::seconds kCookieUse{115};

/// The two keys that follow from a public key: they prove that a sender knows it.
struct MacKeys {
  crypto::Hash mac1;    ///< HASH("mac1----" || public key)
  crypto::Hash cookie;  ///< HASH("cookie--" || public key)

  static MacKeys of(const PublicKey& key);
};

/// A message that ends with mac1 and mac2.
template <class Byte>
struct MacedMessage {
  std::span<Byte> bytes;  ///< the whole message

  [[nodiscard]] std::span<Byte> before_mac1() const {
    return bytes.first(bytes.size() - 2 * wire::kMacSize);
  }
  [[nodiscard]] std::span<Byte, 16> mac1() const {
    return std::span<Byte, 16>(bytes.subspan(bytes.size() - 2 * wire::kMacSize, 16));
  }
  [[nodiscard]] std::span<Byte> before_mac2() const {
    return bytes.first(bytes.size() - wire::kMacSize);
  }
  [[nodiscard]] std::span<Byte, 16> mac2() const {
    return std::span<Byte, 16>(bytes.last(wire::kMacSize));
  }
};

/// Whether mac1 is right: the sender knows our public key. `ours` are our own keys.
[[nodiscard]] bool mac1_is_valid(const MacKeys& ours, MacedMessage<const std::byte> message);

/// The receiving side: hands out cookies and knows them again.
class CookieIssuer {
 public:
  explicit CookieIssuer(const PublicKey& ours);

  /// Whether mac2 was made with a cookie that we gave to this source, address and port, at most 120
  /// s ago.
  [[nodiscard]] bool mac2_is_valid(Instant now, const Endpoint& from,
                                   MacedMessage<const std::byte> message) const;

  /// Answers `message`, whose mac1 was valid, with a cookie for its source.
  /// @param receiver  the sender index of `message`, as its bytes.
  void write_reply(Instant now, const Endpoint& from, MacedMessage<const std::byte> message,
                   std::span<const std::byte, 4> receiver, Random& random,
                   std::span<std::byte, wire::kCookieReplySize> out);

 private:
  [[nodiscard]] crypto::Mac cookie_for(const Endpoint& from) const;

  MacKeys keys_;
  Secret<32> secret_;
  std::optional<Instant> made_;  ///< when `secret_` was made; nothing: no reply was sent yet
};

/// The sending side of one peer: adds macs, and takes cookies.
class CookieJar {
 public:
  explicit CookieJar(const PublicKey& theirs);

  /// Writes mac1, and mac2 if a fresh cookie is there (else zero), and remembers mac1 for the reply
  /// that may come.
  void add_macs(Instant now, MacedMessage<std::byte> message);

  /// Takes the cookie out of a reply to the last message that add_macs() finished. Each message
  /// takes one reply.
  /// @returns false if it is none.
  [[nodiscard]] bool take_reply(Instant now, wire::CookieReply reply);

 private:
  MacKeys keys_;
  /// mac1 of the last message, which a reply must fit; nothing: it had its reply.
  std::optional<crypto::Mac> last_mac1_;
  crypto::Mac cookie_{};
  std::optional<Instant> taken_;  ///< when `cookie_` came; nothing: there is none
};

}  // namespace wgscope::noise
