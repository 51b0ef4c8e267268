#pragma once

#include <optional>
#include <string>

#include "wgscope/base/time.hpp"
#include "wgscope/journal/presence.hpp"

#include "probe/commands/journal_files.hpp"

// What `wgscope journal` says: docs/journal.md.

namespace wgscope::probe {

/// What the user asks the journal. Times are inclusive.
struct JournalQuestion {
  std::optional<WallTime> since;
  std::optional<WallTime> until;
  std::optional<WallTime> at;  ///< who was connected then, instead of who was at any time
};

/// All that is shown, with what is known of it.
struct JournalAnswer {
  JournalQuestion question;
  journal::Answer answer;  ///< of the peers that are asked for
  JournalRead read;
};

std::string journal_text(const JournalAnswer& answer);
std::string journal_json(const JournalAnswer& answer);
/// RFC 4180, with a heading. What is not of a row is missing: journal_notes().
std::string journal_csv(const JournalAnswer& answer);
/// What limits the answer, a sentence a line.
std::string journal_notes(const JournalAnswer& answer);

/// Whether the answer is complete: nothing of the time that is asked for is unknown.
bool is_known(const JournalAnswer& answer);

}  // namespace wgscope::probe
