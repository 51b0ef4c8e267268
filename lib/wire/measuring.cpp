#include "wgscope/wire/measuring.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "wgscope/base/bytes.hpp"
#include "wgscope/base/result.hpp"
#include "wgscope/model/address.hpp"

// Both begin with the magic, a version, what it is, and two zeros. Numbers are big-endian; a
// size of 0 is none.
//
//   request   8  serial        12  answer size   14  zeros
//   answer    8  serial        12  answer size   14  request size
//            16  fragment      18  refused above 20  largest answer  22  asker's port
//            24  asker's family, 25 reporter's family (4, 6; 0: no report)  26  reported MTU
//            28  zeros         32  asker         48  reporter

namespace wgscope::wire {
namespace {

constexpr std::array<std::byte, 4> kMagic{std::byte{'w'}, std::byte{'g'}, std::byte{'s'},
                                          std::byte{'m'}};
constexpr std::byte kVersion{1};
constexpr std::byte kRequest{1};
constexpr std::byte kAnswer{2};
constexpr std::byte kVersion4{4};
constexpr std::byte kVersion6{6};
constexpr std::size_t kAddressSize = 16;

bool is_zero(std::span<const std::byte> bytes) {
  return std::ranges::all_of(bytes, [](std::byte byte) { return byte == std::byte{0}; });
}

Result<> check_head(std::span<const std::byte> payload, std::size_t size, std::byte kind) {
  if (payload.size() != size) return fail(Errc::bad_length, "measuring message");
  if (!std::ranges::equal(payload.first(kMagic.size()), kMagic))
    return fail(Errc::bad_value, "not a measuring message");
  if (payload[4] != kVersion) return fail(Errc::bad_value, "measuring message of another version");
  if (payload[5] != kind || !is_zero(payload.subspan(6, 2)))
    return fail(Errc::bad_value, "measuring message of another kind");
  return {};
}

void write_head(std::span<std::byte> payload, std::byte kind) {
  std::ranges::copy(kMagic, payload.begin());
  payload[4] = kVersion;
  payload[5] = kind;
}

std::optional<std::uint16_t> size_at(std::span<const std::byte, 2> bytes) {
  const std::uint16_t size = load_be16(bytes);
  if (size == 0) return std::nullopt;
  return size;
}

std::byte family_byte(Family family) { return family == Family::v4 ? kVersion4 : kVersion6; }

/// @returns bad_value for a family that is none, or bytes behind an IPv4 address.
Result<IpAddress> address_at(std::byte family, std::span<const std::byte, kAddressSize> bytes) {
  if (family != kVersion4 && family != kVersion6)
    return fail(Errc::bad_value, "address family of a measuring message");
  IpAddress address;
  address.family = family == kVersion4 ? Family::v4 : Family::v6;
  const std::size_t size = address.octets().size();
  if (!is_zero(bytes.subspan(size))) return fail(Errc::bad_value, "address of a measuring message");
  std::copy_n(bytes.begin(), size, address.bytes.begin());
  return address;
}

void write_address(std::span<std::byte, kAddressSize> bytes, const IpAddress& address) {
  std::ranges::copy(address.octets(), bytes.begin());
}

}  // namespace

Result<MeasuringRequest> parse_measuring_request(std::span<const std::byte> payload) {
  if (auto head = check_head(payload, kMeasuringRequestSize, kRequest); !head)
    return tl::unexpected(head.error());
  const auto fixed = payload.first<kMeasuringRequestSize>();
  if (!is_zero(fixed.subspan(14))) return fail(Errc::bad_value, "end of a measuring request");
  return MeasuringRequest{.serial = load_be32(fixed.subspan<8, 4>()),
                          .answer_size = load_be16(fixed.subspan<12, 2>())};
}

Result<MeasuringAnswer> parse_measuring_answer(std::span<const std::byte> payload) {
  if (auto head = check_head(payload, kMeasuringAnswerSize, kAnswer); !head)
    return tl::unexpected(head.error());
  const auto fixed = payload.first<kMeasuringAnswerSize>();
  if (!is_zero(fixed.subspan(28, 4))) return fail(Errc::bad_value, "middle of a measuring answer");
  const auto asker = address_at(fixed[24], fixed.subspan<32, kAddressSize>());
  if (!asker) return tl::unexpected(asker.error());
  MeasuringAnswer answer{.serial = load_be32(fixed.subspan<8, 4>()),
                         .answer_size = load_be16(fixed.subspan<12, 2>()),
                         .asker = {*asker, 0, load_be16(fixed.subspan<22, 2>())},
                         .request_size = load_be16(fixed.subspan<14, 2>()),
                         .largest_fragment = size_at(fixed.subspan<16, 2>()),
                         .refused_above = size_at(fixed.subspan<18, 2>()),
                         .largest_answer = load_be16(fixed.subspan<20, 2>()),
                         .report = std::nullopt};
  const std::uint16_t reported = load_be16(fixed.subspan<26, 2>());
  if (fixed[25] != std::byte{0}) {
    const auto from = address_at(fixed[25], fixed.subspan<48, kAddressSize>());
    if (!from) return tl::unexpected(from.error());
    answer.report = MeasuringReport{.from = *from, .mtu = reported};
  } else if (reported != 0 || !is_zero(fixed.subspan(48))) {
    return fail(Errc::bad_value, "report of a measuring answer");
  }
  return answer;
}

std::array<std::byte, kMeasuringRequestSize> build_measuring_request(
    const MeasuringRequest& request) {
  std::array<std::byte, kMeasuringRequestSize> payload{};
  write_head(payload, kRequest);
  const std::span fixed(payload);
  store_be32(fixed.subspan<8, 4>(), request.serial);
  store_be16(fixed.subspan<12, 2>(), request.answer_size);
  return payload;
}

std::array<std::byte, kMeasuringAnswerSize> build_measuring_answer(const MeasuringAnswer& answer) {
  std::array<std::byte, kMeasuringAnswerSize> payload{};
  write_head(payload, kAnswer);
  const std::span fixed(payload);
  store_be32(fixed.subspan<8, 4>(), answer.serial);
  store_be16(fixed.subspan<12, 2>(), answer.answer_size);
  store_be16(fixed.subspan<14, 2>(), answer.request_size);
  store_be16(fixed.subspan<16, 2>(), answer.largest_fragment.value_or(0));
  store_be16(fixed.subspan<18, 2>(), answer.refused_above.value_or(0));
  store_be16(fixed.subspan<20, 2>(), answer.largest_answer);
  store_be16(fixed.subspan<22, 2>(), answer.asker.port);
  fixed[24] = family_byte(answer.asker.address.family);
  write_address(fixed.subspan<32, kAddressSize>(), answer.asker.address);
  if (!answer.report) return payload;
  fixed[25] = family_byte(answer.report->from.family);
  store_be16(fixed.subspan<26, 2>(), answer.report->mtu);
  write_address(fixed.subspan<48, kAddressSize>(), answer.report->from);
  return payload;
}

}  // namespace wgscope::wire
