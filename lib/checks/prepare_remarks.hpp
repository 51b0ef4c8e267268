#pragma once

#include <optional>
#include <string>
#include <vector>

#include "wgscope/base/result.hpp"
#include "wgscope/checks/target.hpp"
#include "wgscope/config/wg_quick.hpp"
#include "wgscope/crypto/x25519.hpp"
#include "wgscope/diagnosis/report.hpp"

// What a configuration tells before anything is sent.

namespace wgscope::checks {

/// A check for each line that gave cause for one. @param file  as it is shown.
std::vector<diagnosis::Check> remarks(const std::string& file, const config::WgQuickConfig& config);

/// What keeps a target from being asked at all, decided by its keys and addresses alone; nothing
/// where it can be asked.
std::optional<diagnosis::Check> hopeless(const Target& target, const crypto::X25519Key& ours);

}  // namespace wgscope::checks
