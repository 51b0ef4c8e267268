// A response from anyone, as the initiator takes it.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>

#include "wgscope/noise/handshake.hpp"
#include "wgscope/wire/message.hpp"

#include "fuzz.hpp"
#include "transcript.hpp"

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace wgscope;
  using Verdict = noise::SentInitiation::Verdict;
  if (size != wire::kResponseSize) return 0;
  const auto bytes = fuzz::as_bytes(data, size).first<wire::kResponseSize>();
  static const auto genuine = test::unhex(
      "605a725d2a4adfeeb1a29e17edd621c1b7593ee8cdbc44ac6c4ab6e2f805d23c"
      "6b7ec09915c4e1b090f86add09aef472");

  const auto outcome =
      fuzz::sent().state.consume_response(fuzz::initiator(), fuzz::preshared_key(), {bytes});
  const bool accepted = outcome.verdict == Verdict::accepted;
  WGSCOPE_PROMISE(accepted == std::ranges::equal(bytes.subspan<12, 48>(), genuine));
  WGSCOPE_PROMISE(outcome.keys.has_value() == accepted);
  WGSCOPE_PROMISE(outcome.trial.has_value() == (outcome.verdict == Verdict::not_decrypted));
  if (outcome.trial) {
    WGSCOPE_PROMISE(!outcome.trial->fits(fuzz::preshared_key()));
    WGSCOPE_PROMISE(!outcome.trial->fits(PresharedKey{}));
  }
  return 0;
}
