#include "wgscope/wire/stun.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "wgscope/base/bytes.hpp"
#include "wgscope/base/result.hpp"
#include "wgscope/model/address.hpp"

namespace wgscope::wire {
namespace {

constexpr std::size_t kAttributeHeader = 4;

// RFC 8489 §18.3, RFC 5780 §9.1, RFC 3489 §11.2.
enum Attribute : std::uint16_t {
  kMappedAddress = 0x0001,
  kResponseAddress = 0x0002,
  kChangeRequest = 0x0003,
  kSourceAddress = 0x0004,
  kChangedAddress = 0x0005,
  kUsername = 0x0006,
  kMessageIntegrity = 0x0008,
  kErrorCode = 0x0009,
  kUnknownAttributes = 0x000a,
  kReflectedFrom = 0x000b,
  kRealm = 0x0014,
  kNonce = 0x0015,
  kMessageIntegritySha256 = 0x001c,
  kPasswordAlgorithm = 0x001d,
  kUserhash = 0x001e,
  kXorMappedAddress = 0x0020,
  kPadding = 0x0026,
  kResponsePort = 0x0027,
  kFirstOptional = 0x8000,  // from here on what is not understood is skipped
  kFingerprint = 0x8028,
  kResponseOrigin = 0x802b,
  kOtherAddress = 0x802c,
};

constexpr std::uint16_t kUnknownAttribute = 420;         // RFC 8489 §14.8
constexpr std::uint32_t kChangeAddressBit = 0x4;         // RFC 5780 §7.2
constexpr std::uint32_t kChangePortBit = 0x2;            // RFC 5780 §7.2
constexpr std::uint32_t kFingerprintMask = 0x5354'554e;  // RFC 8489 §14.7

constexpr auto kCrcTable = [] {
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t i = 0; i < table.size(); ++i) {
    std::uint32_t crc = i;
    for (int bit = 0; bit < 8; ++bit)
      crc = (crc >> 1U) ^ ((crc & 1U) != 0 ? 0xedb8'8320U : 0U);  // ITU-T V.42, reflected
    table[i] = crc;
  }
  return table;
}();

std::uint32_t fingerprint_of(std::span<const std::byte> bytes) {
  std::uint32_t crc = 0xffff'ffff;
  for (const std::byte byte : bytes)
    crc = (crc >> 8U) ^ kCrcTable[(crc ^ std::to_integer<std::uint32_t>(byte)) & 0xffU];
  return ~crc ^ kFingerprintMask;
}

/// What XOR-MAPPED-ADDRESS is mixed with: the magic cookie, then the transaction.
std::array<std::byte, 16> xor_key(const StunTransaction& transaction) {
  std::array<std::byte, 16> key{};
  store_be32(std::span(key).first<4>(), kStunMagic);
  std::ranges::copy(transaction, key.begin() + 4);
  return key;
}

void mix(Endpoint& endpoint, const StunTransaction& transaction) {
  const auto key = xor_key(transaction);
  endpoint.port ^= static_cast<std::uint16_t>(kStunMagic >> 16U);
  const std::size_t size = endpoint.address.octets().size();
  for (std::size_t i = 0; i < size; ++i) endpoint.address.bytes[i] ^= key[i];
}

/// RFC 8489 §14.1. Nothing where the length is not the family's.
std::optional<Endpoint> read_address(std::span<const std::byte> value) {
  if (value.size() != 8 && value.size() != 20) return std::nullopt;
  Endpoint endpoint;
  endpoint.address.family = value.size() == 8 ? Family::v4 : Family::v6;
  if (value[1] != (value.size() == 8 ? std::byte{1} : std::byte{2})) return std::nullopt;
  endpoint.port = load_be16(value.subspan(2).first<2>());
  std::ranges::copy(value.subspan(4), endpoint.address.bytes.begin());
  return endpoint;
}

class Parser {
 public:
  explicit Parser(std::span<const std::byte> datagram) : datagram_(datagram) {}

  Result<StunMessage> parse();

 private:
  Result<> attribute(std::uint16_t type, std::size_t at, std::span<const std::byte> value);
  Result<> endpoint(std::optional<Endpoint>& into, std::span<const std::byte> value, bool mixed);
  Result<> number(std::uint16_t type, std::span<const std::byte> value);
  Result<> error_code(std::span<const std::byte> value);
  Result<> fingerprint(std::size_t at, std::span<const std::byte> value);

