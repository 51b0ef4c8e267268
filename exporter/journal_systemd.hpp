#pragma once

#include <cstddef>
#include <string_view>

#include "wgscope/base/result.hpp"

#include "exporter/journal.hpp"

namespace wgscope::exporter {

/// The systemd journal: each event's line is the message of an entry, under the identifier
/// wgscope-journal, with fields WGSCOPE_EVENT, WGSCOPE_INTERFACE and so on to search by.
class SystemdJournal final : public JournalOutput {
 public:
  /// @returns io where journald does not run or does not take the entry.
  Result<> write(std::string_view lines, std::size_t& done) override;
};

}  // namespace wgscope::exporter
