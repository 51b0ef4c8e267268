#pragma once

#include <functional>
#include <memory>
#include <string>

#include "wgscope/base/result.hpp"

namespace wgscope::exporter {

/// Tunnels for a host that has none: two gateways and their peers, real ones, as embedded
/// endpoints that speak WireGuard to each other over loopback. Needs no privileges. The gateways'
/// UAPI sockets lie in a folder of their own, where the exporter reads them as any other's.
///
///   gw-lisbon   laptop   pings all the time
///               tablet   shakes hands once: its session is dead after 180 s
///               printer  does not connect by itself; its wg-quick file is printer.conf there
///   gw-oslo     vault    pings all the time, with a preshared key
///               phone    pings, and comes from another port every 20 s
///               mast     pings over IPv6, inside and, where the host has it, outside, and its
///                        gateway pings it; probe.conf in the folder is of a probe that it knows
///
/// Faults are made by writing their names into the pipe `faults` in the folder, a line each:
///
///   peer-dies      mast's WireGuard ends; gw-oslo goes on sending to it
///   replies-lost   the printer comes with a preshared key that gw-lisbon does not have (printer.conf
///                  has it as well), so it cannot use gw-lisbon's replies
///   repair         ends both: mast is back on its port, the printer comes with the right key
///
/// Runs on a thread of its own until destroyed.
class Demo {
 public:
  using Warn = std::function<void(const std::string& message)>;

  /// @param warn  is called on the demo's thread for each fault that cannot be made.
  /// @returns io: no folder, no socket.
  static Result<std::unique_ptr<Demo>> start(Warn warn);
  Demo(const Demo&) = delete;
  Demo& operator=(const Demo&) = delete;
  ~Demo();  ///< also removes the folder

  [[nodiscard]] const std::string& uapi_folder() const;
  /// Path of a file that maps public keys to names.
  [[nodiscard]] std::string names_file() const;

 private:
  class Network;
  explicit Demo(std::unique_ptr<Network> network);
  std::unique_ptr<Network> network_;
};

}  // namespace wgscope::exporter
