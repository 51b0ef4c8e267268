// STUN messages: what is read is written and read again; what answers is small, and
// answered by nothing.

#include <cstddef>
#include <cstdint>

#include "wgscope/wire/stun.hpp"

#include "fuzz.hpp"

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace wgscope;
  const auto bytes = fuzz::as_bytes(data, size);
  auto read = wire::parse_stun(bytes);
  if (!read) return 0;
  WGSCOPE_PROMISE(wire::looks_like_stun(bytes));
  WGSCOPE_PROMISE(read->not_understood.size() <= size / 4);
  WGSCOPE_PROMISE(!read->error_code || (*read->error_code >= 300 && *read->error_code < 700));
  const Endpoint from{.address = {}, .scope_id = 0, .port = 1};
  if (const auto reply = wire::answer_binding(bytes, from)) {
    WGSCOPE_PROMISE(read->kind == wire::StunClass::request && reply->to.address == from.address);
    WGSCOPE_PROMISE(reply->to.port != 0);
    WGSCOPE_PROMISE(reply->bytes.size() <= size + 12);  // IPv4: hardly more than asked for it
    const auto answer = wire::parse_stun(reply->bytes);
    WGSCOPE_PROMISE(answer && answer->transaction == read->transaction);
    WGSCOPE_PROMISE(!wire::answer_binding(reply->bytes, from));
  }
  read->not_understood.clear();
  const auto again = wire::parse_stun(wire::build_stun(*read));
  WGSCOPE_PROMISE(again.has_value() && *again == *read);
  return 0;
}
