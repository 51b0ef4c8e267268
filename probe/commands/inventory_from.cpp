#include "probe/commands/inventory_from.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include <fmt/core.h>

#include "wgscope/base/result.hpp"
#include "wgscope/base/text.hpp"
#include "wgscope/checks/networkd_files.hpp"
#include "wgscope/checks/networkd_units.hpp"
#include "wgscope/config/inventory_file.hpp"
#include "wgscope/config/inventory_from.hpp"
#include "wgscope/config/networkd.hpp"
#include "wgscope/config/wg_quick.hpp"
#include "wgscope/crypto/x25519.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/model/device.hpp"
#include "wgscope/model/public_key.hpp"
#include "wgscope/model/snapshot.hpp"
#include "wgscope/os/clock.hpp"
#include "wgscope/os/file.hpp"
#include "wgscope/os/folder.hpp"
#include "wgscope/source/collect.hpp"
#include "wgscope/source/netlink/addresses.hpp"
#include "wgscope/source/netlink/dump.hpp"
#include "wgscope/source/uapi/client.hpp"

#include "probe/command_line.hpp"
#include "probe/render/print.hpp"
#include "probe/verbs.hpp"

namespace wgscope::probe {
namespace {

constexpr std::string_view kName = "inventory from";
constexpr std::size_t kMaxFileSize = 16U << 20U;
constexpr std::string_view kWgQuickEnding = ".conf";
constexpr std::string_view kNetdevEnding = ".netdev";
constexpr std::string_view kNetworkEnding = ".network";

struct FromOptions {
  std::vector<std::string> sources;
  std::string host;
  std::string uapi_folder = uapi::kDefaultFolder;
};

std::string shown(const std::string& path) { return printable(path, path.size()); }

/// fe80::/10 (RFC 4291 §2.5.6).
bool is_link_local(const IpAddress& address) {
  return address.family == Family::v6 && address.bytes[0] == std::byte{0xfe} &&
         (address.bytes[1] & std::byte{0xc0}) == std::byte{0x80};
}

/// An expression of NameFilter that matches these names alone.
std::string any_of_names(const std::vector<std::string>& names) {
  std::string expression;
  for (const std::string& name : names) {
    if (!expression.empty()) expression += '|';
    for (const char c : name) {
      if (std::string_view(R"(\^$.*+?()[]{}|)").find(c) != std::string_view::npos)
        expression += '\\';
      expression += c;
    }
  }
  return expression;
}

/// Finds out what the arguments stand for, and reads it.
class Gathering {
 public:
  explicit Gathering(const FromOptions& options) : options_(options) {}

  Result<std::vector<config::KnownInterface>> gather() {
    for (const std::string& source : options_.sources)
      if (source.ends_with(kNetworkEnding)) networks_.push_back(source);
    for (const std::string& source : options_.sources)
      if (auto done = add(source); !done) return tl::unexpected(done.error());
    if (auto done = add_running(); !done) return tl::unexpected(done.error());
    if (interfaces_.empty())
      return fail(Errc::bad_value,
                  "a .network file alone has no keys: give the .netdev file of the interface");
    return std::move(interfaces_);
  }

 private:
  Result<> add(const std::string& source) {
    namespace fs = std::filesystem;
    if (source.ends_with(kNetworkEnding)) return {};
    std::error_code error;
    const fs::file_status status = fs::status(source, error);
    if (fs::is_directory(status)) return add_folder(source);
    // What is there is a file; a name without any sign of one is an interface's.
    const bool names_a_file = source.find('/') != std::string::npos || source == "-" ||
                              source.ends_with(kWgQuickEnding) || source.ends_with(kNetdevEnding);
    if (fs::exists(status) || names_a_file) return add_file(source, false);
    if (!config::is_interface_name(source))
      return fail(Errc::bad_value, fmt::format("there is no file {}, and an interface cannot have "
                                               "that name",
                                               shown(source)));
    running_.push_back(source);
    return {};
  }

