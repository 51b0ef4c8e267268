#include "wgscope/noise/key_pair.hpp"

#include <cassert>
#include <cstddef>
#include <cstdint>
#include <span>

#include "wgscope/base/bytes.hpp"
#include "wgscope/base/time.hpp"
#include "wgscope/crypto/aead.hpp"
#include "wgscope/noise/constants.hpp"
#include "wgscope/noise/handshake.hpp"
#include "wgscope/wire/message.hpp"

namespace wgscope::noise {

KeyPair::KeyPair(const TransportKeys& keys, Indices indices, Role role, Instant created)
    : send_(crypto::Aead::Direction::seal, keys.send),
      receive_(crypto::Aead::Direction::open, keys.receive),
      indices_(indices),
      role_(role),
      created_(created) {}

bool KeyPair::seal(std::span<const std::byte> plain, std::span<std::byte> out) {
  assert(out.size() == plain.size() + wire::kTransportOverhead);
  if (sent_ >= kRejectAfterMessages) return false;
  const wire::TransportView<std::byte> message{out};
  wire::write_type(wire::MessageType::transport, out.first<4>());
  store_le32(message.receiver(), indices_.remote);
  store_le64(message.counter(), sent_);
  send_.seal(sent_++, plain, message.sealed());
  return true;
}

KeyPair::Opened KeyPair::open(std::span<std::byte> message) {
  const wire::TransportView<std::byte> view{message};
  const std::uint64_t counter = load_le64(view.counter());
  if (counter >= kRejectAfterMessages) return Opened::exhausted;
  const std::span<std::byte> sealed = view.sealed();
  if (!receive_.open(counter, sealed, sealed.first(sealed.size() - wire::kTagSize)))
    return Opened::not_authentic;
  return window_.accept(counter) ? Opened::ok : Opened::replayed;
}

}  // namespace wgscope::noise
