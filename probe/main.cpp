#include <exception>
#include <string>
#include <sys/prctl.h>
#include <vector>

#include "wgscope/os/standard_streams.hpp"

#include "probe/program.hpp"
#include "probe/render/print.hpp"
#include "probe/verbs.hpp"

int main(int argc, char** argv) {
  // No core dumps and no debugger without privileges: keys are in this memory.
  prctl(PR_SET_DUMPABLE, 0);
  wgscope::os::secure_standard_streams();
  try {
    return static_cast<int>(
        wgscope::probe::run_program(std::vector<std::string>(argv + 1, argv + argc)));
  } catch (const std::exception& error) {
    wgscope::probe::complain("", error.what());
    return static_cast<int>(wgscope::probe::Exit::unknown);
  }
}
