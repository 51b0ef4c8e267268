#pragma once

#include <string>
#include <vector>

#include "probe/verbs.hpp"

namespace wgscope::probe {

Exit run_explain(std::vector<std::string> arguments);
Exit run_handshake(std::vector<std::string> arguments);
Exit run_listen(std::vector<std::string> arguments);
Exit run_mtu(std::vector<std::string> arguments);
Exit run_nat(std::vector<std::string> arguments);
Exit run_ping(std::vector<std::string> arguments);
Exit run_reach(std::vector<std::string> arguments);

}  // namespace wgscope::probe
