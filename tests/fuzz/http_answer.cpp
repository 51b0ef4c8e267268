// HTTP answers: reading the bytes at once and in pieces comes to the same, within the limits.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>

#include "wgscope/inner/http.hpp"

#include "fuzz.hpp"

namespace {

using namespace wgscope;

bool feed(inner::HttpAnswer& answer, std::span<const std::byte> bytes, std::size_t piece) {
  while (!bytes.empty()) {
    const auto part = bytes.first(std::min(piece, bytes.size()));
    if (!answer.feed(part)) return false;
    bytes = bytes.subspan(part.size());
  }
  return true;
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const auto bytes = fuzz::as_bytes(data, size).subspan(1);
  const inner::HttpLimits limits{512, 64};
  inner::HttpAnswer whole(limits);
  inner::HttpAnswer pieces(limits);
  const bool fed = feed(whole, bytes, bytes.size());
  WGSCOPE_PROMISE(feed(pieces, bytes, 1 + data[0] % 7U) == fed);
  if (!fed) return 0;
  WGSCOPE_PROMISE(whole.status() == pieces.status() && whole.body() == pieces.body());
  WGSCOPE_PROMISE(whole.body_size() == pieces.body_size());
  WGSCOPE_PROMISE(whole.complete() == pieces.complete());
  WGSCOPE_PROMISE(whole.headers().size() == pieces.headers().size());
  WGSCOPE_PROMISE(whole.body().size() == std::min<std::uint64_t>(whole.body_size(), limits.body));
  WGSCOPE_PROMISE(!whole.complete() || whole.status() >= 101);
  WGSCOPE_PROMISE(whole.finish().has_value() == whole.complete());
  return 0;
}
