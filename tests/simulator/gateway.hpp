#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

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
  bool up = true;
  bool readable = true;
  std::uint32_t ifindex = 1;
  std::int64_t frame_errors = 0;
  std::int64_t socket_drops = 0;
  std::vector<std::unique_ptr<Peer>> peers;
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
  Peer& add_peer(Interface& interface, std::string key, std::string name);

  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] const std::vector<std::unique_ptr<Interface>>& interfaces() const {
    return interfaces_;
  }
  [[nodiscard]] Time wall() const { return clock_->now() + offset_; }
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
  Time offset_{0};
  Time booted_;  ///< so long before the simulation began
  bool running_ = false;
  /// Goes on through boots: the exporter tells an interface of before a boot from one after it.
  std::uint32_t next_ifindex_ = 2;
};

}  // namespace wgscope::simulator
