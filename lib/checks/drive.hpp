#pragma once

#include <optional>

#include "wgscope/base/time.hpp"
#include "wgscope/checks/run.hpp"
#include "wgscope/os/poll_loop.hpp"

namespace wgscope::checks {

/// Runs a search on the loop of a run, until it is done, the deadline comes or the user ends it.
/// @param search  an engine of wgscope::path, or what else has next_timeout(), handle_timeout() and
///                done().
/// @param step    sends what the search wants to be sent. It is called first, and after each round
///                of events.
template <class Search, class Step>
void drive(Run& run, Search& search, Instant deadline, const Step& step) {
  const auto timer = run.loop().add(os::Timer{.next = [&] { return search.next_timeout(); },
                                              .expired =
                                                  [&](Instant now) {
                                                    search.handle_timeout(now);
                                                    run.wake();
                                                  }});
  run.wait_at_most(
      [&] {
        step();
        return search.done();
      },
      deadline);
}

}  // namespace wgscope::checks
