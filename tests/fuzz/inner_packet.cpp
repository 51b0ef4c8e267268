// Sequences of packets to a host with services on both transports. Each packet stands behind its
// length (two bytes, big-endian) and a byte of flags: bit 0 mends the checksums, so that what is
// behind them is reached; bit 1 lets a second go by.

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "wgscope/base/bytes.hpp"
#include "wgscope/base/random.hpp"
#include "wgscope/inner/host.hpp"
#include "wgscope/inner/services.hpp"
#include "wgscope/wire/ip.hpp"

#include "fuzz.hpp"
#include "unit/inner/mend.hpp"

namespace {

using namespace wgscope;

/// Makes every sequence number 0x5a5a5a5a, so that inputs can acknowledge it.
class ConstantRandom : public Random {
 public:
  void fill(std::span<std::byte> out) override { std::ranges::fill(out, std::byte{0x5a}); }
};

void drain(inner::Host& host, inner::Services& services, Instant now) {
  while (const auto event = host.poll_event()) services.handle_event(now, *event);
  for (auto packet = host.poll_packet(); !packet.empty(); packet = host.poll_packet()) {
    // What goes out is whole, intact and ours.
    const auto sent = wire::parse_ip(packet);
    WGSCOPE_PROMISE(sent && wire::ipv4_header_intact(*sent));
    WGSCOPE_PROMISE(host.is_own(sent->source) && !host.is_own(sent->destination));
    WGSCOPE_PROMISE(packet.size() <= host.config().mtu);
  }
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  ConstantRandom random;
  inner::Host host(
      {{Prefix::parse("10.9.0.2/24").value(), Prefix::parse("fd00:9::2/64").value()}, 1420, true},
      random);
  auto services = inner::Services::start(host).value();
  host.open_echo();
  Instant now{std::chrono::seconds{1000}};
  auto rest = fuzz::as_bytes(data, size);
  while (rest.size() >= 3) {
    const std::size_t length = std::min<std::size_t>(load_be16(rest.first<2>()), rest.size() - 3);
    const auto flags = std::to_integer<unsigned>(rest[2]);
    std::vector<std::byte> packet(rest.begin() + 3,
                                  rest.begin() + 3 + static_cast<std::ptrdiff_t>(length));
    rest = rest.subspan(3 + length);
    if ((flags & 1U) != 0) inner::testing::mend(packet);
    host.handle_packet(now, packet);
    drain(host, services, now);
    if ((flags & 2U) == 0) continue;
    now = now + std::chrono::seconds{1};
    host.handle_timeout(now);
    drain(host, services, now);
  }
  return 0;
}
