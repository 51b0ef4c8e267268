#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>

namespace wgscope {

// Integers in byte buffers, the order in the name: WireGuard's are little-endian, those of IP are
// big-endian. Compilers make one instruction of each.

namespace detail {

template <std::unsigned_integral T>
constexpr T load_le(std::span<const std::byte, sizeof(T)> from) {
  T value = 0;
  for (std::size_t i = 0; i < sizeof(T); ++i)
    value = static_cast<T>(value | (static_cast<T>(from[i]) << (8 * i)));
  return value;
}

template <std::unsigned_integral T>
constexpr T load_be(std::span<const std::byte, sizeof(T)> from) {
  T value = 0;
  for (std::size_t i = 0; i < sizeof(T); ++i)
    value = static_cast<T>(value | (static_cast<T>(from[i]) << (8 * (sizeof(T) - 1 - i))));
  return value;
}

template <std::unsigned_integral T>
constexpr void store_le(std::span<std::byte, sizeof(T)> to, T value) {
  for (std::size_t i = 0; i < sizeof(T); ++i) to[i] = static_cast<std::byte>(value >> (8 * i));
}

template <std::unsigned_integral T>
constexpr void store_be(std::span<std::byte, sizeof(T)> to, T value) {
  for (std::size_t i = 0; i < sizeof(T); ++i)
    to[i] = static_cast<std::byte>(value >> (8 * (sizeof(T) - 1 - i)));
}

}  // namespace detail

constexpr std::uint16_t load_le16(std::span<const std::byte, 2> from) {
  return detail::load_le<std::uint16_t>(from);
}
constexpr std::uint32_t load_le32(std::span<const std::byte, 4> from) {
  return detail::load_le<std::uint32_t>(from);
}
constexpr std::uint64_t load_le64(std::span<const std::byte, 8> from) {
  return detail::load_le<std::uint64_t>(from);
}
constexpr std::uint16_t load_be16(std::span<const std::byte, 2> from) {
  return detail::load_be<std::uint16_t>(from);
}
constexpr std::uint32_t load_be32(std::span<const std::byte, 4> from) {
  return detail::load_be<std::uint32_t>(from);
}
constexpr std::uint64_t load_be64(std::span<const std::byte, 8> from) {
  return detail::load_be<std::uint64_t>(from);
}
constexpr void store_le16(std::span<std::byte, 2> to, std::uint16_t value) {
  detail::store_le<std::uint16_t>(to, value);
}
constexpr void store_le32(std::span<std::byte, 4> to, std::uint32_t value) {
  detail::store_le<std::uint32_t>(to, value);
}
constexpr void store_le64(std::span<std::byte, 8> to, std::uint64_t value) {
  detail::store_le<std::uint64_t>(to, value);
}
constexpr void store_be16(std::span<std::byte, 2> to, std::uint16_t value) {
  detail::store_be<std::uint16_t>(to, value);
}
constexpr void store_be32(std::span<std::byte, 4> to, std::uint32_t value) {
  detail::store_be<std::uint32_t>(to, value);
}
constexpr void store_be64(std::span<std::byte, 8> to, std::uint64_t value) {
  detail::store_be<std::uint64_t>(to, value);
}

}  // namespace wgscope
