#include "wgscope/source/netlink/attributes.hpp"

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>

#include <fmt/core.h>

#include "wgscope/base/result.hpp"

namespace wgscope::netlink {

Result<> wrong_length(const Attribute& attribute, std::string_view name, std::size_t wanted) {
  return fail(Errc::bad_length, fmt::format("{}: has {} bytes instead of {}", name,
                                            attribute.payload.size(), wanted));
}

Result<> read_string(const Attribute& attribute, std::string_view name, std::string& out) {
  const auto end = std::ranges::find(attribute.payload, std::byte{0});
  if (end == attribute.payload.begin() || end == attribute.payload.end())
    return fail(Errc::bad_length, fmt::format("{}: not a NUL-terminated string", name));
  out.assign(reinterpret_cast<const char*>(attribute.payload.data()),
             static_cast<std::size_t>(end - attribute.payload.begin()));
  return {};
}

}  // namespace wgscope::netlink
