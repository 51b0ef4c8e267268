#pragma once

#include <string>
#include <vector>

namespace wgscope::test {

/// A standard output that cannot be written.
struct Unwritable {
  const char* script;  ///< of bash: makes it that of the shell
  const char* why;     ///< what the system says of it
};

inline constexpr Unwritable kUnwritable[] = {
    {"exec >&-", "Bad file descriptor"},
    {"exec >/dev/full", "No space left on device"},
    {"exec > >(:); wait $!", "Broken pipe"},  // whose reader has gone
};

/// The command, with that as its standard output.
inline std::vector<std::string> writing_to(const Unwritable& output,
                                           std::vector<std::string> command) {
  command.insert(command.begin(),
                 {"bash", "-c", std::string(output.script) + "; exec \"$0\" \"$@\""});
  return command;
}

}  // namespace wgscope::test
