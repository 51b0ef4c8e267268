#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace wgscope {

/// A hash of 32 bytes that others may choose, under a seed that they do not know. For tables and
/// for telling values apart in memory; not for anything that is stored or sent.
std::uint64_t keyed_hash(std::uint64_t seed, const std::array<std::byte, 32>& bytes);

}  // namespace wgscope
