#pragma once

#include <string_view>

#include "probe/verbs.hpp"

namespace wgscope::probe {

/// A line on standard error, "wgscope VERB: what". @param verb  empty: none.
void complain(std::string_view verb, std::string_view what);

/// Shows a text on standard output.
/// @returns ok; unknown where it could not be written, which a line on standard error says then.
Exit print(std::string_view verb, std::string_view text);

}  // namespace wgscope::probe
