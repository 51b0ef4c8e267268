// One RTM_NEWROUTE message from struct rtmsg on: decode_route.

#include <cstddef>
#include <cstdint>

#include "wgscope/base/result.hpp"
#include "wgscope/source/netlink/routes.hpp"

#include "fuzz.hpp"

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace wgscope;
  const auto route = netlink::decode_route(fuzz::as_bytes(data, size));
  if (!route) {
    WGSCOPE_PROMISE(route.error().code == Errc::truncated ||
                    route.error().code == Errc::bad_length);
    return 0;
  }
  if (route->gateway && route->source)
    WGSCOPE_PROMISE(route->gateway->family == route->source->family);
  return 0;
}