  std::span<const std::byte> datagram_;
  StunMessage message_;
  bool sealed_ = false;  ///< MESSAGE-INTEGRITY was there
};

Result<StunMessage> Parser::parse() {
  if (datagram_.size() < kStunHeaderSize) return fail(Errc::truncated, "STUN header");
  if (!looks_like_stun(datagram_)) return fail(Errc::bad_value, "no STUN message");
  const std::size_t length = load_be16(datagram_.subspan(2).first<2>());
  if (length % 4 != 0 || kStunHeaderSize + length != datagram_.size())
    return fail(Errc::bad_length, "STUN message length");
  const unsigned type = load_be16(datagram_.first<2>());
  // Two bits of class lie among the twelve of the method (RFC 8489 §5).
  message_.kind = static_cast<StunClass>(((type >> 7U) & 2U) | ((type >> 4U) & 1U));
  message_.method =
      static_cast<std::uint16_t>((type & 0xfU) | ((type >> 1U) & 0x70U) | ((type >> 2U) & 0xf80U));
  std::ranges::copy(datagram_.subspan(8, 12), message_.transaction.begin());

  for (std::size_t at = kStunHeaderSize; at < datagram_.size();) {
    const auto rest = datagram_.subspan(at);  // at least four bytes: lengths are multiples of it
    const std::uint16_t attribute_type = load_be16(rest.first<2>());
    const std::size_t size = load_be16(rest.subspan(2).first<2>());
    const std::size_t padded = (size + 3) & ~std::size_t{3};
    if (kAttributeHeader + padded > rest.size()) return fail(Errc::truncated, "STUN attribute");
    if (auto read = attribute(attribute_type, at, rest.subspan(kAttributeHeader, size)); !read)
      return tl::unexpected(read.error());
    at += kAttributeHeader + padded;
  }
  return message_;
}

Result<> Parser::attribute(std::uint16_t type, std::size_t at, std::span<const std::byte> value) {
  if (type == kFingerprint) return fingerprint(at, value);
  if (sealed_) return {};
  switch (type) {
    case kXorMappedAddress: return endpoint(message_.xor_mapped, value, true);
    case kMappedAddress: return endpoint(message_.plain_mapped, value, false);
    case kOtherAddress:
    case kChangedAddress: return endpoint(message_.other, value, false);
    case kResponseOrigin:
    case kSourceAddress: return endpoint(message_.origin, value, false);
    case kChangeRequest:
    case kResponsePort: return number(type, value);
    case kErrorCode: return error_code(value);
    case kMessageIntegrity:
    case kMessageIntegritySha256: sealed_ = true; return {};
    case kResponseAddress:
    case kUsername:
    case kUnknownAttributes:
    case kReflectedFrom:
    case kRealm:
    case kNonce:
    case kPasswordAlgorithm:
    case kUserhash:
    case kPadding: return {};
    default:
      if (type < kFirstOptional) message_.not_understood.push_back(type);
      return {};
  }
}

Result<> Parser::endpoint(std::optional<Endpoint>& into, std::span<const std::byte> value,
                          bool mixed) {
  auto read = read_address(value);
  if (!read) return fail(Errc::bad_length, "STUN address");
  if (into) return {};
  if (mixed) mix(*read, message_.transaction);
  into = *read;
  return {};
}

Result<> Parser::number(std::uint16_t type, std::span<const std::byte> value) {
  if (type == kResponsePort) {
    // RFC 5780 §7.5 says two bytes and padding; some servers take the padding for a part of it.
    if (value.size() != 2 && value.size() != 4) return fail(Errc::bad_length, "RESPONSE-PORT");
    if (!message_.response_port) message_.response_port = load_be16(value.first<2>());
    return {};
  }
  if (value.size() != 4) return fail(Errc::bad_length, "CHANGE-REQUEST");
  const std::uint32_t flags = load_be32(value.first<4>());
  if (!message_.change)
    message_.change = {(flags & kChangeAddressBit) != 0, (flags & kChangePortBit) != 0};
  return {};
}

Result<> Parser::error_code(std::span<const std::byte> value) {
  if (value.size() < 4) return fail(Errc::bad_length, "STUN error code");
  const unsigned hundreds = std::to_integer<unsigned>(value[2]) & 7U;
  const auto rest = std::to_integer<unsigned>(value[3]);
  if (hundreds < 3 || hundreds > 6 || rest > 99) return fail(Errc::bad_value, "STUN error code");
  if (!message_.error_code) message_.error_code = static_cast<std::uint16_t>(hundreds * 100 + rest);
  return {};
}

Result<> Parser::fingerprint(std::size_t at, std::span<const std::byte> value) {
  if (value.size() != 4) return fail(Errc::bad_length, "STUN fingerprint");
  if (at + kAttributeHeader + 4 != datagram_.size() ||
      fingerprint_of(datagram_.first(at)) != load_be32(value.first<4>()))
    return fail(Errc::bad_value, "STUN fingerprint");
  message_.fingerprint = true;
  return {};
}

class Builder {
 public:
  explicit Builder(const StunMessage& message) : message_(message) {
    const unsigned method = message.method;
    const auto kind = static_cast<unsigned>(message.kind);
    be16((method & 0xfU) | ((method & 0x70U) << 1U) | ((method & 0xf80U) << 2U) |
         ((kind & 1U) << 4U) | ((kind & 2U) << 7U));
    be16(0);  // the length, which done() knows
    be32(kStunMagic);
    bytes_.insert(bytes_.end(), message.transaction.begin(), message.transaction.end());
  }

