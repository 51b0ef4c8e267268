// What an ICMP socket receives: what is read of it lies within it.

#include <cstddef>
#include <cstdint>

#include "wgscope/os/echo_socket.hpp"

#include "fuzz.hpp"

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace wgscope;
  const auto bytes = fuzz::as_bytes(data, size);
  using enum os::EchoFraming;
  for (const os::EchoFraming framing : {v4, v4_with_ip_header, v6}) {
    const auto message = os::parse_echo_reply(bytes, framing);
    if (!message) continue;
    const std::size_t least = framing == v4_with_ip_header ? 28 : 8;
    WGSCOPE_PROMISE(message->payload.size() + least <= size);
    WGSCOPE_PROMISE(message->payload.data() + message->payload.size() == bytes.data() + size);
  }
  return 0;
}
