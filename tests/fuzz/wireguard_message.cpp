// What any datagram, and any decrypted payload, is taken for.

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "wgscope/wire/message.hpp"

#include "fuzz.hpp"

namespace {

using namespace wgscope;

/// Whether a field lies in its message.
bool lies_in(std::span<const std::byte> field, std::span<const std::byte> message) {
  return field.data() >= message.data() &&
         field.data() + field.size() <= message.data() + message.size();
}

void check_views(wire::MessageType type, std::span<const std::byte> datagram) {
  switch (type) {
    case wire::MessageType::initiation: {
      WGSCOPE_PROMISE(datagram.size() == wire::kInitiationSize);
      const wire::Initiation view{datagram.first<wire::kInitiationSize>()};
      WGSCOPE_PROMISE(lies_in(view.mac2(), datagram) && lies_in(view.sealed_timestamp(), datagram));
      break;
    }
    case wire::MessageType::response: {
      WGSCOPE_PROMISE(datagram.size() == wire::kResponseSize);
      const wire::Response view{datagram.first<wire::kResponseSize>()};
      WGSCOPE_PROMISE(lies_in(view.mac2(), datagram) && lies_in(view.sealed_nothing(), datagram));
      break;
    }
    case wire::MessageType::cookie_reply: {
      WGSCOPE_PROMISE(datagram.size() == wire::kCookieReplySize);
      const wire::CookieReply view{datagram.first<wire::kCookieReplySize>()};
      WGSCOPE_PROMISE(lies_in(view.sealed_cookie(), datagram));
      break;
    }
    case wire::MessageType::transport: {
      WGSCOPE_PROMISE(datagram.size() >= wire::kKeepaliveSize);
      const wire::TransportView<const std::byte> view{datagram};
      WGSCOPE_PROMISE(lies_in(view.sealed(), datagram) && view.sealed().size() >= wire::kTagSize);
      break;
    }
  }
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto datagram = fuzz::as_bytes(data, size);
  if (const auto type = wire::classify(datagram)) {
    check_views(*type, datagram);
    std::array<std::byte, 4> header{};
    wire::write_type(*type, header);
    for (std::size_t i = 0; i < header.size(); ++i) WGSCOPE_PROMISE(header[i] == datagram[i]);
  }

  std::vector<std::byte> payload(datagram.begin(), datagram.end());
  if (const auto packet = wire::trim_padding(payload)) {
    WGSCOPE_PROMISE(packet->bytes.data() == payload.data());
    WGSCOPE_PROMISE(packet->bytes.size() <= size);
    WGSCOPE_PROMISE(packet->bytes.size() >= (packet->v6 ? 40U : 20U));
    const auto again = wire::trim_padding(packet->bytes);  // nothing is left to trim
    WGSCOPE_PROMISE(again && again->bytes.size() == packet->bytes.size());
  }
  return 0;
}
