// STUN messages: what is read is written and read again.

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
  read->not_understood.clear();
  const auto again = wire::parse_stun(wire::build_stun(*read));
  WGSCOPE_PROMISE(again.has_value() && *again == *read);
  return 0;
}
