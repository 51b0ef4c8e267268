#pragma once

#include <string>

namespace wgscope::render {

/// The content of docs/checks.md (Markdown): all checks, by verb.
std::string checks_document();

}  // namespace wgscope::render
