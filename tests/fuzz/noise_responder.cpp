// An initiation from anyone, as a responder takes it: mac1, who is it, when, and the answer.

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "wgscope/noise/cookies.hpp"
#include "wgscope/noise/handshake.hpp"
#include "wgscope/wire/message.hpp"

#include "fuzz.hpp"
#include "transcript.hpp"

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace wgscope;
  if (size != wire::kInitiationSize) return 0;
  const auto bytes = fuzz::as_bytes(data, size).first<wire::kInitiationSize>();
  static const noise::MacKeys keys = noise::MacKeys::of(fuzz::responder().public_key());
  static const auto remote =
      noise::RemoteStatic::create(fuzz::responder(), fuzz::initiator().public_key());

  const auto genuine = std::span(fuzz::sent().message);
  const auto same = [&](std::size_t from, std::size_t to) {
    return std::ranges::equal(bytes.subspan(from, to - from), genuine.subspan(from, to - from));
  };

  (void)noise::mac1_is_valid(keys, {bytes});  // and on, as if it were: what follows must hold alone
  auto opened = noise::open_initiation(fuzz::responder(), {bytes});
  WGSCOPE_PROMISE(opened.has_value() == same(8, 88));
  if (!opened) return 0;
  WGSCOPE_PROMISE(opened->initiator() == fuzz::initiator().public_key());
  const auto stamp = opened->read_timestamp(remote.value(), {bytes});
  WGSCOPE_PROMISE(stamp.has_value() == same(88, 116));
  if (!stamp) return 0;

  test::SeededRandom random(1);
  std::array<std::byte, wire::kResponseSize> response{};
  WGSCOPE_PROMISE(opened->respond(fuzz::preshared_key(), random, {response}));
  WGSCOPE_PROMISE(wire::classify(response) == wire::MessageType::response);
  WGSCOPE_PROMISE(std::ranges::equal(wire::Response{response}.receiver(), bytes.subspan<4, 4>()));
  return 0;
}
