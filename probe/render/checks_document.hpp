#pragma once

#include <string>

namespace wgscope::probe {

/// docs/checks.md as it has to be (Markdown): all checks, by verb.
std::string checks_document();

}  // namespace wgscope::probe