  /// A folder of networkd's has files of other kinds of devices as well.
  Result<> add_folder(const std::string& folder) {
    constexpr std::array kEndings{kWgQuickEnding, kNetdevEnding};
    const auto files = os::files_in(folder, kEndings);
    if (!files) return tl::unexpected(files.error());
    const std::size_t before = interfaces_.size();
    for (const std::string& file : *files)
      if (auto done = add_file(file, true); !done) return done;
    if (interfaces_.size() != before) return {};
    return fail(Errc::bad_value, fmt::format("{}: there are no wg-quick files (.conf) and no "
                                             ".netdev files of the kind wireguard in this "
                                             "directory",
                                             shown(folder)));
  }

  Result<> add_file(const std::string& path, bool may_be_other_kind) {
    // In a folder of networkd's, an empty file only hides another one.
    if (may_be_other_kind && path.ends_with(kNetdevEnding) && checks::is_masked_unit(path))
      return {};
    const auto input = os::read_secret_input(path, kMaxFileSize);
    if (!input) return about(path, input.error());
    const std::string_view text = input->text.view();
    if (!config::looks_like_netdev(text)) return add_wg_quick(path, text);
    auto netdev = checks::read_netdev({.path = path, .text = text, .networks = networks_});
    if (netdev) return add_netdev(path, std::move(*netdev));
    if (may_be_other_kind && netdev.error().code == Errc::no_device) return {};
    return tl::unexpected(netdev.error());
  }

  Result<> add_wg_quick(const std::string& path, std::string_view text) {
    auto config = config::parse_wg_quick(text);
    if (!config) return about(path, config.error());
    return add_config(path, interface_of(path), std::move(*config), {});
  }

  Result<> add_netdev(const std::string& path, checks::NetdevConfig netdev) {
    config::KnownInterface extra;
    if (netdev.why_no_private_key)
      extra.notes.push_back(fmt::format("public_key of {} is left out: {}.", netdev.interface,
                                        *netdev.why_no_private_key));
    for (const Prefix& address : netdev.addresses_without_length) {
      std::erase(netdev.config.addresses, address);
      extra.notes.push_back(
          fmt::format("Address {} of {} is left out: it has no prefix length in {}.",
                      address.address.to_string(), netdev.interface, shown(netdev.network)));
    }
    if (netdev.network.empty())
      extra.notes.push_back(
          fmt::format("addresses of {} are left out: there is no .network file "
                      "for it beside the .netdev file.",
                      netdev.interface));
    const std::string name = netdev.interface;
    if (auto done = add_config(path, name, std::move(netdev.config), std::move(extra.notes)); !done)
      return done;
    for (config::KnownPeer& peer : interfaces_.back().peers)
      peer.has_preshared_key |= netdev.preshared_elsewhere.contains(peer.public_key);
    return {};
  }

  Result<> add_config(const std::string& path, const std::string& name,
                      config::WgQuickConfig config, std::vector<std::string> notes) {
    if (!config::is_interface_name(name))
      return fail(Errc::bad_value, fmt::format("{}: the file is not named after an interface, as "
                                               "in wg0.conf",
                                               shown(path)));
    auto known = known_interface_of(config);
    if (!known) return about(path, known.error());
    for (const config::Warning& warning : config.warnings)
      if (warning.kind != config::WarningKind::remark)
        complain(kName, warning.line == 0 ? warning.text
                                          : fmt::format("{}: line {}: {}", shown(path),
                                                        warning.line, warning.text));
    known->notes = std::move(notes);
    return add_known(name, std::move(*known));
  }

  Result<> add_known(const std::string& name, config::KnownInterface known) {
    known.name = name;
    known.host = options_.host;
    if (std::ranges::find(interfaces_, name, &config::KnownInterface::name) != interfaces_.end())
      return fail(Errc::bad_value, fmt::format("there are two sources for the interface '{}': make "
                                               "an inventory of each, with --host",
                                               name));
    interfaces_.push_back(std::move(known));
    return {};
  }

  Result<> add_running() {
    if (running_.empty()) return {};
    auto filter = source::NameFilter::make(any_of_names(running_), "");
    if (!filter) return tl::unexpected(filter.error());
    source::CollectOptions collect;
    collect.uapi_folder = options_.uapi_folder;
    collect.filter = std::move(*filter);
    constexpr std::chrono::seconds kPatience{5};
    Snapshot snapshot;
    source::SnapshotSource(std::move(collect))
        .collect(os::now(), os::boot_now() + kPatience, snapshot);
    for (const std::string& name : running_)
      if (auto done = add_device(name, snapshot); !done) return done;
    return {};
  }