  void endpoint(Attribute type, const std::optional<Endpoint>& endpoint) {
    if (!endpoint) return;
    const auto octets = endpoint->address.octets();
    be16(type);
    be16(static_cast<unsigned>(4 + octets.size()));
    be16(endpoint->address.family == Family::v4 ? 1 : 2);
    be16(endpoint->port);
    bytes_.insert(bytes_.end(), octets.begin(), octets.end());
  }

  void number(Attribute type, unsigned size, std::uint32_t value) {
    be16(type);
    be16(size);
    be32(value);
  }

  std::vector<std::byte> done() {
    const std::size_t body = bytes_.size() - kStunHeaderSize + (message_.fingerprint ? 8 : 0);
    store_be16(std::span(bytes_).subspan(2).first<2>(), static_cast<std::uint16_t>(body));
    if (message_.fingerprint) number(kFingerprint, 4, fingerprint_of(bytes_));
    return std::move(bytes_);
  }

 private:
  void be16(unsigned value) {
    bytes_.push_back(static_cast<std::byte>(value >> 8U));
    bytes_.push_back(static_cast<std::byte>(value & 0xffU));
  }
  void be32(std::uint32_t value) {
    be16(value >> 16U);
    be16(value & 0xffffU);
  }

  const StunMessage& message_;
  std::vector<std::byte> bytes_;
};

}  // namespace

bool looks_like_stun(std::span<const std::byte> datagram) {
  return datagram.size() >= kStunHeaderSize && (datagram[0] & std::byte{0xc0}) == std::byte{0} &&
         load_be32(datagram.subspan(4).first<4>()) == kStunMagic;
}

Result<StunMessage> parse_stun(std::span<const std::byte> datagram) {
  return Parser(datagram).parse();
}

std::optional<StunReply> answer_binding(std::span<const std::byte> datagram, const Endpoint& from) {
  const auto request = parse_stun(datagram);
  if (!request || request->kind != StunClass::request || request->method != kStunBinding)
    return std::nullopt;
  StunReply reply{.to = from, .bytes = {}};
  StunMessage answer{.kind = StunClass::success, .transaction = request->transaction};
  answer.fingerprint = request->fingerprint;
  const bool elsewhere = request->change && (request->change->address || request->change->port);
  if (elsewhere || !request->not_understood.empty()) {
    answer.kind = StunClass::error;
    answer.error_code = kUnknownAttribute;
  } else {
    answer.xor_mapped = from;
    if (request->response_port) reply.to.port = *request->response_port;
  }
  if (reply.to.port == 0) return std::nullopt;  // nothing can be sent to port 0
  reply.bytes = build_stun(answer);
  return reply;
}

std::vector<std::byte> build_stun(const StunMessage& message) {
  Builder out(message);
  if (message.error_code)
    out.number(kErrorCode, 4, (*message.error_code / 100U) << 8U | *message.error_code % 100U);
  auto mixed = message.xor_mapped;
  if (mixed) mix(*mixed, message.transaction);
  out.endpoint(kXorMappedAddress, mixed);
  out.endpoint(kMappedAddress, message.plain_mapped);
  out.endpoint(kResponseOrigin, message.origin);
  out.endpoint(kOtherAddress, message.other);
  if (message.change)
    out.number(kChangeRequest, 4,
               (message.change->address ? kChangeAddressBit : 0U) |
                   (message.change->port ? kChangePortBit : 0U));
  if (message.response_port)
    out.number(kResponsePort, 4, std::uint32_t{*message.response_port} << 16U);
  return out.done();
}

}  // namespace wgscope::wire
