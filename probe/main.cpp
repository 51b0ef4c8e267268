#include <cstdio>
#include <exception>
#include <string>
#include <sys/prctl.h>
#include <vector>

#include <fmt/core.h>

#include "probe/program.hpp"
#include "probe/verbs.hpp"

int main(int argc, char** argv) {
  // No core dumps and no debugger without privileges: keys are in this memory.
  prctl(PR_SET_DUMPABLE, 0);
  try {
    return static_cast<int>(
        wgscope::probe::run_program(std::vector<std::string>(argv + 1, argv + argc)));
  } catch (const std::exception& error) {
    fmt::print(stderr, "wgscope: {}\n", error.what());
    return static_cast<int>(wgscope::probe::Exit::unknown);
  }
}
