#include "peer.hpp"

#include <utility>

#include <fmt/format.h>

namespace wgscope::simulator {
namespace {

constexpr std::uint16_t kListenPort = 51820;
constexpr Address kGateway{1, kListenPort};

std::uint32_t new_network(Chance& chance) {
  return 0x0a000000U + static_cast<std::uint32_t>(chance.below(1U << 24U));
}

}  // namespace

std::string key_text(const std::string& gateway, const std::string& name) {
  return fmt::format("{:A<43}=", gateway + name);
}

Device::Device(Clock& clock, Chance& chance, Peer& peer, std::optional<Time> nat_memory)
    : clock_(&clock),
      chance_(&chance),
      peer_(&peer),
      nat_memory_(nat_memory),
      network_(new_network(chance)),
      side_(clock, chance,
            {[this](const Packet& packet) { transmit(packet); },
             [this](const Payload& payload) { deliver(payload); },
             [this] { return clock_->now().count(); }}) {
  side_.set_endpoint(kGateway);
}

void Device::suspend() {
  if (!std::exchange(awake_, false)) return;
  side_.suspend();
}

void Device::resume() {
  if (std::exchange(awake_, true)) return;
  side_.resume();
}

bool Device::alive(const Mapping& mapping) const {
  return !nat_memory_ || clock_->now() - mapping.last_used < *nat_memory_;
}

void Device::transmit(Packet packet) {
  if (!awake_ || !connected_) return;
  const Address inside{network_, kListenPort};
  Mapping& mapping = mappings_.try_emplace(network_, Mapping{inside, clock_->now()}).first->second;
  if (!alive(mapping))
    mapping.outside.port = static_cast<std::uint16_t>(1024 + chance_->below(64000));
  mapping.last_used = clock_->now();
  packet.from = mapping.outside;
  if (lost()) return;
  peer_->from_device(packet);
}

void Device::from_gateway(const Packet& packet) {
  if (!awake_ || !connected_ || lost()) return;
  const auto mapping = mappings_.find(network_);
  const bool known = mapping != mappings_.end();
  // Without a NAT the address is the machine's own, whether it has sent or not.
  const Address outside = known ? mapping->second.outside : Address{network_, kListenPort};
  if ((!known && nat_memory_) || (known && !alive(mapping->second)) || packet.from != outside)
    return;
  if (known) mapping->second.last_used = clock_->now();
  Packet arrived = packet;
  arrived.from = kGateway;
  side_.receive(arrived);
}

void Device::deliver(const Payload& payload) {
  if (payload.reply != 0 && !mute_)
    send({payload.reply, 1 + payload.reply / 1400, 0, payload.flow});
}

Peer::Peer(Clock& clock, Chance& chance, std::string key, std::string name,
           WallOffset gateway_clock)
    : clock_(&clock),
      chance_(&chance),
      key_(std::move(key)),
      name_(std::move(name)),
      side_(clock, chance,
            {[this](const Packet& packet) { transmit(packet); },
             [this](const Payload& payload) { deliver(payload); },
             [this, offset = std::move(gateway_clock)] {
               return (clock_->now() + offset()).count();
             }}) {}

Device& Peer::add_device(std::optional<Time> nat_memory) {
  return *devices_.emplace_back(std::make_unique<Device>(*clock_, *chance_, *this, nat_memory));
}

void Peer::configure(Time keepalive, std::optional<Address> endpoint) {
  keepalive_ = keepalive;
  configured_endpoint_ = endpoint;
}

void Peer::set_keepalive(Time keepalive) {
  keepalive_ = keepalive;
  if (running_) side_.set_keepalive(keepalive);
}

void Peer::set_endpoint(Address endpoint) {
  configured_endpoint_ = endpoint;
  if (running_) side_.set_endpoint(endpoint);
}

void Peer::start() {
  running_ = true;
  side_.restart();
  side_.set_endpoint(configured_endpoint_);
  data_received_ = data_sent_ = 0;
  side_.set_keepalive(keepalive_);
}

void Peer::replace() {
  if (running_) start();
}

int Peer::open_flow(std::function<void()> arrived) {
  flows_.push_back(std::move(arrived));
  return static_cast<int>(flows_.size());
}

void Peer::transmit(Packet packet) {
  if (!running_ || !up_ || replies_blocked_) return;
  data_sent_ += packet.payload.bytes;
  packet.from = *side_.endpoint();  // on this way: where it goes
  for (const auto& device : devices_) device->from_gateway(packet);
}

void Peer::from_device(const Packet& packet) {
  if (running_ && up_) side_.receive(packet);
}

void Peer::deliver(const Payload& payload) {
  data_received_ += payload.bytes;
  if (payload.flow != 0) flows_[static_cast<std::size_t>(payload.flow - 1)]();
  if (payload.reply != 0) send({payload.reply, 1 + payload.reply / 1400, 0, 0});
}

}  // namespace wgscope::simulator
