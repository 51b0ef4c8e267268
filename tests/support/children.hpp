#pragma once

#include <fstream>
#include <sys/types.h>

#include <fmt/core.h>

namespace wgscope::test {

/// The first process that this one has started and that is still there; -1: there is none.
inline pid_t first_child_of(pid_t parent) {
  std::ifstream children(fmt::format("/proc/{0}/task/{0}/children", parent));
  pid_t child = -1;
  return children >> child ? child : -1;
}

}  // namespace wgscope::test
