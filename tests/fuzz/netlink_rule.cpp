// One RTM_NEWRULE message from struct fib_rule_hdr on: decode_rule_mark.

#include <cstddef>
#include <cstdint>

#include "wgscope/base/result.hpp"
#include "wgscope/source/netlink/routes.hpp"

#include "fuzz.hpp"

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace wgscope;
  const auto mark = netlink::decode_rule_mark(fuzz::as_bytes(data, size));
  if (!mark)
    WGSCOPE_PROMISE(mark.error().code == Errc::truncated || mark.error().code == Errc::bad_length);
  return 0;
}
