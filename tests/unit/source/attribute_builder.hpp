#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include <linux/netlink.h>
#include <linux/wireguard.h>

namespace wgscope::netlink::testing {

using Bytes = std::vector<std::byte>;

inline Bytes repeat(std::size_t size, unsigned char value) { return Bytes(size, std::byte{value}); }

template <class T>
  requires std::is_trivially_copyable_v<T>
Bytes bytes_of(const T& value) {
  Bytes bytes(sizeof value);
  std::memcpy(bytes.data(), &value, sizeof value);
  return bytes;
}

inline Bytes join(std::initializer_list<Bytes> parts) {
  Bytes all;
  for (const Bytes& part : parts) all.insert(all.end(), part.begin(), part.end());
  return all;
}

/// Attributes one after the other, as the kernel lays them out: length, type, payload, padding to
/// four bytes.
class Attributes {
 public:
  Attributes& put(std::uint16_t type, std::span<const std::byte> payload) {
    const nlattr header{static_cast<std::uint16_t>(sizeof(nlattr) + payload.size()), type};
    const Bytes start = bytes_of(header);
    bytes_.insert(bytes_.end(), start.begin(), start.end());
    bytes_.insert(bytes_.end(), payload.begin(), payload.end());
    while (bytes_.size() % NLA_ALIGNTO != 0) bytes_.push_back(std::byte{0});
    return *this;
  }
  template <class T>
    requires(std::is_arithmetic_v<T>)
  Attributes& put(std::uint16_t type, T value) {
    return put(type, bytes_of(value));
  }
  Attributes& put_string(std::uint16_t type, std::string_view text) {
    const std::string terminated(text);
    return put(type, std::as_bytes(std::span(terminated.c_str(), terminated.size() + 1)));
  }
  Attributes& nest(std::uint16_t type, const Attributes& inner) {
    return put(static_cast<std::uint16_t>(type | NLA_F_NESTED), inner.bytes_);
  }
  /// Bytes that are no attribute.
  Attributes& raw(const Bytes& bytes) {
    bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
    return *this;
  }

  [[nodiscard]] const Bytes& bytes() const { return bytes_; }

 private:
  Bytes bytes_;
};

/// An attribute header that may lie about its length.
inline Bytes attribute_header(std::uint16_t length, std::uint16_t type) {
  return bytes_of(nlattr{length, type});
}

/// One netlink message, padded. `length` of the header may lie; 0 means the truth.
inline Bytes message(std::uint16_t type, std::uint16_t flags, std::uint32_t sequence,
                     const Bytes& payload, std::uint32_t length = 0) {
  nlmsghdr header{};
  header.nlmsg_len =
      length != 0 ? length : static_cast<std::uint32_t>(sizeof header + payload.size());
  header.nlmsg_type = type;
  header.nlmsg_flags = flags;
  header.nlmsg_seq = sequence;
  Bytes bytes = join({bytes_of(header), payload});
  while (bytes.size() % NLMSG_ALIGNTO != 0) bytes.push_back(std::byte{0});
  return bytes;
}

}  // namespace wgscope::netlink::testing
