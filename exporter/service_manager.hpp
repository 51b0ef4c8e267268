#pragma once

#include <optional>
#include <string_view>

#include "wgscope/base/time.hpp"

namespace wgscope::exporter {

/// What systemd is told of this service (sd_notify(3)). Where there is no systemd, or the unit is not
/// of Type=notify, nobody is told anything.
class ServiceManager {
 public:
  /// Reads WATCHDOG_USEC.
  ServiceManager();

  /// It serves. @param status  one line for `systemctl status`.
  void ready(std::string_view status) const;
  /// It has begun to end.
  void stopping() const;
  /// Keeps the watchdog from ending this process, once more.
  void alive() const;
  /// How often alive() is to be called: three times in the time that the unit allows. Nothing: there
  /// is no watchdog.
  [[nodiscard]] std::optional<Nanoseconds> pause() const { return pause_; }

 private:
  std::optional<Nanoseconds> pause_;
};

}  // namespace wgscope::exporter
