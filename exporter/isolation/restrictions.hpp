#pragma once

#include "wgscope/base/result.hpp"

#include "exporter/isolation/confinement.hpp"

namespace wgscope::exporter {

/// Restricts this thread, and those it makes, to these files (landlock(7)).
/// @returns unsupported where the kernel does not know Landlock, or has it switched off; io.
Result<> restrict_files(const FileNeeds& files);

/// Restricts all threads of this process to the system calls that serving needs (seccomp(2)).
/// Others fail with EPERM. @returns io.
Result<> restrict_system_calls();

}  // namespace wgscope::exporter
