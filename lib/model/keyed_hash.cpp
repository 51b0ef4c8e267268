#include "wgscope/model/keyed_hash.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace wgscope {
namespace {

/// Both halves of the product, folded: each bit of one factor reaches the whole result, in a way
/// the other decides.
std::uint64_t fold(std::uint64_t a, std::uint64_t b) {
  __extension__ using Product = unsigned __int128;
  const Product product = Product{a} * b;
  return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64U);
}

}  // namespace

std::uint64_t keyed_hash(std::uint64_t seed, const std::array<std::byte, 32>& bytes) {
  std::array<std::uint64_t, 4> words{};
  std::memcpy(words.data(), bytes.data(), sizeof words);
  // The seed stands in both factors of each product. A factor that is known lets chosen differences
  // through: the highest bit of a word times any odd number stays alone, and can be taken back in
  // the next word, whatever the seed.
  const std::uint64_t other = fold(seed ^ 0x9e3779b97f4a7c15, 0xff51afd7ed558ccd);
  const std::uint64_t half = fold(words[0] ^ seed, words[1] ^ other);
  const std::uint64_t whole = fold(words[2] ^ seed ^ half, words[3] ^ other);
  return fold(whole ^ seed, 0xff51afd7ed558ccd);
}

}  // namespace wgscope
