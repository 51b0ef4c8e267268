// Datagrams of a WireGuard dump, as they come from the kernel: DumpReader
// and decode_device_message.

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

#include <linux/genetlink.h>
#include <linux/netlink.h>

#include "wgscope/base/result.hpp"
#include "wgscope/model/device.hpp"
#include "wgscope/source/netlink/dump.hpp"
#include "wgscope/source/netlink/wireguard.hpp"

#include "fuzz.hpp"
#include "unit/source/describe.hpp"

namespace {

using namespace wgscope;

void expect_sound(const Device& device) {
  for (const Peer& peer : device.peers) {
    WGSCOPE_PROMISE(std::size_t{peer.allowed_ips_first} + peer.allowed_ips_count <=
                    device.allowed_ips.size());
    WGSCOPE_PROMISE(!peer.last_handshake || *peer.last_handshake > WallTime{});
    for (const Prefix& prefix : device.allowed_ips_of(peer))
      WGSCOPE_PROMISE(prefix.bits <= prefix.address.octets().size() * 8);
  }
  testing::describe(device);
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto datagram = fuzz::as_bytes(data, size);

  // The answer to whatever question the first message answers, so that recorded dumps are inputs as
  // they are.
  nlmsghdr header{};
  if (size >= sizeof header) std::memcpy(&header, data, sizeof header);
  Device device;
  netlink::LeftOut left_out;
  netlink::DumpReader reader(header.nlmsg_seq,
                             [&](std::uint16_t, std::span<const std::byte> payload) -> Result<> {
                               if (payload.size() < sizeof(genlmsghdr))
                                 return fail(Errc::truncated, "");
                               return netlink::decode_device_message(
                                   payload.subspan(sizeof(genlmsghdr)), device, left_out);
                             });
  if (const auto fed = reader.feed(datagram)) expect_sound(device);

  // The same bytes as bare attributes.
  Device bare;
  netlink::LeftOut left_out_of_bare;
  if (const auto decoded = netlink::decode_device_message(datagram, bare, left_out_of_bare))
    expect_sound(bare);
  return 0;
}
