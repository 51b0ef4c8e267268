#pragma once

#include "wgscope/base/time.hpp"

namespace wgscope::os {

Instant boot_now();  ///< reads CLOCK_BOOTTIME
Now now();           ///< reads CLOCK_BOOTTIME, and then CLOCK_REALTIME

/// Milliseconds until `deadline`, rounded up, at least 0: what poll(2) wants.
int poll_timeout_ms(Instant deadline);

}  // namespace wgscope::os
