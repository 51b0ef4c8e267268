#include "netns_names.hpp"

#include <optional>
#include <string>
#include <utility>

#include <fmt/core.h>

#include "wgscope/base/result.hpp"
#include "wgscope/os/netns.hpp"

namespace wgscope::source {

Result<std::string> NetnsNames::label_of(const os::Netns& netns) {
  if (auto name = find(netns.id())) return std::move(*name);
  if (!looked_) look();
  if (auto name = find(netns.id())) return std::move(*name);
  if (obstacle_) return tl::unexpected(*obstacle_);
  return fmt::format("net:[{}]", netns.id().inode);
}

std::optional<std::string> NetnsNames::find(os::NetnsId id) const {
  const auto name = names_.find(id);
  if (name == names_.end()) return std::nullopt;
  // The number may be another namespace's by now, and the name too.
  const auto named = os::Netns::open(fmt::format("{}/{}", folder_, name->second));
  if (!named || named->id() != id) return std::nullopt;
  return name->second;
}

void NetnsNames::look() {
  looked_ = true;
  names_.clear();
  obstacle_.reset();
  const auto listed = os::list_named_netns(folder_);
  if (!listed) {
    obstacle_ = listed.error();
    return;
  }
  for (const std::string& name : *listed) {
    const auto netns = os::Netns::open(fmt::format("{}/{}", folder_, name));
    if (netns)
      names_.emplace(netns->id(), name);
    else if (netns.error().code != Errc::netns_gone && !obstacle_)
      obstacle_ = netns.error();
  }
}

}  // namespace wgscope::source
