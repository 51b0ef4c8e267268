#pragma once

#include <string>
#include <string_view>
#include <sys/types.h>
#include <vector>

namespace wgscope::test {

/// Something that must not be found, in one of the forms it can have.
struct Needle {
  std::string what;  ///< for the failure: "private key, base64"
  std::string bytes;
};

/// All forms of a key given as base64: base64, hexadecimal in both cases, raw. Each is cut
/// in two halves: an allocator writes over the start of what was freed, so half a key is
/// what a leak leaves.
std::vector<Needle> needles_of(const std::string& what, const std::string& key_base64);

/// `what` of each needle that is in `text`.
std::vector<std::string> found_in(std::string_view text, const std::vector<Needle>& needles);

/// The same for the memory of a process: every mapping that can be read and written.
/// Throws when it cannot be read.
std::vector<std::string> found_in_memory(pid_t pid, const std::vector<Needle>& needles);

}  // namespace wgscope::test
