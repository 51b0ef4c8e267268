#pragma once

#include <string>
#include <vector>

#include "wgscope/base/result.hpp"

namespace wgscope::exporter {

/// Files that the serving process needs, besides what the C library reads to look up names and time
/// zones. Each may be a folder, and then means what is in it. What does not exist is passed over.
struct FileNeeds {
  std::vector<std::string> readable;
  std::vector<std::string> writable;  ///< folders in which it makes, replaces and removes files
};

/// Takes from this process, for good, what serving does not need: every capability, the right to
/// gain any (PR_SET_NO_NEW_PRIVS), files (landlock(7)), and system calls (seccomp(2)): it can start no
/// program, look into no other process and speak no netlink. To be called before the first thread:
/// threads that exist already keep what they have.
/// @returns a sentence on what this kernel cannot do, empty if everything was done; io if
/// capabilities or system calls could not be given up.
Result<std::string> confine(const FileNeeds& files);

}  // namespace wgscope::exporter
