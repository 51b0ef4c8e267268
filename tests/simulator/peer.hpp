#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "wgscope/model/address.hpp"

#include "chance.hpp"
#include "clock.hpp"
#include "side.hpp"

namespace wgscope::simulator {

class Peer;

/// A number in the form of a key, so that nobody takes it for a real one. `name` has letters and figures.
std::string key_text(const std::string& gateway, const std::string& name);

/// A machine of a peer, its way to the gateway, and the NAT on that way.
class Device {
 public:
  /// How long a NAT remembers a silent flow; nothing where there is no NAT.
  Device(Clock& clock, Chance& chance, Peer& peer, std::optional<Time> nat_memory);

  void send(const Payload& payload) { side_.send(payload); }
  [[nodiscard]] Side& side() { return side_; }

  /// Asleep, or without any network: nothing goes in or out. Linux suspends forget sessions.
  void suspend();
  void resume();
  void set_connected(bool connected) { connected_ = connected; }
  [[nodiscard]] bool awake() const { return awake_; }
  [[nodiscard]] bool connected() const { return connected_; }

  /// Of packets in either direction, as at the edge of a wifi.
  void set_loss(double fraction) { loss_ = fraction; }

  /// Goes over to another network, or back to one: NATs remember it meanwhile.
  void join(std::uint32_t network) { network_ = network; }
  [[nodiscard]] std::uint32_t network() const { return network_; }
  /// The NAT forgets, as after a restart of the router.
  void forget_mapping() { mappings_.erase(network_); }

  /// The application goes on receiving and answers nothing.
  void set_mute(bool mute) { mute_ = mute; }

  void from_gateway(const Packet& packet);

 private:
  struct Mapping {
    Address outside;
    Time last_used;
  };

  [[nodiscard]] bool alive(const Mapping& mapping) const;
  bool lost() { return loss_ != 0 && chance_->happens(loss_); }
  void transmit(Packet packet);
  void deliver(const Payload& payload);

  Clock* clock_;
  Chance* chance_;
  Peer* peer_;
  std::optional<Time> nat_memory_;
  std::uint32_t network_;
  std::map<std::uint32_t, Mapping> mappings_;
  bool awake_ = true;
  bool connected_ = true;
  bool mute_ = false;
  double loss_ = 0;
  Side side_;
};

/// A peer as its gateway has it, the machines behind its key, and what servers behind the gateway
/// are told of what arrives.
class Peer {
 public:
  /// A clock that may be wrong, and is set right by NTP.
  using WallOffset = std::function<Time()>;

  Peer(Clock& clock, Chance& chance, std::string key, std::string name, WallOffset gateway_clock);

  Device& add_device(std::optional<Time> nat_memory);
  [[nodiscard]] Device& device() { return *devices_.front(); }
  [[nodiscard]] Side& side() { return side_; }
  [[nodiscard]] const Side& side() const { return side_; }
  [[nodiscard]] const std::string& key() const { return key_; }
  [[nodiscard]] const std::string& name() const { return name_; }

  void configure(Time keepalive, std::optional<Address> endpoint);
  /// While it may be running.
  void set_keepalive(Time keepalive);
  /// As a script that resolves the endpoint's name again does it.
  void set_endpoint(Address endpoint);
  [[nodiscard]] Time keepalive() const { return keepalive_; }
  [[nodiscard]] std::optional<Address> configured_endpoint() const { return configured_endpoint_; }
  // What is configured besides, and does nothing here.
  void set_allowed_ips(std::vector<Prefix> allowed_ips) { allowed_ips_ = std::move(allowed_ips); }
  [[nodiscard]] const std::vector<Prefix>& allowed_ips() const { return allowed_ips_; }
  void set_has_preshared_key(bool has) { has_preshared_key_ = has; }
  [[nodiscard]] bool has_preshared_key() const { return has_preshared_key_; }
  /// The interface is made, or made again.
  void start();
  void stop() { running_ = false; }
  [[nodiscard]] bool running() const { return running_; }
  /// Removed from the interface and added again.
  void replace();
  /// The interface's IFF_UP.
  void set_up(bool up) { up_ = up; }

  void block_replies(bool block) { replies_blocked_ = block; }
  void send(const Payload& payload) {
    if (running_ && up_) side_.send(payload);
  }
  void from_device(const Packet& packet);
  /// Calls `arrived` when data of that flow comes from the peer. Flows are numbered from 1.
  int open_flow(std::function<void()> arrived);

  [[nodiscard]] std::int64_t data_received() const { return data_received_; }
  [[nodiscard]] std::int64_t data_sent() const { return data_sent_; }

 private:
  void transmit(Packet packet);
  void deliver(const Payload& payload);

  Clock* clock_;
  Chance* chance_;
  std::string key_, name_;
  std::vector<std::unique_ptr<Device>> devices_;
  std::vector<std::function<void()>> flows_;
  Time keepalive_{0};
  std::optional<Address> configured_endpoint_;
  std::vector<Prefix> allowed_ips_;
  bool has_preshared_key_ = true;
  bool running_ = false;
  bool up_ = true;
  bool replies_blocked_ = false;
  std::int64_t data_received_ = 0;
  std::int64_t data_sent_ = 0;
  Side side_;
};

}  // namespace wgscope::simulator
