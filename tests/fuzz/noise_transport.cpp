// A transport message from anyone, to a session that both ends have just made.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "wgscope/base/bytes.hpp"
#include "wgscope/base/time.hpp"
#include "wgscope/noise/constants.hpp"
#include "wgscope/noise/key_pair.hpp"
#include "wgscope/wire/message.hpp"

#include "fuzz.hpp"
#include "transcript.hpp"

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace wgscope;
  using Opened = noise::KeyPair::Opened;
  if (size < wire::kKeepaliveSize) return 0;
  const auto bytes = fuzz::as_bytes(data, size);
  static const noise::TransportKeys keys{
      .send = test::secret_of("623737c00da91c07ee7e4d64212d93d4e494e0abb3bf51dd4fad702943158391"),
      .receive =
          test::secret_of("5df81a04200598f5889736aadd925daf494ceb2883320af316c73c04cba58b07")};
  static const auto keepalive = test::unhex("0000000000000000744820a7f5236ad43d23133f18309325");

  noise::KeyPair pair(keys, {.local = 1, .remote = 2}, noise::Role::responder, Instant{});
  std::vector<std::byte> message(bytes.begin(), bytes.end());
  const Opened opened = pair.open(message);
  const std::uint64_t counter = load_le64(bytes.subspan<8, 8>());
  WGSCOPE_PROMISE((opened == Opened::exhausted) == (counter >= noise::kRejectAfterMessages));
  WGSCOPE_PROMISE((opened == Opened::ok) == std::ranges::equal(bytes.subspan(8), keepalive));
  if (opened == Opened::ok) {
    message.assign(bytes.begin(), bytes.end());
    WGSCOPE_PROMISE(pair.open(message) == Opened::replayed);
  }
  return 0;
}
