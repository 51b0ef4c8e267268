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
  const auto syn = wire::parse_tcp_syn(*packet);
  WGSCOPE_PROMISE(!syn || packet->payload.size() >= wire::kTcpHeaderSize);
  WGSCOPE_PROMISE(!syn || !syn->mss || packet->payload.size() >= wire::kTcpHeaderSize + 4);
  return 0;
}
