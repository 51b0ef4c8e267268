#include "wgscope/config/inventory.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/core.h>

#include "wgscope/base/closest.hpp"
#include "wgscope/base/result.hpp"
#include "wgscope/base/text.hpp"
#include "wgscope/checks/prepare.hpp"
#include "wgscope/config/inventory_file.hpp"
#include "wgscope/config/inventory_from.hpp"
#include "wgscope/crypto/x25519.hpp"
#include "wgscope/model/public_key.hpp"

#include "probe/command_line.hpp"
#include "probe/commands/commands.hpp"
#include "probe/commands/inventory_files.hpp"
#include "probe/commands/inventory_report.hpp"
#include "probe/render/print.hpp"
#include "probe/verbs.hpp"

// wgscope inventory: what should be there, as files in Git. Each action has a function of its own,
// as if it were a verb.

namespace wgscope::probe {
namespace {

Exit cannot(std::string_view action, std::string_view why) {
  complain(action, why);
  return Exit::unknown;
}

void add_paths(CommandLine& line, std::vector<std::string>& paths) {
  line.add("PATH", paths, "Files, or directories with .yaml, .yml and .json files").type("");
  line.check([&paths]() -> Complaint {
    if (paths.empty()) return "give a file or a directory: PATH";
    return std::nullopt;
  });
}

Exit check_inventory(std::vector<std::string> arguments) {
  constexpr std::string_view kName = "inventory check";
  CommandLine line(
      "Check an inventory: every error with its file, line and column. A pipeline's gate.\n"
      "Exit codes: 0 ok, 1 warnings, 2 errors, 3 a file cannot be read, or wrong usage.",
      "wgscope inventory check");
  std::vector<std::string> paths;
  bool json = false;
  bool lenient = false;
  add_paths(line, paths);
  line.add_flag("--json", json, "Print the result as JSON (docs/inventory.md)");
  line.add_flag("--allow-warnings", lenient, "Exit with 0 where there are warnings but no errors");
  if (const auto ended = line.parse(std::move(arguments))) return *ended;
  const auto read = read_inventory_at(paths);
  if (!read) return cannot(kName, read.error().context);
  const Exit printed = print(kName, json ? inventory_json(*read) : inventory_text(*read));
  if (printed != Exit::ok) return printed;
  const Exit verdict = verdict_of(*read);
  return lenient && verdict == Exit::warning ? Exit::ok : verdict;
}

/// The entries of one peer, which may have several interfaces.
std::optional<std::string> entries_of(const std::string& name, const config::Inventory& inventory) {
  config::Inventory found;
  for (const config::DeclaredPeer& peer : inventory.peers)
    if (peer.name == name) found.peers.push_back(peer);
  if (found.peers.empty()) return std::nullopt;
  return config::write_inventory(found);
}

std::string no_such_peer(const std::string& name, const config::Inventory& inventory) {
  constexpr std::size_t kMostCompared = 1000;
  std::vector<std::string> known;
  for (const config::DeclaredPeer& peer : inventory.peers)
    if (known.size() < kMostCompared) known.push_back(peer.name);
  return fmt::format("there is no peer '{}' in the inventory{}", printable(hide_keys(name)),
                     did_you_mean(name, known));
}

Exit show_inventory(std::vector<std::string> arguments) {
  constexpr std::string_view kName = "inventory show";
  CommandLine line(
      "Print an inventory with what groups and defaults come to: each peer has all of its "
      "settings.\nThe output is an inventory itself. Problems go to standard error.",
      "wgscope inventory show");
  std::vector<std::string> paths;
  std::string peer;
  add_paths(line, paths);
  line.add("--peer", peer, "Print this peer alone").type("NAME");
  if (const auto ended = line.parse(std::move(arguments))) return *ended;
  const auto read = read_inventory_at(paths);
  if (!read) return cannot(kName, read.error().context);
  fmt::print(stderr, "{}", problem_lines(*read));
  std::string text;
  if (peer.empty()) {
    text = config::write_inventory(read->inventory);
  } else if (auto found = entries_of(peer, read->inventory)) {
    text = std::move(*found);
  } else {
    return cannot(kName, no_such_peer(peer, read->inventory));
  }
  const Exit printed = print(kName, text);
  return printed == Exit::ok && read->errors() > 0 ? Exit::critical : printed;
}

/// "wg0" of "/etc/wireguard/wg0.conf"
std::string interface_of(std::string_view path) {
  path.remove_prefix(path.find_last_of('/') + 1);
  if (path.ends_with(".conf")) path.remove_suffix(5);
  return std::string(path);
}

/// The inventory of wg-quick files, as text. @returns as checks::read_config_file(), and bad_value
/// for names that cannot be those of interfaces.
Result<std::string> inventory_of(const std::vector<std::string>& paths, const std::string& host) {
  std::vector<checks::ConfigFile> read;
  std::vector<config::InterfaceFile> files;
  for (const std::string& path : paths) {
    auto file = checks::read_config_file(path);
    if (!file) return tl::unexpected(file.error());
    config::InterfaceFile made{.name = interface_of(path), .host = host, .public_key = {}};
    if (!config::is_interface_name(made.name))
      return fail(Errc::bad_value, fmt::format("{}: the file is not named after an interface, as "
                                               "in wg0.conf",
                                               printable(path, path.size())));
    if (std::ranges::find(files, made.name, &config::InterfaceFile::name) != files.end())
      return fail(Errc::bad_value,
                  fmt::format("two files are named after the interface '{}': make an inventory of "
                              "each, with --host",
                              made.name));
    if (file->config.private_key) {
      const auto key = crypto::derive_public_key(file->config.private_key->secret);
      if (!key) return tl::unexpected(key.error());
      made.public_key = PublicKey{*key};
    }
    files.push_back(std::move(made));
    read.push_back(std::move(*file));
  }
  for (std::size_t i = 0; i < files.size(); ++i) files[i].config = &read[i].config;
  return config::write_inventory(config::inventory_from(files));
}

Exit make_inventory(std::vector<std::string> arguments) {
  constexpr std::string_view kName = "inventory from";
  CommandLine line(
      "Print an inventory of what wg-quick files configure, without their private and preshared "
      "keys.\nEvery peer is `roaming`: change that to `always` for those that must be online.",
      "wgscope inventory from");
  std::vector<std::string> paths;
  std::string host;
  line.add("FILE", paths, "wg-quick files, named after their interfaces").type("");
  line.add("--host", host, "Name of the host that has these interfaces").type("NAME");
  line.check([&]() -> Complaint {
    if (paths.empty()) return "give a wg-quick file: FILE";
    if (!host.empty() && !config::is_host_name(host))
      return "--host: expected letters, digits and .-_";
    return std::nullopt;
  });
  if (const auto ended = line.parse(std::move(arguments))) return *ended;
  const auto text = inventory_of(paths, host);
  if (!text) return cannot(kName, text.error().context);
  return print(kName, *text);
}

struct Action {
  std::string_view name;
  std::string_view summary;
  Exit (*run)(std::vector<std::string> arguments);
};
constexpr std::array<Action, 3> kActions{
    {{"check", "Check an inventory, as a pipeline's gate", check_inventory},
     {"show", "Print what groups and defaults come to", show_inventory},
     {"from", "Make an inventory of wg-quick files", make_inventory}}};

std::string help() {
  std::string text =
      "What should be there: interfaces and peers, declared in files (docs/inventory.md).\n\n"
      "Usage: wgscope inventory ACTION [OPTION]...\n\nActions:\n";
  for (const Action& action : kActions)
    text += fmt::format("  {:<8}{}\n", action.name, action.summary);
  return text + "\nwgscope inventory ACTION --help shows the options of an action.\n";
}

}  // namespace

Exit run_inventory(std::vector<std::string> arguments) {
  if (arguments.empty())
    return cannot("inventory",
                  "no action given: check, show or from (see wgscope inventory --help)");
  const std::string first = arguments.front();
  if (first == "--help" || first == "-h") return print("inventory", help());
  const auto* action = std::ranges::find(kActions, std::string_view(first), &Action::name);
  if (action == kActions.end()) {
    std::vector<std::string> known;
    known.reserve(kActions.size());
    for (const Action& one : kActions) known.emplace_back(one.name);
    return cannot("inventory", fmt::format("unknown action '{}'{}", printable(hide_keys(first)),
                                           did_you_mean(first, known)));
  }
  arguments.erase(arguments.begin());
  return action->run(std::move(arguments));
}

}  // namespace wgscope::probe
