#include "registry.hpp"

#include <algorithm>
#include <chrono>
#include <stdexcept>
#include <utility>

#include "wgscope/audit/drift.hpp"
#include "wgscope/config/inventory_file.hpp"

#include "exporter.hpp"
#include "exporter/inventory/prepared.hpp"

namespace wgscope::simulator {
namespace {

using namespace std::chrono_literals;

/// The exporter's pause between two look-ups of a name.
constexpr Time kLookup = 5min;

}  // namespace

Registry::Registry(Clock& clock, Chance& chance, std::string host)
    : clock_(&clock), chance_(&chance), host_(std::move(host)) {}

config::DeclaredPeer& Registry::peer(config::Inventory& inventory, const std::string& name) {
  const auto found = std::ranges::find(inventory.peers, name, &config::DeclaredPeer::name);
  if (found == inventory.peers.end()) throw std::runtime_error("nobody declared " + name);
  return *found;
}

void Registry::change(const std::function<void(config::Inventory&)>& edit) {
  edit(inventory_);
  clock_->after(chance_->between(2s, 4s), [this] { read(); });
}

void Registry::set_broken(bool broken) {
  broken_ = broken;
  clock_->after(chance_->between(2s, 4s), [this] { read(); });
}

void Registry::start() {
  read();
  look_up();
}

void Registry::read() {
  auto state = std::make_shared<exporter::Declarations::State>();
  config::InventoryRead found;
  // A broken file declares what it declared when it was last whole, and perhaps more.
  found.inventory = broken_ ? state_->inventory->declared().inventory() : inventory_;
  found.complete = !broken_;
  state->inventory = std::make_shared<const exporter::PreparedInventory>(
      std::move(found), exporter::PreparedInventory::Settings{.host = host_});
  state->success = !broken_;
  state_ = std::move(state);
}

void Registry::look_up() {
  auto known = names_ ? std::make_shared<exporter::NameLookups::Known>(*names_)
                      : std::make_shared<exporter::NameLookups::Known>();
  for (const auto& [name, address] : addresses_) {
    audit::Resolution& resolution = known->resolutions[name];
    resolution.failed = !name_server_answers_;
    if (name_server_answers_) resolution.addresses = {endpoint_of(address).address};
    resolution.at = Instant{clock_->now()};
  }
  names_ = std::move(known);
  clock_->after(kLookup, [this] { look_up(); });
}

}  // namespace wgscope::simulator
