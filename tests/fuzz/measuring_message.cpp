// Messages of the measuring service: what is read is written as the same bytes.

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "wgscope/wire/measuring.hpp"

#include "fuzz.hpp"

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace wgscope;
  const auto bytes = fuzz::as_bytes(data, size);
  if (const auto request = wire::parse_measuring_request(bytes))
    WGSCOPE_PROMISE(std::ranges::equal(wire::build_measuring_request(*request), bytes));
  if (const auto answer = wire::parse_measuring_answer(bytes))
    WGSCOPE_PROMISE(std::ranges::equal(wire::build_measuring_answer(*answer), bytes));
  return 0;
}
