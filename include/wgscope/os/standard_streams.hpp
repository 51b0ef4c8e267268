#pragma once

#include <string_view>

#include "wgscope/base/result.hpp"

namespace wgscope::os {

/// Makes output that cannot be written an error of the program that writes it. Call it first in
/// main(), before anything is opened and any thread is made:
/// - SIGPIPE is ignored: a pipe whose reader is gone fails with EPIPE instead of ending the program.
/// - A standard stream that is closed is opened such that its use fails with EBADF. Otherwise the
///   next file or socket would get its number, and be written into.
void secure_standard_streams();

/// Writes everything, and waits where standard output is not ready. @returns io: what is missing is
/// lost; the error says why.
Result<> write_standard_output(std::string_view text);

/// Writes everything, or as much as can be written: there is nobody to tell that it failed.
void write_standard_error(std::string_view text) noexcept;

/// Whether both streams are the same file, pipe or terminal, as after 2>&1.
bool are_standard_outputs_one();

}  // namespace wgscope::os
