#include "exporter/endpoint_detail.hpp"

#include <cstddef>
#include <cstdint>
#include <string>

#include "wgscope/model/address.hpp"

namespace wgscope::exporter {

Prefix subnet_of(const IpAddress& address) {
  Prefix prefix{address, static_cast<std::uint8_t>(address.family == Family::v4 ? 24 : 48)};
  for (std::size_t i = prefix.bits / 8U; i < prefix.address.bytes.size(); ++i)
    prefix.address.bytes[i] = std::byte{0};
  return prefix;
}

Endpoint reduce(const Endpoint& endpoint, EndpointDetail detail) {
  switch (detail) {
    case EndpointDetail::full: return endpoint;
    case EndpointDetail::ip: return {endpoint.address, 0, 0};
    case EndpointDetail::subnet: return {subnet_of(endpoint.address).address, 0, 0};
    case EndpointDetail::off: break;
  }
  return {};
}

std::string to_text(const Endpoint& endpoint, EndpointDetail detail) {
  switch (detail) {
    case EndpointDetail::full: return endpoint.to_string();
    case EndpointDetail::ip: return endpoint.address.to_string();
    case EndpointDetail::subnet: return subnet_of(endpoint.address).to_string();
    case EndpointDetail::off: break;
  }
  return {};
}

}  // namespace wgscope::exporter
