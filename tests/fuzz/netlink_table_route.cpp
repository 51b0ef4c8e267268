// One RTM_NEWROUTE message of a dump, from struct rtmsg on: decode_table_route.

#include <cstddef>
#include <cstdint>

#include "wgscope/base/result.hpp"
#include "wgscope/source/netlink/routes.hpp"

#include "fuzz.hpp"

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace wgscope;
  const auto route = netlink::decode_table_route(fuzz::as_bytes(data, size));
  if (!route) {
    WGSCOPE_PROMISE(route.error().code == Errc::truncated ||
                    route.error().code == Errc::bad_length);
    return 0;
  }
  WGSCOPE_PROMISE(route->to.bits <= route->to.address.octets().size() * 8);
  return 0;
}
