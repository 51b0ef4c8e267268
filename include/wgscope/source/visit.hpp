#pragma once

#include <functional>
#include <string>

#include "wgscope/base/result.hpp"

namespace wgscope::source {

/// Calls a function in the network namespace of a snapshot's device, and waits for its end: at once
/// in our own namespace, otherwise on a thread that is made for it and enters the namespace.
/// @param netns  as Device::netns: empty for our own, a name under /run/netns, or a path.
/// @param visit  throws nothing.
/// @returns netns_gone, access_denied, not_permitted, io: then nothing was called.
Result<> visit_netns(const std::string& netns, const std::function<void()>& visit);

}  // namespace wgscope::source
