#include "wgscope/diagnosis/endpoint_address.hpp"

#include <algorithm>
#include <cstddef>
#include <optional>
#include <vector>

#include "wgscope/diagnosis/finding.hpp"
#include "wgscope/diagnosis/text.hpp"
#include "wgscope/model/address.hpp"

namespace wgscope::diagnosis {
namespace {

std::optional<Words> why_no_gateway_v4(const IpAddress& address) {
  const auto first = std::to_integer<unsigned>(address.bytes[0]);
  const bool is_broadcast =
      std::ranges::all_of(address.octets(), [](std::byte b) { return b == std::byte{0xff}; });
  if (first == 0) return Words("is not a host's address");  // RFC 1122 §3.2.1.3
  if (is_broadcast) return Words("is the broadcast address");
  if (first >= 224 && first < 240) return Words("is a multicast address");  // RFC 5771
  return std::nullopt;
}

std::optional<Words> why_no_gateway_v6(const Endpoint& endpoint) {
  const auto byte = [&](std::size_t i) {
    return std::to_integer<unsigned>(endpoint.address.bytes[i]);
  };
  const bool is_zero =
      std::ranges::all_of(endpoint.address.octets(), [](std::byte b) { return b == std::byte{0}; });
  if (is_zero) return Words("is not a host's address");  // RFC 4291 §2.5.2
  if (byte(0) == 0xff) return Words("is a multicast address");
  const bool is_link_local = byte(0) == 0xfe && (byte(1) & 0xc0U) == 0x80;
  if (is_link_local && endpoint.scope_id == 0)
    return Words(
        "is a link-local address without the interface that leads there, as %eth0 behind it "
        "would name it");
  return std::nullopt;
}

}  // namespace

std::optional<Words> why_no_gateway(const Endpoint& endpoint) {
  return endpoint.address.family == Family::v4 ? why_no_gateway_v4(endpoint.address)
                                               : why_no_gateway_v6(endpoint);
}

Finding endpoint_unusable(const Text& host, const Text& why, bool from_name) {
  Finding finding{.id = FindingId::endpoint_unusable,
                  .cause = text("nothing was sent: the endpoint's address {} {}", host, why),
                  .evidence = {text("{} {}", host, why)},
                  .fix = {"set Endpoint to the gateway's address or name"}};
  if (from_name) {
    finding.evidence.emplace_back("the address is what the endpoint's name resolves to");
    finding.hypotheses = {
        {"the name server blocks the name: blockers answer with such addresses",
         "ask another name server: dig @9.9.9.9 NAME A"},
        {"the name's records are wrong", "ask the name's own servers: dig +trace NAME A"}};
  }
  return finding;
}

}  // namespace wgscope::diagnosis
