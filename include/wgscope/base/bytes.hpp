#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>

namespace wgscope {

// Numbers in byte buffers, with the order in the name. Static extents: a length is checked once,
// where a buffer is cut. The expressions compile to single loads and stores.

namespace detail {

template <class T, std::size_t... I>
constexpr T load_le(std::span<const std::byte, sizeof(T)> from, std::index_sequence<I...> /*all*/) {
  return static_cast<T>((... | (std::to_integer<std::uint64_t>(from[I]) << (8 * I))));
}

template <class T, std::size_t... I>
constexpr T load_be(std::span<const std::byte, sizeof(T)> from, std::index_sequence<I...> /*all*/) {
  return static_cast<T>(
      (... | (std::to_integer<std::uint64_t>(from[I]) << (8 * (sizeof(T) - 1 - I)))));
}

template <class T, std::size_t... I>
constexpr void store_le(std::span<std::byte, sizeof(T)> to, T value,
                        std::index_sequence<I...> /*all*/) {
  ((to[I] = static_cast<std::byte>(std::uint64_t{value} >> (8 * I))), ...);
}

template <class T, std::size_t... I>
constexpr void store_be(std::span<std::byte, sizeof(T)> to, T value,
                        std::index_sequence<I...> /*all*/) {
  ((to[I] = static_cast<std::byte>(std::uint64_t{value} >> (8 * (sizeof(T) - 1 - I)))), ...);
}

template <class T>
using Indices = std::make_index_sequence<sizeof(T)>;

}  // namespace detail

constexpr std::uint16_t load_be16(std::span<const std::byte, 2> from) {
  return detail::load_be<std::uint16_t>(from, detail::Indices<std::uint16_t>{});
}
constexpr std::uint32_t load_be32(std::span<const std::byte, 4> from) {
  return detail::load_be<std::uint32_t>(from, detail::Indices<std::uint32_t>{});
}
constexpr std::uint64_t load_be64(std::span<const std::byte, 8> from) {
  return detail::load_be<std::uint64_t>(from, detail::Indices<std::uint64_t>{});
}
constexpr std::uint16_t load_le16(std::span<const std::byte, 2> from) {
  return detail::load_le<std::uint16_t>(from, detail::Indices<std::uint16_t>{});
}
constexpr std::uint32_t load_le32(std::span<const std::byte, 4> from) {
  return detail::load_le<std::uint32_t>(from, detail::Indices<std::uint32_t>{});
}
constexpr std::uint64_t load_le64(std::span<const std::byte, 8> from) {
  return detail::load_le<std::uint64_t>(from, detail::Indices<std::uint64_t>{});
}

constexpr void store_be16(std::span<std::byte, 2> to, std::uint16_t value) {
  detail::store_be(to, value, detail::Indices<std::uint16_t>{});
}
constexpr void store_be32(std::span<std::byte, 4> to, std::uint32_t value) {
  detail::store_be(to, value, detail::Indices<std::uint32_t>{});
}
constexpr void store_be64(std::span<std::byte, 8> to, std::uint64_t value) {
  detail::store_be(to, value, detail::Indices<std::uint64_t>{});
}
constexpr void store_le16(std::span<std::byte, 2> to, std::uint16_t value) {
  detail::store_le(to, value, detail::Indices<std::uint16_t>{});
}
constexpr void store_le32(std::span<std::byte, 4> to, std::uint32_t value) {
  detail::store_le(to, value, detail::Indices<std::uint32_t>{});
}
constexpr void store_le64(std::span<std::byte, 8> to, std::uint64_t value) {
  detail::store_le(to, value, detail::Indices<std::uint64_t>{});
}

}  // namespace wgscope
