#pragma once

#include <string>
#include <string_view>

#include "wgscope/base/result.hpp"

#include "probe/verbs.hpp"

namespace wgscope::probe {

/// A line on standard error, "wgscope VERB: what". @param verb  empty: none.
void complain(std::string_view verb, std::string_view what);

/// Shows a text on standard output.
/// @returns ok; unknown where it could not be written, which a line on standard error says then.
Exit print(std::string_view verb, std::string_view text);

/// Writes a result to a file that everybody may read, such as node_exporter and pipelines.
/// @returns as os::check_replaceable() and os::replace_file().
Result<> write_result_file(const std::string& path, std::string_view content);

}  // namespace wgscope::probe
