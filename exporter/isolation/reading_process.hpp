#pragma once

#include "wgscope/os/unique_fd.hpp"

#include "exporter/isolation/remote_reading.hpp"

namespace wgscope::exporter {

/// The parent of the reading process: starts one, and another one whenever it ends, not more often
/// than once a second when they end at once. Never returns: ends this process when the other end of
/// `server` is closed.
[[noreturn]] void keep_reading_process(os::UniqueFd server,
                                       const RemoteReading::Make& make) noexcept;

/// The reading process: answers requests until the other end of `server` is closed.
void serve_readings(os::UniqueFd server, Reading& reading);

}  // namespace wgscope::exporter
