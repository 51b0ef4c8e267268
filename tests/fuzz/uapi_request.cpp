// What clients of our UAPI socket send. However it is cut into pieces, the outcome is that of the
// whole. The first byte says how long the pieces are.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "wgscope/endpoint/uapi_session.hpp"

#include "fuzz.hpp"

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace wgscope::endpoint;
  if (size == 0) return 0;
  const std::size_t piece = 1 + data[0] % 16;
  std::string_view text = wgscope::fuzz::as_text(data + 1, size - 1);
  const auto whole = UapiRequestReader().feed(text);
  WGSCOPE_PROMISE(!whole || text.find('\n') != std::string_view::npos ||
                  text.size() > UapiRequestReader::kMaxSize);
  UapiRequestReader reader;
  std::optional<UapiRequest> cut;
  while (!text.empty() && !cut) {
    const std::size_t next = std::min(piece, text.size());
    cut = reader.feed(text.substr(0, next));
    text.remove_prefix(next);
  }
  WGSCOPE_PROMISE(cut == whole);
  return 0;
}
