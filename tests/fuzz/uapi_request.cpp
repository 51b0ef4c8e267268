// What a client of our UAPI socket sends. However it is cut, the requests in it are the same, and
// every byte belongs to one. The last byte of the input says how long the pieces are.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "wgscope/endpoint/uapi_session.hpp"

#include "fuzz.hpp"

namespace {

using wgscope::endpoint::UapiRequest;
using wgscope::endpoint::UapiRequestReader;

std::vector<UapiRequest> requests(std::string_view text, std::size_t piece) {
  std::vector<UapiRequest> all;
  UapiRequestReader reader;
  while (!text.empty()) {
    const auto part = text.substr(0, piece);
    const auto fed = reader.feed(std::span(part));
    WGSCOPE_PROMISE(fed.used <= part.size() && fed.used > 0);
    WGSCOPE_PROMISE(fed.request || fed.used == part.size());
    text.remove_prefix(fed.used);
    if (!fed.request) continue;
    all.push_back(*fed.request);
    reader = {};
  }
  return all;
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view text = wgscope::fuzz::as_text(data, size - 1);
  WGSCOPE_PROMISE(requests(text, data[size - 1] + std::size_t{1}) == requests(text, text.size()));
  return 0;
}
