// Any datagram to an interface with a live session and a handshake under way. The first byte says
// how the rest is helped past the first checks:
//
//   1  its receiver is the session    2  its receiver is the handshake    4  mac1 is right

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>

#include "wgscope/base/bytes.hpp"
#include "wgscope/crypto/blake2s.hpp"
#include "wgscope/noise/cookies.hpp"
#include "wgscope/tunnel/event.hpp"
#include "wgscope/tunnel/interface.hpp"
#include "wgscope/wire/message.hpp"

#include "fuzz.hpp"
#include "tunnel_pair.hpp"

namespace wgscope::fuzz {
namespace {

using wire::MessageType;

/// A session of side 0 with side 1, and another handshake of side 0 that was not answered.
struct Prepared {
  TunnelPair pair;
  std::uint32_t session = 0;  ///< indices that side 0 chose
  std::uint32_t handshake = 0;

  Prepared() {
    session = initiate();
    for (const std::size_t from : {0U, 1U, 0U})
      for (Bytes& datagram : pair.take(from)) hand_over(1 - from, datagram);
    WGSCOPE_PROMISE(pair.sides[1].interface.has_session(pair.boot, *pair.sides[1].peer));
    pair.boot = pair.boot + std::chrono::seconds(6);
    handshake = initiate();
    pair.take(0);
    while (pair.sides[0].interface.poll_event()) {
    }
  }

  std::uint32_t initiate() {
    WGSCOPE_PROMISE(pair.sides[0].interface.initiate(pair.now(), *pair.sides[0].peer));
    const auto batch = pair.sides[0].interface.poll_transmit();
    const std::uint32_t index = load_le32(batch->bytes.subspan(4).first<4>());
    Bytes datagram(batch->bytes.begin(), batch->bytes.end());
    if (session == 0) hand_over(1, datagram);
    return index;
  }

  tunnel::Received hand_over(std::size_t to, std::span<std::byte> datagram) {
    return pair.sides[to].interface.handle_datagram(pair.now(), pair.sides[1 - to].address,
                                                    datagram);
  }
};

void help(std::uint8_t how, const Prepared& prepared, std::span<std::byte> datagram) {
  const auto type = wire::classify(datagram);
  if (!type) return;
  if ((how & 3U) != 0 && *type != MessageType::initiation) {
    const std::size_t at = *type == MessageType::response ? 8 : 4;
    store_le32(datagram.subspan(at).first<4>(),
               (how & 1U) != 0 ? prepared.session : prepared.handshake);
  }
  if ((how & 4U) != 0 && (*type == MessageType::initiation || *type == MessageType::response)) {
    const auto keys = noise::MacKeys::of(prepared.pair.sides[0].interface.public_key());
    const noise::MacedMessage<std::byte> message{datagram};
    std::ranges::copy(crypto::mac(keys.mac1, message.before_mac1()), message.mac1().begin());
  }
}

std::uint64_t dropped(const tunnel::Interface& interface) {
  std::uint64_t sum = 0;
  for (unsigned i = 0; i < tunnel::kDropReasonCount; ++i)
    sum += interface.dropped(static_cast<tunnel::DropReason>(i));
  return sum;
}

}  // namespace
}  // namespace wgscope::fuzz

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace wgscope;
  using namespace wgscope::fuzz;
  if (size == 0) return 0;
  Prepared prepared;
  tunnel::Interface& interface = prepared.pair.sides[0].interface;
  const tunnel::PeerId peer = *prepared.pair.sides[0].peer;
  const auto bytes = as_bytes(data + 1, size - 1);
  Bytes datagram(bytes.begin(), bytes.end());
  help(data[0], prepared, datagram);

  // No key of the pair is in the input, so nothing of it is authentic.
  const std::uint64_t before = dropped(interface);
  const tunnel::Received received = prepared.hand_over(0, datagram);
  WGSCOPE_PROMISE(!received.peer && received.packet.empty());
  WGSCOPE_PROMISE(dropped(interface) == before + 1);
  const auto event = interface.poll_event();
  WGSCOPE_PROMISE(event && event->kind == tunnel::EventKind::dropped);
  WGSCOPE_PROMISE(prepared.pair.take(0).empty());
  WGSCOPE_PROMISE(interface.status(peer).endpoint == prepared.pair.sides[1].address);

  // And what was there works as before.
  const Bytes packet = prepared.pair.packet(1, 7);
  WGSCOPE_PROMISE(prepared.pair.sides[1].interface.send(prepared.pair.now(), packet) ==
                  tunnel::Sent::sealed);
  auto sent = prepared.pair.take(1);
  WGSCOPE_PROMISE(sent.size() == 1);
  WGSCOPE_PROMISE(std::ranges::equal(prepared.hand_over(0, sent[0]).packet, packet));
  return 0;
}
