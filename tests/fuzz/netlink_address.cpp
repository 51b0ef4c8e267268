// One RTM_NEWADDR message from struct ifaddrmsg on: decode_address.

#include <cstddef>
#include <cstdint>

#include "wgscope/base/result.hpp"
#include "wgscope/source/netlink/addresses.hpp"

#include "fuzz.hpp"

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace wgscope;
  const auto address = netlink::decode_address(fuzz::as_bytes(data, size));
  if (!address) {
    WGSCOPE_PROMISE(address.error().code == Errc::truncated ||
                    address.error().code == Errc::bad_length);
    return 0;
  }
  WGSCOPE_PROMISE(address->address.bits <= address->address.address.octets().size() * 8);
  return 0;
}
