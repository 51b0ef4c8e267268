// The value of an Authorization header.

#include "exporter/http/credentials.hpp"

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "wgscope/base/text.hpp"

#include "fuzz.hpp"

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace wgscope::exporter::http;
  const std::string_view value = wgscope::fuzz::as_text(data, size);
  const auto read = read_credentials(value);
  if (!read) return 0;
  WGSCOPE_PROMISE(wgscope::iequals(value.substr(0, 6), "Basic "));
  WGSCOPE_PROMISE(read->user.find_first_of(std::string_view(":\0", 2)) == std::string::npos);
  WGSCOPE_PROMISE(read->password.view().find('\0') == std::string_view::npos);
  // Three bytes are four letters: nothing is added, and nothing left out but the padding.
  const std::size_t decoded = read->user.size() + 1 + read->password.size();
  const std::size_t encoded = wgscope::trim(value.substr(6)).size();
  WGSCOPE_PROMISE(encoded % 4 == 0 && decoded <= encoded / 4 * 3 && decoded + 2 >= encoded / 4 * 3);
  return 0;
}
