#pragma once

#include <cstdint>
#include <optional>

#include "wgscope/base/time.hpp"

namespace wgscope::exporter {

/// CPU time of this process, in user and system mode.
Nanoseconds cpu_used();

struct MemoryUsed {
  std::uint64_t virtual_bytes = 0;
  std::uint64_t resident_bytes = 0;
};

/// Of this process. Nothing: /proc cannot be read.
std::optional<MemoryUsed> memory_used();

}  // namespace wgscope::exporter
