#include "lwip_interface.hpp"

#include <array>
#include <cassert>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <lwip/init.h>
#include <lwip/ip.h>
#include <lwip/priv/tcp_priv.h>
#include <lwip/tcpip.h>
#include <optional>
#include <span>

#include "wgscope/base/bytes.hpp"
#include "wgscope/base/random.hpp"
#include "wgscope/base/time.hpp"
#include "wgscope/inner/host.hpp"
#include "wgscope/inner/packet_queue.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/wire/checksum.hpp"
#include "wgscope/wire/ip.hpp"

namespace wgscope::inner {
namespace {

constexpr std::chrono::milliseconds kTick{TCP_TMR_INTERVAL};
// After a longer sleep than this the ticks that were missed are left out: nothing on the other side
// of a tunnel expects an hour's worth of them in a burst.
constexpr int kMostTicksAtOnce = 8;
constexpr std::size_t kTcpHeaderSize = 20;  // RFC 9293 §3.1
constexpr unsigned kFin = 0x01;
constexpr unsigned kSyn = 0x02;
constexpr unsigned kReset = 0x04;
constexpr unsigned kAck = 0x10;
// Many windows beyond what any honest segment is, old duplicates included.
constexpr std::uint32_t kFarAway = 1U << 28U;

/// The globals that lwIP's globals bring.
struct Shared {
  int interfaces = 0;
  LwipInterface* current = nullptr;
  std::optional<Instant> next_tick;
  bool slow_tick = false;
  lwip_timers::Round last_round;
};

Shared& shared() {
  static Shared instance;
  return instance;
}

bool has_connections() { return tcp_active_pcbs != nullptr || tcp_tw_pcbs != nullptr; }

void enter_stack() {
  static const bool initialized = [] {
    lwip_init();
    return true;
  }();
  static_cast<void>(initialized);
  Shared& all = shared();
  if (all.interfaces++ == 0) {
    all.next_tick.reset();
    all.slow_tick = false;
  }
}

/// The first connection of `list` on an interface.
tcp_pcb* find_on(tcp_pcb* list, std::uint8_t interface) {
  while (list != nullptr && list->netif_idx != interface) list = list->next;
  return list;
}

}  // namespace

LwipInterface::LwipInterface(const Host& host, Random& random, PacketQueue& out)
    : random_(&random),
      out_(&out),
      mtu_(host.config().mtu),
      next_id_(static_cast<std::uint16_t>(random32() & 0xffffU)) {
  enter_stack();
  netif* added = netif_add_noaddr(&netif_, this, start, ip_input);
  assert(added != nullptr);
  static_cast<void>(added);
  netif_set_up(&netif_);
  netif_set_link_up(&netif_);
  netif_.rs_count = 0;
}

LwipInterface::~LwipInterface() {
  netif_remove(&netif_);
  --shared().interfaces;
}

ip_addr_t LwipInterface::address(const IpAddress& from) const {
  ip_addr_t to{};
  std::array<std::uint32_t, 4> words{};
  std::memcpy(words.data(), from.bytes.data(), sizeof words);
  if (from.family == Family::v4) {
    ip_addr_set_ip4_u32(&to, words[0]);
  } else {
    IP_ADDR6(&to, words[0], words[1], words[2], words[3]);
    ip6_addr_assign_zone(ip_2_ip6(&to), IP6_UNICAST, &netif_);
  }
  return to;
}

bool LwipInterface::is_sane(const wire::IpPacket& packet) const {
  if (packet.payload.size() < kTcpHeaderSize) return false;
  const auto header = packet.payload.first<kTcpHeaderSize>();
  const auto flags = std::to_integer<unsigned>(header[13]);
  const bool syn = (flags & kSyn) != 0;
  if (syn && (flags & (kFin | kReset)) != 0) return false;
  const std::size_t header_size = std::to_integer<std::size_t>(header[12] >> 4U) * 4;
  if (header_size < kTcpHeaderSize || header_size > packet.payload.size()) return false;
  if (syn && packet.payload.size() != header_size) return false;

  const std::uint16_t remote_port = load_be16(header.first<2>());
  const std::uint16_t local_port = load_be16(header.subspan<2, 2>());
  const ip_addr_t remote = address(packet.source);
  const std::uint8_t index = netif_get_index(&netif_);
  for (const tcp_pcb* pcb = tcp_active_pcbs; pcb != nullptr; pcb = pcb->next) {
    if (pcb->remote_port != remote_port || pcb->local_port != local_port ||
        pcb->netif_idx != index || !ip_addr_cmp(&pcb->remote_ip, &remote))
      continue;
    if (pcb->state == SYN_SENT) return true;  // nothing is expected yet
    if (syn && (flags & kAck) != 0) return false;
    const std::uint32_t ahead = load_be32(header.subspan<4, 4>()) - pcb->rcv_nxt + kFarAway;
    return ahead <= 2 * kFarAway;
  }
  return true;
}

void LwipInterface::take_on(const IpAddress& own) {
  const ip_addr_t ours = address(own);
  if (own.family == Family::v4) {
    netif_.ip_addr = ours;
  } else {
    netif_.ip6_addr[0] = ours;
    netif_.ip6_addr_state[0] = IP6_ADDR_PREFERRED;
  }
  netif_set_default(&netif_);
  shared().current = this;
}

void LwipInterface::put_down() {
  ip_addr_set_zero_ip4(&netif_.ip_addr);
  netif_.ip6_addr_state[0] = IP6_ADDR_INVALID;
  netif_set_default(nullptr);
  shared().current = nullptr;
}

void LwipInterface::input(const wire::IpPacket& packet) {
  const std::size_t header_size = wire::ip_header_size(packet.source.family);
  const std::size_t size = header_size + packet.payload.size();
  pbuf* copy = pbuf_alloc(PBUF_RAW, static_cast<std::uint16_t>(size), PBUF_RAM);
  if (copy == nullptr) return;
  const std::span to(static_cast<std::byte*>(copy->payload), size);
  // memcpy, for GCC 12 makes a loop over bytes of std::ranges::copy between spans.
  if (packet.header.size() == header_size) {
    std::memcpy(to.data(), packet.header.data(), header_size);
  } else {  // options and extension headers stay behind
    const wire::IpHeader plain{packet.source, packet.destination, packet.protocol};
    wire::write_ip_header(to, plain);
  }
  if (!packet.payload.empty())
    std::memcpy(to.data() + header_size, packet.payload.data(), packet.payload.size());
  take_on(packet.destination);
  ip_input(copy, &netif_);
  put_down();
}

void LwipInterface::abort_connections() {
  const std::uint8_t index = netif_get_index(&netif_);
  while (tcp_pcb* active = find_on(tcp_active_pcbs, index)) {
    tcp_arg(active, nullptr);
    tcp_err(active, nullptr);
    tcp_abort(active);
  }
  while (tcp_pcb* waiting = find_on(tcp_tw_pcbs, index)) tcp_abort(waiting);
}

std::uint32_t LwipInterface::random32() {
  std::array<std::byte, 4> bytes{};
  random_->fill(bytes);
  return load_be32(bytes);
}

LwipInterface* LwipInterface::current() { return shared().current; }

err_t LwipInterface::start(netif* started) {
  const auto* self = static_cast<LwipInterface*>(started->state);
  started->name[0] = 'w';
  started->name[1] = 'g';
  started->mtu = self->mtu_;
  started->output = output4;
  started->output_ip6 = output6;
  return ERR_OK;
}

err_t LwipInterface::output4(netif* via, pbuf* packet, const ip4_addr_t* /*next_hop*/) {
  return output(via, packet);
}

err_t LwipInterface::output6(netif* via, pbuf* packet, const ip6_addr_t* /*next_hop*/) {
  return output(via, packet);
}

err_t LwipInterface::output(netif* via, const pbuf* packet) {
  LwipInterface* taking_in = current();
  return (taking_in != nullptr ? taking_in : static_cast<LwipInterface*>(via->state))->send(packet);
}

err_t LwipInterface::send(const pbuf* packet) {
  const auto out = out_->add(packet->tot_len);
  if (out.empty()) return ERR_MEM;
  pbuf_copy_partial(packet, out.data(), packet->tot_len, 0);
  if ((out[0] >> 4U) != std::byte{4} || out.size() < wire::kIpv4HeaderSize) return ERR_OK;
  const auto header = out.first<wire::kIpv4HeaderSize>();
  store_be16(header.subspan<4, 2>(), next_id_++);
  store_be16(header.subspan<10, 2>(), 0);
  wire::Checksum sum;
  sum.add(header);
  store_be16(header.subspan<10, 2>(), sum.value());
  return ERR_OK;
}

std::optional<Instant> lwip_timers::next() { return shared().next_tick; }

lwip_timers::Round lwip_timers::last_round() { return shared().last_round; }

void lwip_timers::arm(Instant now) {
  Shared& all = shared();
  if (!all.next_tick && has_connections()) all.next_tick = now + kTick;
}

void lwip_timers::handle(Instant now) {
  Shared& all = shared();
  if (all.next_tick && *all.next_tick <= now) all.last_round = {all.last_round.number + 1, now};
  for (int ticks = 0; all.next_tick && *all.next_tick <= now; ++ticks) {
    if (ticks == kMostTicksAtOnce) {
      all.next_tick = now + kTick;
      break;
    }
    tcp_fasttmr();
    all.slow_tick = !all.slow_tick;
    if (!all.slow_tick) tcp_slowtmr();
    all.next_tick = *all.next_tick + kTick;
    if (!has_connections()) all.next_tick.reset();
  }
}

std::size_t count_active(std::size_t most) {
  std::size_t count = 0;
  for (const tcp_pcb* pcb = tcp_active_pcbs; pcb != nullptr && count < most; pcb = pcb->next)
    ++count;
  return count;
}

void limit_time_wait(std::size_t most) {
  std::size_t count = 0;
  for (tcp_pcb* pcb = tcp_tw_pcbs; pcb != nullptr;) {
    tcp_pcb* next = pcb->next;  // the list begins with the youngest
    if (++count > most) tcp_abort(pcb);
    pcb = next;
  }
}

}  // namespace wgscope::inner

// lwIP's functions that ours take the place of.
extern "C" {

u32_t tcp_next_iss(tcp_pcb* pcb) {
  using wgscope::inner::LwipInterface;
  LwipInterface* via = LwipInterface::current();
  if (via == nullptr) {
    netif* bound = netif_get_by_index(pcb->netif_idx);
    assert(bound != nullptr);
    via = static_cast<LwipInterface*>(bound->state);
  }
  return via->random32();
}

err_t tcpip_try_callback(tcpip_callback_fn /*function*/, void* /*context*/) { return ERR_MEM; }
}
