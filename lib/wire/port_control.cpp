#include "wgscope/wire/port_control.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "wgscope/base/bytes.hpp"
#include "wgscope/base/result.hpp"
#include "wgscope/model/address.hpp"

namespace wgscope::wire {
namespace {

constexpr std::byte kPcpVersion{2};            // RFC 6887 §5
constexpr std::byte kOldPcpVersion{1};         // of drafts that shipped; RFC 6887 §9
constexpr std::byte kAnswerBit{0x80};          // of the opcode, in both
constexpr std::size_t kNatPmpErrorSize = 8;    // RFC 6886 §3.5: as far as the epoch
constexpr std::size_t kNatPmpAnswerSize = 12;  // RFC 6886 §3.2
constexpr std::size_t kPcpHeaderSize = 24;     // RFC 6887 §7.2
constexpr std::size_t kPcpMaxSize = 1100;      // RFC 6887 §7

Result<PortControlAnswer> parse_nat_pmp(std::span<const std::byte> datagram) {
  if (datagram.size() < kNatPmpErrorSize) return fail(Errc::truncated, "NAT-PMP answer");
  PortControlAnswer answer;
  answer.result = load_be16(datagram.subspan(2).first<2>());
  answer.epoch = load_be32(datagram.subspan(4).first<4>());
  if (answer.result != kPortControlSuccess) return answer;
  if (datagram.size() < kNatPmpAnswerSize) return fail(Errc::truncated, "NAT-PMP outer address");
  answer.outer.emplace();
  std::ranges::copy(datagram.subspan(8, 4), answer.outer->bytes.begin());
  return answer;
}

Result<PortControlAnswer> parse_pcp(std::span<const std::byte> datagram) {
  if (datagram.size() < kPcpHeaderSize) return fail(Errc::truncated, "PCP answer");
  if (datagram.size() > kPcpMaxSize || datagram.size() % 4 != 0)
    return fail(Errc::bad_length, "PCP answer");
  return PortControlAnswer{.protocol = PortControlAnswer::Protocol::pcp,
                           .version = std::to_integer<std::uint8_t>(datagram[0]),
                           .result = std::to_integer<unsigned>(datagram[3]),
                           .epoch = load_be32(datagram.subspan(8).first<4>())};
}

}  // namespace

std::array<std::byte, 2> nat_pmp_address_request() { return {}; }

std::array<std::byte, 24> pcp_announce_request(const IpAddress& client) {
  std::array<std::byte, 24> request{};  // opcode 0, no lifetime
  request[0] = kPcpVersion;
  const auto address = std::span(request).subspan(8);
  const auto octets = client.octets();
  if (client.family == Family::v4) {  // ::ffff:a.b.c.d (RFC 6887 §5)
    address[10] = address[11] = std::byte{0xff};
    std::ranges::copy(octets, address.begin() + 12);
  } else {
    std::ranges::copy(octets, address.begin());
  }
  return request;
}

Result<PortControlAnswer> parse_port_control(std::span<const std::byte> datagram) {
  if (datagram.size() < 2) return fail(Errc::truncated, "answer of a router");
  if (datagram[1] != kAnswerBit) return fail(Errc::bad_value, "not an answer to what was asked");
  if (datagram[0] == std::byte{0}) return parse_nat_pmp(datagram);
  if (datagram[0] == kPcpVersion || datagram[0] == kOldPcpVersion) return parse_pcp(datagram);
  return fail(Errc::bad_value, "neither NAT-PMP nor PCP");
}

}  // namespace wgscope::wire
