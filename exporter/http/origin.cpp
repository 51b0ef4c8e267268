#include "exporter/http/origin.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <span>

#include "wgscope/model/address.hpp"

namespace wgscope::exporter::http {

Origin origin_of(const IpAddress& address) {
  constexpr std::array kMapped{std::byte{0}, std::byte{0}, std::byte{0},    std::byte{0},
                               std::byte{0}, std::byte{0}, std::byte{0},    std::byte{0},
                               std::byte{0}, std::byte{0}, std::byte{0xff}, std::byte{0xff}};
  Origin origin{};
  const std::span all(address.bytes);
  const bool mapped = address.family == Family::v6 && std::ranges::equal(all.first(12), kMapped);
  if (address.family == Family::v4 || mapped) {
    std::ranges::copy(mapped ? all.subspan(12, 4) : all.first(4), origin.begin());
    origin.back() = std::byte{4};
  } else {
    std::ranges::copy(all.first(8), origin.begin());
    origin.back() = std::byte{6};
  }
  return origin;
}

}  // namespace wgscope::exporter::http
