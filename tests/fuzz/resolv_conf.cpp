// A resolv.conf(5): os::parse_name_servers.

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "wgscope/model/address.hpp"
#include "wgscope/os/name_servers.hpp"

#include "fuzz.hpp"

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace wgscope;
  const auto servers = os::parse_name_servers({reinterpret_cast<const char*>(data), size});
  WGSCOPE_PROMISE(servers.size() <= 3);
  for (const Endpoint& server : servers) WGSCOPE_PROMISE(server.port == 53);
  return 0;
}
