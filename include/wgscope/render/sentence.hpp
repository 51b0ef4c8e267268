#pragma once

#include <span>
#include <string>
#include <string_view>

#include "wgscope/diagnosis/text.hpp"

namespace wgscope::render {

/// The sentence of an error, which is a plain string, as a text that knows which of its pieces are
/// somebody's, so that Redaction can hide them. What came from outside is told by its looks:
/// everything between quotes, addresses, keys, paths, names with a dot, a port or letters beyond
/// ASCII. What looks like a plain word is somebody's only if it is one of `given`. It rather marks
/// too much.
/// @param given  values that the user gave: of arguments and variables.
diagnosis::Text mark(std::string_view sentence, std::span<const std::string> given);

}  // namespace wgscope::render
