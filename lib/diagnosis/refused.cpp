#include <cstddef>
#include <vector>

#include "wgscope/diagnosis/handshake.hpp"
#include "wgscope/diagnosis/session.hpp"
#include "wgscope/diagnosis/text.hpp"

#include "handshake_parts.hpp"

// What came and was of no use, in words. Nothing that arrived is left out.

namespace wgscope::diagnosis {

Text describe(const Stray& stray) {
  if (stray.size == 0)
    return text("{} without content from {}", counted(stray.count, "datagram", "datagrams"),
                stray.from);
  return text(
      "{} of {} bytes from {}, beginning with {}: {}",
      counted(stray.count, "datagram", "datagrams"), stray.size, stray.from, vouched(stray.begins),
      stray.reserved ? Words("a WireGuard message, but for its reserved bytes, which are not zero")
                     : Words("no WireGuard message"));
}

std::vector<Text> describe(const Refused& refused) {
  std::vector<Text> lines;
  lines.reserve(refused.strays.size());
  for (const Stray& stray : refused.strays) lines.push_back(describe(stray));
  const auto add = [&](std::size_t count, Words one, Words many) {
    if (count > 0) lines.push_back(counted(count, one, many));
  };
  add(refused.more_strays, "further datagram, not a WireGuard message for this key",
      "further datagrams, not WireGuard messages for this key");
  add(refused.initiations, "handshake initiation that was not accepted",
      "handshake initiations that were not accepted");
  add(refused.not_authentic, "WireGuard message that this probe's keys do not open",
      "WireGuard messages that this probe's keys do not open");
  add(refused.foreign, "data packet for a session that was never this probe's",
      "data packets for sessions that were never this probe's");
  add(refused.late, "message for a session or handshake that was over",
      "messages for sessions or handshakes that were over");
  add(refused.repeated, "data packet that had arrived before",
      "data packets that had arrived before");
  add(refused.inside, "packet inside the tunnel whose source is not in AllowedIPs, or not IP",
      "packets inside the tunnel whose source is not in AllowedIPs, or not IP");
  add(refused.failed, "message that could not be looked at, for lack of memory",
      "messages that could not be looked at, for lack of memory");
  return lines;
}

}  // namespace wgscope::diagnosis
