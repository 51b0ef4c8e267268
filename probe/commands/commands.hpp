#pragma once

#include <memory>
#include <string>
#include <vector>

#include "probe/run.hpp"
#include "probe/verbs.hpp"

// What the table of verbs refers to; each function has a file of its verb's name in this folder.

namespace wgscope::probe {

std::unique_ptr<CheckVerb> make_check();
std::unique_ptr<CheckVerb> make_drift();
std::unique_ptr<CheckVerb> make_handshake();
std::unique_ptr<CheckVerb> make_mtu();
std::unique_ptr<CheckVerb> make_nat();
std::unique_ptr<CheckVerb> make_ping();
std::unique_ptr<CheckVerb> make_reach();
Exit run_explain(std::vector<std::string> arguments);
Exit run_inventory(std::vector<std::string> arguments);
Exit run_journal(std::vector<std::string> arguments);
Exit run_lint(std::vector<std::string> arguments);
Exit run_listen(std::vector<std::string> arguments);

}  // namespace wgscope::probe
