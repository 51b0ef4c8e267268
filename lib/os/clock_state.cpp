#include "wgscope/os/clock_state.hpp"

#include <optional>
#include <sys/timex.h>

namespace wgscope::os {

std::optional<bool> clock_synchronised() {
  timex state{};  // modes = 0: nothing is set
  if (adjtimex(&state) < 0) return std::nullopt;
  return (state.status & STA_UNSYNC) == 0;
}

}  // namespace wgscope::os
