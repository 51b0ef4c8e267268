#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "wgscope/base/time.hpp"
#include "wgscope/model/address.hpp"

#include "chance.hpp"
#include "clock.hpp"
#include "peer.hpp"

namespace wgscope::simulator {

/// An interface as the exporter finds it.
struct Interface {
  std::string name;
  std::string netns;       ///< empty: the exporter's own
  bool userspace = false;  ///< such have a counter of socket drops
  bool present = true;
  bool at_boot = true;  ///< the host makes it when it boots
  bool up = true;
  bool readable = true;
  std::uint32_t ifindex = 1;
  std::int64_t frame_errors = 0;
  std::int64_t socket_drops = 0;
  std::uint16_t listen_port = 51820;
  std::vector<std::unique_ptr<Peer>> peers;
  std::vector<std::unique_ptr<Peer>> removed;  ///< from the configuration
};

/// A host with interfaces; what happens to it, and what of that can be seen from outside.
class Gateway {
 public:
  Gateway(Clock& clock, Chance& chance, std::string name)
      : clock_(&clock),
        chance_(&chance),
        name_(std::move(name)),
        booted_(chance.between(Time(0), std::chrono::hours(1))) {}

  Interface& add_interface(std::string name, std::string netns, bool userspace);
  /// One that is not there yet, and that no boot makes before install_interface().
  Interface& prepare_interface(std::string name, bool userspace);
  /// Makes it now, if the host runs, and at each boot.
  void install_interface(Interface& interface);
  Peer& add_peer(Interface& interface, std::string key, std::string name);
  /// While the interface may be running.
  void remove_peer(Interface& interface, const Peer& peer);
  void bring_back_peer(Interface& interface, const Peer& peer);
  /// As WireGuard does it: of two peers of an interface, the one that was given a prefix last has it.
  static void set_allowed_ips(Interface& interface, Peer& peer, std::vector<Prefix> allowed_ips);

  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] const std::vector<std::unique_ptr<Interface>>& interfaces() const {
    return interfaces_;
  }
  [[nodiscard]] Time wall() const { return clock_->now() + offset_; }
  /// The moment by a calendar of a time that a wall clock showed.
  [[nodiscard]] WallTime date_of(Time wall) const { return WallTime{epoch_ + wall}; }
  [[nodiscard]] std::chrono::seconds epoch() const { return epoch_; }
  void set_epoch(std::chrono::seconds epoch) { epoch_ = epoch; }
  [[nodiscard]] bool running() const { return running_; }

  void start();
  void delete_interface(Interface& interface);
  void create_interface(Interface& interface);
  void set_interface_up(Interface& interface, bool up);
  void stop();
  /// Boots with the wall clock off by `offset`.
  void boot(Time offset);
  void step_clock(Time offset) { offset_ = offset; }
  [[nodiscard]] Time clock_offset() const { return offset_; }

 private:
  Clock* clock_;
  Chance* chance_;
  std::string name_;
  std::vector<std::unique_ptr<Interface>> interfaces_;
  std::chrono::seconds epoch_{1'700'000'000};  ///< when the simulation began
  Time offset_{0};
  Time booted_;  ///< so long before the simulation began
  bool running_ = false;
  /// Goes on through boots: the exporter tells an interface of before a boot from one after it.
  std::uint32_t next_ifindex_ = 2;
};

}  // namespace wgscope::simulator
