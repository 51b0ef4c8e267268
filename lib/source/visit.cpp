#include "wgscope/source/visit.hpp"

#include <functional>
#include <string>
#include <thread>

#include <fmt/core.h>

#include "wgscope/base/result.hpp"
#include "wgscope/os/netns.hpp"

namespace wgscope::source {

Result<> visit_netns(const std::string& netns, const std::function<void()>& visit) {
  if (netns.empty()) {
    visit();
    return {};
  }
  const bool is_path = netns.find('/') != std::string::npos;
  const auto opened =
      os::Netns::open(is_path ? netns : fmt::format("{}/{}", os::kNamedNetnsFolder, netns));
  if (!opened) return tl::unexpected(opened.error());
  Result<> entered;
  std::thread([&] {
    entered = opened->enter();
    if (entered) visit();
  }).join();
  return entered;
}

}  // namespace wgscope::source
