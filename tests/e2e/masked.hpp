#pragma once

#include <string>

namespace wgscope::test {

/// Output without what may differ from run to run and from machine to machine: figures, keys and the state of
/// the machine's clock.
std::string masked(std::string text);

}  // namespace wgscope::test