  Result<> add_device(const std::string& name, const Snapshot& snapshot) {
    const auto device = std::ranges::find_if(
        snapshot.devices, [&](const Device& one) { return one.name == name && one.netns.empty(); });
    if (device != snapshot.devices.end()) return add_known(name, with_addresses(*device));
    for (const Failure& failure : snapshot.failures)
      if (failure.interface == name || failure.interface.empty())
        return fail(Errc::io,
                    fmt::format("the interface {} cannot be read: {}", name, failure.detail));
    return fail(Errc::no_device, fmt::format("there is no file {0} and no WireGuard interface {0} "
                                             "on this host",
                                             name));
  }

  /// WireGuard knows no addresses; the kernel does.
  static config::KnownInterface with_addresses(const Device& device) {
    config::KnownInterface known = config::known_interface(device);
    std::vector<std::byte> buffer(netlink::kReceiveBufferSize);
    constexpr std::chrono::seconds kPatience{5};
    const auto addresses =
        device.link
            ? netlink::list_addresses(device.link->ifindex, os::boot_now() + kPatience, buffer)
            : Result<std::vector<Prefix>>(fail(Errc::no_device, "there is no such link"));
    if (!addresses) {
      known.notes.push_back(fmt::format("addresses of {} are left out: they cannot be read: {}.",
                                        device.name, addresses.error().context));
      return known;
    }
    // One that the kernel makes of its own accord is nobody's declaration.
    for (const Prefix& address : *addresses)
      if (!is_link_local(address.address)) known.addresses.push_back(address);
    return known;
  }

  static tl::unexpected<Error> about(const std::string& path, const Error& error) {
    return fail(error.code, fmt::format("{}: {}", shown(path), error.context), error.sys_errno);
  }

  const FromOptions& options_;
  std::vector<std::string> networks_;
  std::vector<std::string> running_;
  std::vector<config::KnownInterface> interfaces_;
};

}  // namespace

std::string interface_of(std::string_view path) {
  path.remove_prefix(path.find_last_of('/') + 1);
  for (const std::string_view ending : {kWgQuickEnding, kNetdevEnding})
    if (path.ends_with(ending)) path.remove_suffix(ending.size());
  return std::string(path);
}

Result<config::KnownInterface> known_interface_of(const config::WgQuickConfig& config) {
  std::optional<PublicKey> public_key;
  if (config.private_key) {
    const auto key = crypto::derive_public_key(config.private_key->secret);
    if (!key) return tl::unexpected(key.error());
    public_key = PublicKey{*key};
  }
  return config::known_interface(config, public_key);
}

Exit make_inventory(std::vector<std::string> arguments) {
  CommandLine line(
      "Print an inventory of what files configure, or of what runs, without private and preshared "
      "keys.\nEvery peer is `roaming`: change that to `always` for those that must be online.",
      "wgscope inventory from");
  FromOptions options;
  line.add("SOURCE", options.sources,
           "wg-quick files, named after their interfaces; .netdev files of systemd-networkd, with "
           "the drop-ins and .network files beside them; directories of such files; or names of "
           "running interfaces (as root)")
      .type("");
  line.add("--host", options.host, "Name of the host that has these interfaces").type("NAME");
  line.add("--uapi-dir", options.uapi_folder, "Directory with the sockets of userspace interfaces")
      .type("DIR")
      .show_default();
  line.check([&]() -> Complaint {
    if (options.sources.empty()) return "give a file, a directory or an interface: SOURCE";
    if (!options.host.empty() && !config::is_host_name(options.host))
      return "--host: expected letters, digits and .-_";
    return std::nullopt;
  });
  if (const auto ended = line.parse(std::move(arguments))) return *ended;
  const auto known = Gathering(options).gather();
  if (!known) {
    complain(kName, known.error().context);
    return Exit::unknown;
  }
  return print(kName, config::write_inventory_from(*known));
}

}  // namespace wgscope::probe
