#pragma once

#include <optional>

namespace wgscope::os {

/// Whether the kernel takes the wall clock for synchronised: NTP, PTP or the like has said so, and
/// not long ago. A clock that is not may be right all the same. Reads only, needs no privileges.
/// @returns nothing where this may not be asked, as under some sandboxes' system call filters.
/// Source: adjtimex(2), STA_UNSYNC.
std::optional<bool> clock_synchronised();

}  // namespace wgscope::os
