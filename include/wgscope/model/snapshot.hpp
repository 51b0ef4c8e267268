#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "wgscope/base/result.hpp"
#include "wgscope/base/time.hpp"
#include "wgscope/model/device.hpp"

namespace wgscope {

/// Why an interface, or a whole namespace, could not be read. The names are label values of
/// wireguard_exporter_interface_failures and are never renamed.
enum class FailureReason : std::uint8_t {
  eperm,
  eacces,
  netns_gone,
  nodev,
  interrupted,
  timeout,
  malformed,
  refused,
  io,
};

std::string_view to_string(FailureReason reason);
FailureReason failure_reason(Errc code);

struct Failure {
  std::string netns;
  std::string interface;  ///< empty when a whole namespace or socket folder failed
  FailureReason reason = FailureReason::malformed;
  std::string detail;  ///< for people: what was tried and what to do
};

/// The parts of a collection that succeed or fail by themselves.
enum class Collector : std::uint8_t { netlink, uapi, links };
inline constexpr std::size_t kCollectorCount = 3;

std::string_view to_string(Collector collector);

struct CollectorReport {
  bool ran = false;  ///< false: this collector is switched off
  bool success = true;
  Nanoseconds duration{};
};

/// Everything one collection saw: plain values without secrets. Shared between threads
/// only as const.
struct Snapshot {
  Now taken;
  std::vector<Device> devices;  ///< unique by (netns, name), in that order
  std::vector<Failure> failures;
  std::array<CollectorReport, kCollectorCount> collectors;

  [[nodiscard]] CollectorReport& report(Collector c) {
    return collectors[static_cast<std::size_t>(c)];
  }
  [[nodiscard]] const CollectorReport& report(Collector c) const {
    return collectors[static_cast<std::size_t>(c)];
  }
};

/// Whether the device may have peers that the snapshot lacks: its reading was interrupted, or left
/// out peers with malformed values.
bool lacks_peers(const Snapshot& snapshot, const Device& device);

}  // namespace wgscope
