#pragma once

#include <cstddef>
#include <string>

#include "wgscope/config/wg_quick.hpp"

namespace wgscope::config {

/// For errors about something that a file lacks: the first line below line `after` whose key or
/// section is unknown, as it may be what is missing: "; line 2 is unknown, so it is ignored: did you
/// mean 'PrivateKey'?". Without the file's own words, which may not be shown to everybody.
/// Empty: none.
std::string misspelled(const WgQuickConfig& config, std::size_t after = 0);

}  // namespace wgscope::config
