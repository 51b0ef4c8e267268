// The first bytes of a connection, as any client may send them.

#include "exporter/http/request_head.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "fuzz.hpp"

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace wgscope::exporter::http;
  const std::string_view bytes = wgscope::fuzz::as_text(data, size);
  const HeadVerdict verdict = judge_head(bytes);
  WGSCOPE_PROMISE(verdict.state != HeadState::incomplete || size < kMaxRequestHead);
  WGSCOPE_PROMISE(verdict.state != HeadState::whole || bytes.find('\n') != std::string_view::npos);
  if (verdict.state == HeadState::refused)
    WGSCOPE_PROMISE(verdict.text.starts_with(std::to_string(verdict.status)));
  // A head that is whole stays so, whatever follows it.
  if (verdict.state == HeadState::whole)
    WGSCOPE_PROMISE(judge_head(std::string(bytes) + "\x01rest").state == HeadState::whole);
  // What is refused was refusable at some earlier byte, and never served in between.
  if (verdict.state == HeadState::refused)
    for (std::size_t part = 0; part < std::min<std::size_t>(size, 256); ++part)
      WGSCOPE_PROMISE(judge_head(bytes.substr(0, part)).state != HeadState::whole);
  return 0;
}
