#include <exception>
#include <string>
#include <sys/prctl.h>
#include <vector>

#include "wgscope/diagnosis/report.hpp"
#include "wgscope/os/standard_streams.hpp"

#include "probe/program.hpp"
#include "probe/refusal.hpp"

int main(int argc, char** argv) {
  using namespace wgscope;
  // No core dumps and no debugger without privileges: keys are in this memory.
  prctl(PR_SET_DUMPABLE, 0);
  os::secure_standard_streams();
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  try {
    return static_cast<int>(probe::run_program(arguments));
  } catch (const std::exception& error) {
    return static_cast<int>(probe::refuse(probe::call_as_written("", arguments), error.what(),
                                          diagnosis::Reason::cannot_run));
  }
}
