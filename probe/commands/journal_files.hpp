#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "wgscope/base/result.hpp"
#include "wgscope/journal/event.hpp"

// The lines of journals, from files as they are and compressed with gzip, and from standard input.

namespace wgscope::probe {

/// Lines that are no events.
struct JournalRead {
  std::uint64_t events = 0;
  std::uint64_t unreadable = 0;    ///< lines; torn ones aside
  std::uint64_t torn = 0;          ///< lines that a kill cut: the exporter starts behind them
  std::string first_unreadable;    ///< where and why: "FILE:LINE: …"
  std::vector<std::string> notes;  ///< about files, in sentences
};

/// Reads the files in the order of their first events, whatever the order of `paths`: that of
/// rotated files is the other way round.
/// @param paths  "-" is standard input. @param take  returns whether to go on.
/// @returns io, access_denied, naming the path.
Result<JournalRead> read_journals(const std::vector<std::string>& paths,
                                  const std::function<bool(const journal::Event&)>& take);

}  // namespace wgscope::probe
