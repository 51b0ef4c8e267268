#include "wgscope/checks/key_guard.hpp"

#include <algorithm>
#include <string>
#include <utility>

#include "wgscope/base/time.hpp"
#include "wgscope/diagnosis/handshake.hpp"
#include "wgscope/model/device.hpp"
#include "wgscope/model/public_key.hpp"
#include "wgscope/model/snapshot.hpp"
#include "wgscope/os/clock.hpp"
#include "wgscope/source/collect.hpp"

namespace wgscope::checks {
namespace {

/// Whether an interface may have the key all the same, though reading it failed.
bool leaves_room(const Failure& failure, const Snapshot& seen) {
  switch (failure.reason) {
    case FailureReason::nodev:    // it is gone
    case FailureReason::refused:  // a socket that its daemon left behind
      return false;
    case FailureReason::malformed:  // also one of two that call themselves by the same name
      return true;
    default: break;
  }
  // What failed of an interface that was read all the same has nothing to do with its key.
  return failure.interface.empty() ||
         std::ranges::find(seen.devices, failure.interface, &Device::name) == seen.devices.end();
}

}  // namespace

FoundKeyUse find_key_use(const PublicKey& key, const std::string& uapi_folder,
                         Nanoseconds patience) {
  source::CollectOptions options;
  options.uapi_folder = uapi_folder;
  source::SnapshotSource source(std::move(options));
  Snapshot seen;
  const Now now = os::now();
  source.collect(now, now.boot + patience, seen);
  const auto user = std::ranges::find(seen.devices, key, &Device::public_key);
  if (user != seen.devices.end()) return {diagnosis::KeyUse::used, user->name};
  const auto obstacle = std::ranges::find_if(
      seen.failures, [&](const Failure& failure) { return leaves_room(failure, seen); });
  if (obstacle == seen.failures.end()) return {};
  const bool forbidden =
      obstacle->reason == FailureReason::eperm || obstacle->reason == FailureReason::eacces;
  return {diagnosis::KeyUse::not_known, obstacle->detail, obstacle->interface, forbidden};
}

}  // namespace wgscope::checks
