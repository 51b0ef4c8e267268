#pragma once

#include "wgscope/base/result.hpp"
#include "wgscope/config/names.hpp"

namespace wgscope::config {

/// Passes `found` on, unless every line that should give a name is bad. Then this is most likely
/// the wrong file, and the names that were read earlier are worth more.
/// @returns bad_value with the first bad line.
Result<NamesFound> unless_all_bad(NamesFound found);

}  // namespace wgscope::config
