// Segments that open connections, in packets out of a tunnel.

#include <cstddef>
#include <cstdint>

#include "wgscope/wire/ip.hpp"
#include "wgscope/wire/tcp.hpp"

#include "fuzz.hpp"

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace wgscope;
  const auto packet = wire::parse_ip(fuzz::as_bytes(data, size));
  if (!packet) return 0;
  const auto segment = wire::parse_tcp(*packet);
  WGSCOPE_PROMISE(!segment || packet->payload.size() >= wire::kTcpHeaderSize);
  if (!segment) return 0;
  const auto mss = wire::maximum_segment_size(*segment);
  WGSCOPE_PROMISE(!mss || !*mss || segment->options.size() >= 4);
  return 0;
}
