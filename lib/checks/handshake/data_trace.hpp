#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "wgscope/base/time.hpp"
#include "wgscope/checks/run.hpp"
#include "wgscope/checks/session.hpp"
#include "wgscope/diagnosis/handshake.hpp"

#include "silence.hpp"

namespace wgscope::checks {

/// Chosen: a path that loses 30 % in each direction loses so many in a row, and the two before, in
/// one of 100 runs, if the plain ones all come through.
inline constexpr std::size_t kTracePairs = 5;
inline constexpr std::size_t kTraceEach = 2;  ///< A router may leave one out (RFC 1812 §4.3.2.8).
/// Packets of the session that one trace sends at most; half of the pairs are not.
inline constexpr std::size_t kMostTraced = kTraceEach * SilenceProbe::kHops + 2 * kTracePairs;

struct DataTraceOptions {
  std::optional<std::uint32_t> mark;  ///< of what is sent outside the session
  Instant deadline;
};

/// Which of the routers that report a datagram's end do so for the session's own data: behind the
/// last of them something drops WireGuard's data. Sends two empty packets to each, with a hop limit
/// that ends there. The first router that reports none is asked some more times, with an empty
/// packet and a plain datagram of the same size right behind it: a router that rations its reports
/// has one left for the first that comes. What routers report about all these is taken out of the
/// session's errors, as nobody else caused it.
/// @param around  what plain datagrams to the same endpoint found.
diagnosis::DataTrace trace_data(Run& run, Session& session, const diagnosis::SilenceFacts& around,
                                const DataTraceOptions& options);

}  // namespace wgscope::checks
