#pragma once

#include <cstddef>
#include <string_view>

namespace wgscope::testing {

/// What the calling thread took from and gave back to the heap since start(): the program's
/// operator new and delete count. One at a time.
class AllocationWatch {
 public:
  /// @param needle  text that must not stand in memory that is given back; empty: nothing is looked
  /// for.
  static void start(std::string_view needle = {});
  static void stop();

  static std::size_t count();   ///< allocations
  static std::size_t bytes();   ///< allocated
  static std::size_t leaked();  ///< blocks given back with the needle in them
};

}  // namespace wgscope::testing
