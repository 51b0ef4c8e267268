#include "wgscope/wire/fragment.hpp"

#include <algorithm>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

#include "wgscope/base/bytes.hpp"
#include "wgscope/wire/checksum.hpp"
#include "wgscope/wire/ip.hpp"

namespace wgscope::wire {
namespace {

constexpr std::size_t kFragmentHeaderSize = 8;  // RFC 8200 §4.5
constexpr std::size_t kUnit = 8;                // offsets count these
constexpr unsigned kMoreFragments = 0x2000;     // RFC 791 §3.1

bool is_v4(std::span<const std::byte> packet) { return (packet[0] >> 4U) == std::byte{4}; }

}  // namespace

Pieces::Pieces(std::span<const std::byte> whole, std::size_t mtu, std::uint32_t id)
    : header_(whole.first(is_v4(whole) ? kIpv4HeaderSize : kIpv6HeaderSize)),
      payload_(whole.subspan(header_.size())),
      extra_(is_v4(whole) ? 0 : kFragmentHeaderSize),
      step_((mtu - header_.size() - extra_) / kUnit * kUnit),
      id_(id) {
  assert(whole.size() > mtu && mtu >= kLeastPiece);
}

std::size_t Pieces::count() const { return (payload_.size() + step_ - 1) / step_; }

std::size_t Pieces::size(std::size_t piece) const {
  return header_.size() + extra_ + part(piece).size();
}

std::span<const std::byte> Pieces::part(std::size_t piece) const {
  const auto rest = payload_.subspan(piece * step_);
  return rest.first(std::min(step_, rest.size()));
}

void Pieces::write(std::size_t piece, std::span<std::byte> out) const {
  assert(out.size() == size(piece));
  const auto bytes = part(piece);
  const std::size_t offset = piece * step_;
  const bool more = piece + 1 < count();
  std::memcpy(out.data(), header_.data(), header_.size());
  std::memcpy(out.data() + header_.size() + extra_, bytes.data(), bytes.size());
  if (extra_ == 0) {
    const auto header = out.first<kIpv4HeaderSize>();
    store_be16(header.subspan<2, 2>(), static_cast<std::uint16_t>(out.size()));
    store_be16(header.subspan<4, 2>(), static_cast<std::uint16_t>(id_ & 0xffffU));
    store_be16(header.subspan<6, 2>(),
               static_cast<std::uint16_t>((more ? kMoreFragments : 0U) | offset / kUnit));
    store_be16(header.subspan<10, 2>(), 0);
    Checksum sum;
    sum.add(header);
    store_be16(header.subspan<10, 2>(), sum.value());
    return;
  }
  const auto header = out.first<kIpv6HeaderSize>();
  const auto extension = out.subspan<kIpv6HeaderSize, kFragmentHeaderSize>();
  store_be16(header.subspan<4, 2>(), static_cast<std::uint16_t>(out.size() - kIpv6HeaderSize));
  extension[0] = header[6];
  extension[1] = std::byte{0};
  header[6] = static_cast<std::byte>(Protocol::fragment);
  store_be16(extension.subspan<2, 2>(), static_cast<std::uint16_t>(offset | (more ? 1U : 0U)));
  store_be32(extension.subspan<4, 4>(), id_);
}

}  // namespace wgscope::wire
