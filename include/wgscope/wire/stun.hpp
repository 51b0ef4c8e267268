#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "wgscope/base/result.hpp"
#include "wgscope/model/address.hpp"

// STUN messages (RFC 8489) with the attributes that show what a NAT does (RFC 5780), and those by
// which servers of the first version (RFC 3489) say the same.

namespace wgscope::wire {

inline constexpr std::size_t kStunHeaderSize = 20;        // RFC 8489 §5
inline constexpr std::uint32_t kStunMagic = 0x2112'a442;  // RFC 8489 §5
inline constexpr std::uint16_t kStunPort = 3478;          // RFC 8489 §8
inline constexpr std::uint16_t kStunBinding = 0x001;      // RFC 8489 §18.2

enum class StunClass : std::uint8_t { request, indication, success, error };

/// Ties an answer to its request. It is random, because a sender that guesses it could forge one.
using StunTransaction = std::array<std::byte, 12>;

/// From where the answer is wanted (CHANGE-REQUEST, RFC 5780 §7.2).
struct StunChange {
  bool address = false;
  bool port = false;

  friend bool operator==(const StunChange&, const StunChange&) = default;
};

struct StunMessage {
  StunClass kind = StunClass::request;
  std::uint16_t method = kStunBinding;  ///< a number of 12 bits, such as kStunBinding
  StunTransaction transaction{};

  std::optional<Endpoint> xor_mapped = {};    ///< XOR-MAPPED-ADDRESS: where the request came from
  std::optional<Endpoint> plain_mapped = {};  ///< MAPPED-ADDRESS, which NATs are known to rewrite
  std::optional<Endpoint> other = {};         ///< OTHER-ADDRESS, or RFC 3489's CHANGED-ADDRESS
  std::optional<Endpoint> origin = {};        ///< RESPONSE-ORIGIN, or RFC 3489's SOURCE-ADDRESS
  std::optional<StunChange> change = {};      ///< CHANGE-REQUEST: from where the answer is wanted
  std::optional<std::uint16_t> response_port = {};  ///< RESPONSE-PORT; its length may be 2 or 4
  std::optional<std::uint16_t> error_code = {};     ///< ERROR-CODE, from 300 to 699
  bool fingerprint = false;                         ///< FINGERPRINT is present and correct

  /// Attributes that must be understood and are not: such an answer is none (RFC 8489 §6.3.3).
  std::vector<std::uint16_t> not_understood = {};

  /// The source of the request as the server saw it. Nothing: the message does not say.
  [[nodiscard]] std::optional<Endpoint> mapped() const {
    return xor_mapped ? xor_mapped : plain_mapped;
  }

  friend bool operator==(const StunMessage&, const StunMessage&) = default;
};

/// Reads one datagram. Of attributes that are there twice the first counts (RFC 8489 §14);
/// behind MESSAGE-INTEGRITY nothing counts but FINGERPRINT. Keys are not known here, so
/// integrity is not checked.
/// @returns truncated, bad_length, bad_value (no STUN; a FINGERPRINT that is wrong).
Result<StunMessage> parse_stun(std::span<const std::byte> datagram);

/// Whether bytes may be a STUN message at all, which tells it from WireGuard's on the same port:
/// theirs begin with 1 to 4 and three zeros, and have no magic cookie.
bool looks_like_stun(std::span<const std::byte> datagram);

struct StunReply {
  Endpoint to;
  std::vector<std::byte> bytes;
};

/// What a server with one address and port answers to a binding request: what the source looks
/// like, to the port that RESPONSE-PORT names, at the source's address and no other. Error 420
/// where CHANGE-REQUEST wants it from another place (RFC 5780 §6.1) or an attribute is not
/// understood (RFC 8489 §6.3.1; without the list of those, so that an answer is at most 24 bytes
/// longer than what asked for it). Keeps nothing.
/// @returns nothing for any other datagram, answers among them, as those would go round for ever.
std::optional<StunReply> answer_binding(std::span<const std::byte> datagram, const Endpoint& from);

/// Writes a message, without `not_understood`. FINGERPRINT comes last, where it is wanted.
std::vector<std::byte> build_stun(const StunMessage& message);

}  // namespace wgscope::wire
