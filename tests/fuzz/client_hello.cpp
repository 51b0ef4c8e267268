// The first bytes of a connection to a TLS port, as any client may send them.

#include "exporter/http/client_hello.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "fuzz.hpp"

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace wgscope::exporter::http;
  const std::string_view bytes = wgscope::fuzz::as_text(data, size);
  const HelloState state = judge_client_hello(bytes);
  // Nothing is waited for beyond the most that is.
  WGSCOPE_PROMISE(state != HelloState::incomplete || size < kMaxClientHello);
  // What is whole stays so, whatever follows it, and was not refused before it was.
  if (state == HelloState::whole)
    WGSCOPE_PROMISE(judge_client_hello(std::string(bytes) + "\x01rest") == HelloState::whole);
  for (std::size_t part = 0; part < std::min<std::size_t>(size, 512); ++part) {
    const HelloState before = judge_client_hello(bytes.substr(0, part));
    WGSCOPE_PROMISE(state != HelloState::whole || before == HelloState::incomplete ||
                    before == HelloState::whole);
    WGSCOPE_PROMISE(state != HelloState::incomplete || before == HelloState::incomplete);
  }
  return 0;
}
