#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "wgscope/config/inventory.hpp"
#include "wgscope/config/schedule.hpp"
#include "wgscope/model/address.hpp"

#include "calendar.hpp"
#include "chance.hpp"
#include "clock.hpp"
#include "gateway.hpp"
#include "lives.hpp"
#include "registry.hpp"

namespace wgscope::simulator {

/// Those who keep a gateway and its inventory: they declare what there is, and change both over the day, one
/// after the other and in either order, as a deployment does.
class Operators {
 public:
  /// The longest time between a change of the inventory and that of the gateway.
  static constexpr Time kDeployment = std::chrono::minutes(8);

  Operators(Clock& clock, Chance& chance, Gateway& gateway, Registry& registry, const Day& day)
      : clock_(&clock), chance_(&chance), gateway_(&gateway), registry_(&registry), day_(day) {}

  enum class Kind : std::uint8_t { laptop, site, other };
  /// What is declared of a peer beside what is there.
  struct Terms {
    config::ExpectedOnline online = config::ExpectedOnline::roaming;
    std::optional<LocalHours> hours{};  ///< with ExpectedOnline::scheduled
    Kind kind = Kind::other;            ///< others are not changed over the day
    bool named_endpoint = false;        ///< of a site: a name that changes its address
  };
  void declare_interface(const Interface& interface);
  /// Gives a peer that has no allowed IPs an address, and declares it.
  void declare(Interface& interface, Peer& peer, Life& life, const Terms& terms);
  [[nodiscard]] Prefix next_address();

  // What happens on an ordinary day, each at a moment of its own.
  void add_laptop();
  void add_site();
  void remove_laptop();
  void extend_allowed_ips();
  void move_allowed_ip();
  void change_keepalive();
  void change_port();
  void add_interface();
  void exempt_interface();
  void rotate_key();
  void move_named_site();
  void restart_router();
  void break_inventory();
  void lose_name_server();

 private:
  /// A peer that may be changed. Each is at most once in a day, so that changes do not meet.
  struct Entry {
    Interface* interface;
    Peer* peer;
    Life* life;
    Terms terms;
    std::string host;  ///< with a named endpoint
    bool changed = false;
  };
  using Edit = std::function<void(config::Inventory&)>;

  [[nodiscard]] Entry* some(const std::function<bool(const Entry&)>& fits);
  /// Changes both, with a pause in between, and then calls `then`.
  void deploy(Edit edit, std::function<void()> act, std::function<void()> then = {});
  Entry& hire(Interface& interface, const std::string& name);
  Interface& next_interface(const char* kind);
  Life& make_next_life(const Entry& entry, Peer& next);
  void switch_key(Entry& entry, Peer& next, Life& life);
  void finish_rotation(Entry& entry, Peer& next);
  [[nodiscard]] std::string new_name(const char* kind);

  Clock* clock_;
  Chance* chance_;
  Gateway* gateway_;
  Registry* registry_;
  Day day_;
  std::vector<std::unique_ptr<Entry>> entries_;
  std::vector<std::unique_ptr<Life>> lives_;
  int addresses_ = 0;
  int names_ = 0;
  int deployments_ = 0;  ///< under way
};

/// What is there, declared.
config::DeclaredInterface declaration_of(const Gateway& gateway, const Interface& interface);
config::DeclaredPeer declaration_of(const Interface& interface, const Peer& peer);

}  // namespace wgscope::simulator
