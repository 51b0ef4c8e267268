#pragma once

#include "wgscope/base/time.hpp"

namespace wgscope::os {

Instant boot_now();  ///< CLOCK_BOOTTIME
Now now();           ///< CLOCK_BOOTTIME and CLOCK_REALTIME, read one after the other

/// Milliseconds until `deadline`, rounded up, at least 0: what poll(2) wants.
int poll_timeout_ms(Instant deadline);

}  // namespace wgscope::os
