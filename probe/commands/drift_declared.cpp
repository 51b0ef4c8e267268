#include "probe/commands/drift_declared.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <unistd.h>
#include <utility>
#include <vector>

#include <climits>
#include <fmt/core.h>

#include "wgscope/base/result.hpp"
#include "wgscope/base/text.hpp"
#include "wgscope/checks/prepare.hpp"
#include "wgscope/config/inventory.hpp"
#include "wgscope/config/inventory_file.hpp"
#include "wgscope/config/inventory_from.hpp"
#include "wgscope/config/wg_quick.hpp"

#include "probe/commands/inventory_files.hpp"
#include "probe/commands/inventory_from.hpp"

namespace wgscope::probe {
namespace {

using config::DeclaredInterface;
using config::DeclaredPeer;
using config::Inventory;

std::string own_name() {
  std::array<char, HOST_NAME_MAX + 1> name{};
  if (gethostname(name.data(), name.size() - 1) != 0) return {};
  return name.data();
}

bool is_a_host(const Inventory& inventory, std::string_view host) {
  return std::ranges::any_of(inventory.interfaces, [host](const DeclaredInterface& interface) {
    return std::ranges::find(interface.hosts, host) != interface.hosts.end();
  });
}

/// This host's name, as the inventory has it: whole, or without its domain.
std::string host_in(const Inventory& inventory) {
  const std::string name = own_name();
  const std::string_view brief = std::string_view(name).substr(0, name.find('.'));
  return is_a_host(inventory, name) || !is_a_host(inventory, brief) ? name : std::string(brief);
}

/// Keeps what is declared for one interface.
Result<> keep_only(const std::string& name, Inventory& inventory) {
  const bool any = !inventory.interfaces.empty();
  std::erase_if(inventory.interfaces,
                [&](const DeclaredInterface& interface) { return interface.name != name; });
  if (any && inventory.interfaces.empty())
    return fail(Errc::bad_value,
                fmt::format("--interface: the interface '{}' is not declared", printable(name)));
  std::erase_if(inventory.peers, [&](const DeclaredPeer& peer) {
    return !peer.interfaces.empty() &&
           std::ranges::none_of(peer.interfaces,
                                [&](const config::InterfaceRef& ref) { return ref.name == name; });
  });
  return {};
}

/// Says where in the file each peer is. An inventory leaves out what the file has twice.
void place(const config::WgQuickConfig& config, Inventory& inventory) {
  for (DeclaredPeer& peer : inventory.peers) {
    const auto found =
        std::ranges::find(config.peers, peer.public_key, &config::WgQuickPeer::public_key);
    if (found != config.peers.end())
      peer.position = {.file = 0, .line = static_cast<std::uint32_t>(found->line), .column = 0};
  }
  for (DeclaredInterface& interface : inventory.interfaces) interface.position.line = 1;
}

Result<Declarations> read_config(const DeclarationOptions& options) {
  const auto file = checks::read_config_file(options.config);
  if (!file) return tl::unexpected(file.error());
  auto known = known_interface_of(file->config);
  if (!known) return tl::unexpected(known.error());
  known->name = options.interface.empty() ? interface_of(options.config) : options.interface;
  if (!config::is_interface_name(known->name))
    return fail(Errc::bad_value,
                fmt::format("{}: the file is not named after an interface: give --interface",
                            printable(options.config, options.config.size())));
  Declarations made;
  made.inventory = config::inventory_from({&*known, 1});
  place(file->config, made.inventory);
  made.files.push_back(options.config);
  made.routes_expected = file->config.table.value_or("auto") != "off";
  made.dns_servers = file->config.dns.size();
  return made;
}

Result<Declarations> read_inventory(const DeclarationOptions& options) {
  auto read = read_inventory_at(options.inventory);
  if (!read) return tl::unexpected(read.error());
  if (read->files.size() == 1 && read->files.front().broken) {
    const auto error = std::ranges::find(read->problems, config::ProblemKind::error,
                                         &config::InventoryProblem::kind);
    return fail(Errc::bad_value, error == read->problems.end()
                                     ? "the inventory has errors"
                                     : config::to_string(*error, read->files));
  }
  Declarations made;
  made.inventory = std::move(read->inventory);
  made.complete = read->complete;
  for (config::InventoryFile& file : read->files) made.files.push_back(std::move(file.name));
  if (!options.interface.empty())
    if (auto kept = keep_only(options.interface, made.inventory); !kept)
      return tl::unexpected(kept.error());
  return made;
}

}  // namespace

Result<Declarations> read_declarations(const DeclarationOptions& options) {
  auto made = options.config.empty() ? read_inventory(options) : read_config(options);
  if (made) made->host = options.host.empty() ? host_in(made->inventory) : options.host;
  return made;
}

}  // namespace wgscope::probe
