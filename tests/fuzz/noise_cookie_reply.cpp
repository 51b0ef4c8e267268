// A cookie reply from anyone, to the initiation that was sent last.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>

#include "wgscope/base/time.hpp"
#include "wgscope/noise/cookies.hpp"
#include "wgscope/wire/message.hpp"

#include "fuzz.hpp"
#include "transcript.hpp"

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace wgscope;
  if (size != wire::kCookieReplySize) return 0;
  const auto bytes = fuzz::as_bytes(data, size).first<wire::kCookieReplySize>();
  static const auto genuine = test::unhex(
      "242424242424242424242424242424242424242424242424"
      "bcac0cae8150e618ee511b110d2b75f7380251c5afc5aca6efc7bf8a5cb50596");

  auto message = fuzz::sent().message;
  noise::CookieJar jar(fuzz::responder().public_key());
  jar.add_macs(Instant{}, {message});
  const bool taken = jar.take_reply(Instant{}, {bytes});
  WGSCOPE_PROMISE(taken == std::ranges::equal(bytes.subspan<8, 56>(), genuine));
  WGSCOPE_PROMISE(!taken || !jar.take_reply(Instant{}, {bytes}));
  return 0;
}
