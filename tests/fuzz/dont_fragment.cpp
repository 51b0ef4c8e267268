// Headers as a raw socket hands them over.

#include "wgscope/os/dont_fragment.hpp"

#include <cstddef>
#include <cstdint>

#include "fuzz.hpp"

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace wgscope;
  const auto flag = os::dont_fragment_of(fuzz::as_bytes(data, size), 51820);
  WGSCOPE_PROMISE(!flag || size >= 28);
  return 0;
}
