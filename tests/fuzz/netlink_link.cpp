// One RTM_NEWLINK message from struct ifinfomsg on: decode_link, decode_outlet.

#include <cstddef>
#include <cstdint>
#include <string>

#include "wgscope/base/result.hpp"
#include "wgscope/source/netlink/links.hpp"

#include "fuzz.hpp"

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace wgscope;
  const auto link = netlink::decode_link(fuzz::as_bytes(data, size));
  const auto outlet = netlink::decode_outlet(fuzz::as_bytes(data, size));
  WGSCOPE_PROMISE(link.has_value() == outlet.has_value());
  if (!link) {
    WGSCOPE_PROMISE(link.error().code == Errc::truncated || link.error().code == Errc::bad_length);
    return 0;
  }
  WGSCOPE_PROMISE(link->name.find('\0') == std::string::npos);
  WGSCOPE_PROMISE(link->kind.find('\0') == std::string::npos);
  return 0;
}
