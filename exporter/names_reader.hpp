#pragma once

#include <memory>
#include <string>
#include <vector>

#include "wgscope/base/time.hpp"
#include "wgscope/config/names.hpp"

#include "exporter/names.hpp"

namespace wgscope::exporter {

/// Reads files of names on a thread of its own: a file of 60 MB takes seconds, and no scrape is to
/// take them too. For one thread at a time.
class NamesReader {
 public:
  explicit NamesReader(std::vector<NamesFile> files);
  NamesReader(const NamesReader&) = delete;
  NamesReader& operator=(const NamesReader&) = delete;
  /// A file may be on a disk that does not answer, so its reading is waited for only for a while.
  ~NamesReader();

  struct State {
    std::shared_ptr<const config::PeerNames> names;  ///< nullptr: there are none, or not yet
    NamesReport report;                              ///< has not run before the first reading ended
    std::vector<std::string> messages;               ///< as Names::refresh(), since the last call
  };
  /// Has the thread look whether files changed. What it finds within `patience` is in the state
  /// already; a reading that takes longer, in a later one.
  State refresh(Nanoseconds patience);

  /// Whether a reading was left behind that did not end. Then the process must end without
  /// destroying what that may use: std::_Exit().
  static bool left_behind();

 private:
  struct Shared;
  std::shared_ptr<Shared> shared_;  ///< nullptr: no files
};

}  // namespace wgscope::exporter
