#include "wgscope/model/snapshot.hpp"

#include <algorithm>
#include <string_view>

#include "wgscope/base/result.hpp"
#include "wgscope/model/device.hpp"

namespace wgscope {

std::string_view to_string(FailureReason reason) {
  switch (reason) {
    case FailureReason::eperm: return "eperm";
    case FailureReason::eacces: return "eacces";
    case FailureReason::netns_gone: return "netns_gone";
    case FailureReason::nodev: return "nodev";
    case FailureReason::interrupted: return "interrupted";
    case FailureReason::timeout: return "timeout";
    case FailureReason::malformed: return "malformed";
    case FailureReason::refused: return "refused";
    case FailureReason::io: return "io";
  }
  return "io";
}

FailureReason failure_reason(Errc code) {
  switch (code) {
    case Errc::truncated:
    case Errc::bad_length:
    case Errc::bad_value:
    case Errc::missing_key:
    case Errc::too_large: return FailureReason::malformed;
    case Errc::not_permitted: return FailureReason::eperm;
    case Errc::access_denied: return FailureReason::eacces;
    case Errc::netns_gone: return FailureReason::netns_gone;
    case Errc::no_device: return FailureReason::nodev;
    case Errc::interrupted: return FailureReason::interrupted;
    case Errc::timeout: return FailureReason::timeout;
    case Errc::refused: return FailureReason::refused;
    case Errc::unsupported:
    case Errc::io: return FailureReason::io;
  }
  return FailureReason::io;
}

std::string_view to_string(Collector collector) {
  switch (collector) {
    case Collector::netlink: return "netlink";
    case Collector::uapi: return "uapi";
    case Collector::links: return "links";
  }
  return "unknown";
}

bool lacks_peers(const Snapshot& snapshot, const Device& device) {
  return std::ranges::any_of(snapshot.failures, [&device](const Failure& failure) {
    // Other failures of a device that was read are about its link. And a socket does not say in
    // which namespace its interface is.
    return (failure.reason == FailureReason::interrupted ||
            failure.reason == FailureReason::malformed) &&
           (failure.netns.empty() || failure.netns == device.netns) &&
           failure.interface == device.name;
  });
}

}  // namespace wgscope
