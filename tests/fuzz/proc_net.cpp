// Texts of /proc/…/net/unix, udp and udp6.

#include "wgscope/source/uapi/proc_net.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "fuzz.hpp"

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace wgscope;
  const std::string_view text = fuzz::as_text(data, size);

  const std::vector<std::string> paths{"/run/wireguard/wg0.sock", "/x"};
  const bool listed = uapi::lists_listener(text, paths);
  WGSCOPE_PROMISE(!listed || text.find(paths[0]) != std::string_view::npos ||
                  text.find(paths[1]) != std::string_view::npos);
  WGSCOPE_PROMISE(!uapi::lists_listener(text, {}));

  // A line more, with a socket that dropped five: whatever stood before, the sum is five more, and
  // no more when it is listed twice.
  constexpr std::string_view kInode = "18446744073709551557";
  if (text.find(kInode) != std::string_view::npos) return 0;
  std::string longer(text);
  if (!longer.ends_with('\n')) longer += '\n';
  const auto before = uapi::sum_drops(longer, 51820);
  for (int time = 0; time < 2; ++time) {
    longer +=
        " 1: 00000000:CA6C 00000000:0000 07 0:0 00:0 0 0 0 " + std::string(kInode) + " 2 0 5  \n";
    WGSCOPE_PROMISE(uapi::sum_drops(longer, 51820) == before.value_or(0) + 5);
  }
  return 0;
}
