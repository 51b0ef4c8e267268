#pragma once

#include <cstdint>

namespace wgscope::exporter {

/// What the serving process asks the reading one. Plain numbers: a process that was taken over can
/// ask for a reading, and for nothing else.
struct ReadRequest {
  std::uint64_t sequence;  ///< the answer has it too
  std::int64_t boot_ns;    ///< the time of the reading, as Now has it
  std::int64_t wall_ns;
  std::int64_t deadline_ns;  ///< since boot
  std::uint64_t generation;  ///< of the names that the asker has; 0: none
};

/// A descriptor comes with it if the memory is not that of the answer before.
struct ReadAnswer {
  std::uint64_t sequence;
  std::uint64_t size;        ///< of the image at the beginning of the memory, bytes
  std::uint64_t generation;  ///< of the names
  std::int64_t cpu_ns;       ///< that the process has used so far
  std::uint64_t resident_bytes;
};

/// From the parent of the reading process: a new one is there, at the descriptor that comes with it.
struct ReaderStarted {
  std::uint64_t restarts;
  std::int32_t ended_by_signal;  ///< how the one before ended; 0: it exited
  std::int32_t exit_code;
};

}  // namespace wgscope::exporter
