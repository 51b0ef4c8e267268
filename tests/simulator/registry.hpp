#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "wgscope/base/time.hpp"
#include "wgscope/config/inventory.hpp"

#include "chance.hpp"
#include "clock.hpp"
#include "exporter/inventory/declarations.hpp"
#include "exporter/inventory/lookups.hpp"
#include "side.hpp"

namespace wgscope::simulator {

/// The inventory of a gateway, as Git has it and as the gateway's exporter knows it, and the name
/// server that the exporter asks. Reading files is not simulated, but how long it takes until a
/// change counts is, and what counts while a file is broken.
class Registry {
 public:
  Registry(Clock& clock, Chance& chance, std::string host);

  /// Changes the file on the gateway. The exporter reads it 2 to 4 s later.
  void change(const std::function<void(config::Inventory&)>& edit);
  /// A broken file keeps what it declared before.
  void set_broken(bool broken);
  [[nodiscard]] bool broken() const { return broken_; }
  [[nodiscard]] static config::DeclaredPeer& peer(config::Inventory& inventory,
                                                  const std::string& name);

  /// The address that the name server has for a name, from now on.
  void set_address(const std::string& name, Address address) { addresses_[name] = address; }
  void set_name_server_answers(bool answers) { name_server_answers_ = answers; }

  /// Reads the inventory for the first time, and begins to look up names.
  void start();
  [[nodiscard]] std::shared_ptr<const exporter::Declarations::State> state() const {
    return state_;
  }
  [[nodiscard]] std::shared_ptr<const exporter::NameLookups::Known> names() const { return names_; }

 private:
  void read();
  void look_up();

  Clock* clock_;
  Chance* chance_;
  std::string host_;
  config::Inventory inventory_;
  bool broken_ = false;
  bool name_server_answers_ = true;
  std::map<std::string, Address> addresses_;
  std::shared_ptr<const exporter::Declarations::State> state_;
  std::shared_ptr<const exporter::NameLookups::Known> names_;
};

}  // namespace wgscope::simulator
