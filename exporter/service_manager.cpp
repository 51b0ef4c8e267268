#include "exporter/service_manager.hpp"

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <systemd/sd-daemon.h>

#include <fmt/core.h>

namespace wgscope::exporter {

// The environment stays as it is: the journal's and others' children have none of their own.
ServiceManager::ServiceManager() {
  std::uint64_t microseconds = 0;
  if (sd_watchdog_enabled(0, &microseconds) > 0)
    pause_ = std::chrono::microseconds(microseconds) / 3;
}

void ServiceManager::ready(std::string_view status) const {
  const std::string message = fmt::format("READY=1\nSTATUS={}", status);
  sd_notify(0, message.c_str());
}

void ServiceManager::stopping() const { sd_notify(0, "STOPPING=1\nSTATUS=stopping"); }

void ServiceManager::alive() const { sd_notify(0, "WATCHDOG=1"); }

}  // namespace wgscope::exporter
