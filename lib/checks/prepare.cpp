#include "wgscope/checks/prepare.hpp"

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <sys/stat.h>
#include <type_traits>
#include <unistd.h>
#include <utility>
#include <vector>

#include <fmt/core.h>

#include "wgscope/base/key_text.hpp"
#include "wgscope/base/keys.hpp"
#include "wgscope/base/result.hpp"
#include "wgscope/base/secret.hpp"
#include "wgscope/base/secret_string.hpp"
#include "wgscope/base/text.hpp"
#include "wgscope/checks/networkd_files.hpp"
#include "wgscope/checks/stamps.hpp"
#include "wgscope/checks/target.hpp"
#include "wgscope/config/expectations.hpp"
#include "wgscope/config/misspelled.hpp"
#include "wgscope/config/networkd.hpp"
#include "wgscope/config/wg_quick.hpp"
#include "wgscope/crypto/x25519.hpp"
#include "wgscope/diagnosis/check_kinds.hpp"
#include "wgscope/diagnosis/finding.hpp"
#include "wgscope/diagnosis/report.hpp"
#include "wgscope/diagnosis/text.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/model/public_key.hpp"
#include "wgscope/os/file.hpp"
#include "wgscope/os/stamp_store.hpp"

#include "checks/prepare_remarks.hpp"

namespace wgscope::checks {
namespace {

using diagnosis::Check;
using diagnosis::CheckKind;
using diagnosis::FindingId;
using diagnosis::Path;
using diagnosis::Status;
using diagnosis::text;

constexpr std::size_t kMaxConfigSize = 16U << 20U;
constexpr std::size_t kMaxKeySize = 4096;

std::string shown_path(const std::string& path) { return path == "-" ? "standard input" : path; }

tl::unexpected<Error> about(std::string_view what, const Error& error) {
  return fail(error.code, fmt::format("{}: {}", what, error.context), error.sys_errno);
}

void warn_of_mode(const std::string& path, const std::optional<unsigned>& mode,
                  std::vector<Check>& checks, unsigned right_mode = kPrivateMode) {
  if (!is_too_open(mode, right_mode)) return;
  checks.push_back(make_check(
      CheckKind::configuration_file_mode, Status::warning,
      text("other users can read {}", Path{path}),
      {.id = FindingId::key_readable_by_others,
       .cause =
           text("other users of this host can read {}, which contains a secret key", Path{path}),
       .evidence = {text("its mode is {}", diagnosis::vouched(fmt::format("{:04o}", *mode)))},
       .fix = {
           text("chmod {} {}", diagnosis::vouched(fmt::format("{:o}", right_mode)), Path{path})}}));
}

/// Reads the file that --config names.
Result<config::WgQuickConfig> read_config(const std::string& path, std::vector<Check>& checks) {
  auto file = read_config_file(path);
  if (!file) return tl::unexpected(file.error());
  const config::WgQuickConfig& config = file->config;
  const bool has_secret =
      config.private_key || std::ranges::any_of(config.peers, [](const auto& peer) {
        return peer.preshared_key.has_value();
      });
  if (has_secret) warn_of_mode(path, file->mode, checks, file->right_mode);
  for (Check& check : file->remarks) checks.push_back(std::move(check));
  return std::move(file->config);
}

template <class Key>
Result<Key> parse_key(std::string_view content, const std::string& where) {
  content = trim(content);
  if (auto key = Key::from_base64(content)) {
    if (std::is_same_v<Key, PrivateKey> && content.find_first_not_of("A=") == content.npos)
      return fail(Errc::bad_value, fmt::format("{}: this key is all zeros, which is not a key: "
                                               "make one with wg genkey",
                                               where));
    return std::move(*key);
  }
  if (auto why = config::why_not_text(content))
    return fail(Errc::bad_value, fmt::format("{}: {}", where, *why));
  if (content.find('[') != std::string_view::npos)
    return fail(
        Errc::bad_value,
        fmt::format("{}: this is a whole wg-quick file, not a key: pass it with --config", where));
  return fail(Errc::bad_value, fmt::format("{}: this is {}; wg genkey makes a key", where,
                                           describe_bad_key(content)));
}

std::string_view first_line(std::string_view content) {
  while (!content.empty() && (content.back() == '\n' || content.back() == '\r'))
    content.remove_suffix(1);
  return content;
}

/// @param checks  told where others can read it; nullptr: nobody asks.
template <class Key>
Result<Key> read_key(const std::string& path, std::vector<Check>* checks) {
  const std::string shown = shown_path(path);
  const auto input = os::read_secret_input(path, kMaxKeySize);
  if (!input) return about(shown, input.error());
  if (checks != nullptr) warn_of_mode(path, input->mode, *checks);
  return parse_key<Key>(first_line(input->text.view()), shown);
}

/// From a variable of the environment, which is then forgotten: children do not need it.
Result<PrivateKey> take_private_key(const std::string& variable) {
  char* const value = std::getenv(variable.c_str());
  if (value == nullptr)
    return fail(
        Errc::missing_key,
        fmt::format("--private-key-env: the environment has no variable {}", printable(variable)));
  const std::span<char> memory(value, std::strlen(value));
  const WipeGuard wiped(memory);
  auto key = parse_key<PrivateKey>(first_line({memory.data(), memory.size()}),
                                   "the variable " + printable(variable));
  unsetenv(variable.c_str());
  return key;
}

Result<> take_prefixes(const std::vector<std::string>& texts, const char* option,
                       std::vector<Prefix>& into) {
  if (texts.empty()) return {};
  into.clear();
  for (const std::string& text : texts) {
    auto prefix = Prefix::parse(text);
    if (!prefix) return about(option, prefix.error());
    into.push_back(*prefix);
  }
  return {};
}

/// Options stand above the file.
Result<> apply_keys(const TargetOptions& options, config::WgQuickConfig& config,
                    std::vector<Check>& checks) {
  if (!options.private_key_file.empty() && !options.private_key_env.empty())
    return fail(Errc::bad_value, "give --private-key-file or --private-key-env, not both");
  if (!options.private_key_file.empty()) {
    auto key = read_key<PrivateKey>(options.private_key_file, &checks);
    if (!key) return tl::unexpected(key.error());
    config.private_key = std::move(*key);
  } else if (!options.private_key_env.empty()) {
    auto key = take_private_key(options.private_key_env);
    if (!key) return tl::unexpected(key.error());
    config.private_key = std::move(*key);
  }
  return {};
}

/// The peer that options describe: one of the file's, or where there is none a new one.
Result<> apply_peer(const TargetOptions& options, config::WgQuickConfig& config,
                    std::vector<Check>& checks) {
  if (!options.gateway.empty()) {
    const auto key = PublicKey::from_base64(options.gateway);
    if (!key) return about("--gateway", key.error());
    if (config.peers.empty()) {
      config.peers.emplace_back();
    } else if (config.peers.size() > 1) {
      return fail(Errc::bad_value, "--gateway: the file has several peers: choose one with --peer");
    }
    config.peers.front().public_key = *key;
  }
  const bool describes = !options.endpoint.empty() || !options.allowed_ips.empty() ||
                         !options.preshared_key_file.empty();
  if (!describes) return {};
  if (config.peers.empty())
    return fail(Errc::missing_key, "the gateway's public key is missing: pass it with --gateway");
  for (config::WgQuickPeer& peer : config.peers) {
    if (!options.peer.empty() && peer.name != options.peer &&
        peer.public_key.base64() != options.peer)
      continue;
    if (!options.endpoint.empty()) {
      auto endpoint = config::EndpointName::parse(options.endpoint);
      if (!endpoint) return about("--endpoint", endpoint.error());
      peer.endpoint = std::move(*endpoint);
    }
    if (auto taken = take_prefixes(options.allowed_ips, "--allowed-ips", peer.allowed_ips); !taken)
      return taken;
    if (!options.preshared_key_file.empty()) {
      auto key = read_key<PresharedKey>(options.preshared_key_file, &checks);
      if (!key) return tl::unexpected(key.error());
      peer.preshared_key = std::move(*key);
    }
  }
  return {};
}

/// Standard input can be read once.
Result<> check_standard_input(const TargetOptions& options) {
  const auto sources = {options.config, options.private_key_file, options.preshared_key_file};
  if (std::ranges::count(sources, "-") <= 1) return {};
  return fail(Errc::bad_value,
              "standard input can be used only once: for --config, --private-key-file or "
              "--preshared-key-file");
}

Result<config::WgQuickConfig> gather(const TargetOptions& options, std::vector<Check>& checks) {
  if (auto once = check_standard_input(options); !once) return tl::unexpected(once.error());
  config::WgQuickConfig config;
  if (!options.config.empty()) {
    auto read = read_config(options.config, checks);
    if (!read) return read;
    config = std::move(*read);
  } else if (options.gateway.empty()) {
    return fail(Errc::missing_key,
                "no target: pass --config FILE, or --private-key-file, --address, --gateway, "
                "--endpoint and --allowed-ips");
  }
  if (auto done = apply_keys(options, config, checks); !done) return tl::unexpected(done.error());
  if (auto done = take_prefixes(options.addresses, "--address", config.addresses); !done)
    return tl::unexpected(done.error());
  if (options.mtu) config.mtu = options.mtu;
  apply_fwmark(options, config);
  if (auto done = apply_peer(options, config, checks); !done) return tl::unexpected(done.error());
  return config;
}

/// Where nothing can be kept the probe works all the same: its clock has to be right then.
Result<Stamps> open_stamps(const TargetOptions& options, const PublicKey& key,
                           std::vector<Check>& checks) {
  std::optional<Error> why;
  std::string folder = options.state_folder;
  if (folder.empty()) {
    auto usual = os::stamp_folder({geteuid(), std::getenv("XDG_STATE_HOME"), std::getenv("HOME")});
    if (usual)
      folder = std::move(*usual);
    else
      why = usual.error();
  }
  if (!why) {
    auto stamps = Stamps::open(folder, key);
    if (stamps) return stamps;
    const bool must = !options.state_folder.empty();
    if (must || stamps.error().code == Errc::refused || stamps.error().code == Errc::bad_value)
      return tl::unexpected(stamps.error());
    why = stamps.error();
  }
  checks.push_back(make_check(CheckKind::configuration_state, Status::unknown,
                              "the time of the key's last handshake is not stored",
                              {.id = FindingId::stamps_not_kept,
                               .cause = "the time of this key's last handshake cannot be stored",
                               .evidence = {text("{}", diagnosis::Name{why->context})},
                               .fix = {"pass --state-dir DIR, a directory that this user can write "
                                       "to and that outlives reboots"}}));
  return Stamps();
}

/// Nothing of what can be noticed is critical but what makes asking pointless.
std::optional<FindingId> first_critical(const std::vector<Check>& checks) {
  const auto critical = std::ranges::find(checks, Status::critical, &Check::status);
  if (critical == checks.end() || !critical->finding) return std::nullopt;
  return critical->finding->id;
}

Result<config::WgQuickConfig> read_any_config(const std::string& path, std::string_view content) {
  if (config::looks_like_netdev(content)) {
    auto netdev = read_netdev({.path = path, .text = content});
    if (!netdev) return tl::unexpected(netdev.error());
    return std::move(netdev->config);
  }
  auto config = config::parse_wg_quick(content);
  if (!config) return about(shown_path(path), config.error());
  return config;
}

}  // namespace

void apply_fwmark(const TargetOptions& options, config::WgQuickConfig& config) {
  if (!options.fwmark) return;
  config.fwmark.reset();
  if (*options.fwmark != 0) config.fwmark = options.fwmark;
}

Result<ConfigFile> read_config_file(const std::string& path) {
  const auto input = os::read_secret_input(path, kMaxConfigSize);
  if (!input) return about(shown_path(path), input.error());
  const std::string_view content = input->text.view();
  if (config::looks_like_network(content))
    return fail(Errc::bad_value,
                fmt::format("{}: this is a .network file, which has no keys: give the .netdev file "
                            "of the interface; the .network file beside it is found by itself",
                            shown_path(path)));
  auto config = read_any_config(path, content);
  if (!config) return tl::unexpected(config.error());
  std::vector<Check> about_lines = remarks(shown_path(path), *config);
  return ConfigFile{.config = std::move(*config),
                    .mode = input->mode,
                    .right_mode = config::looks_like_netdev(content) ? kNetdevMode : kPrivateMode,
                    .remarks = std::move(about_lines)};
}

Result<std::vector<config::Expectation>> read_expectations(const std::string& path) {
  const auto content = os::read_file(path, config::kMaxExpectationsSize);
  if (!content) return about(path, content.error());
  auto expectations = config::parse_expectations(*content);
  if (!expectations) return about(path, expectations.error());
  return expectations;
}

Result<PresharedKey> read_preshared_key(const std::string& path) {
  return read_key<PresharedKey>(path, nullptr);
}

Result<Prepared> prepare(const TargetOptions& options) {
  std::vector<Check> checks;
  auto config = gather(options, checks);
  if (!config) return tl::unexpected(config.error());
  const std::string misspelled = config::misspelled(*config);
  auto target = make_target(std::move(*config), options.peer);
  if (!target) {
    const std::string where = options.config.empty() ? "" : options.config + ": ";
    const bool lacks = target.error().code == Errc::missing_key;
    return fail(target.error().code,
                where + target.error().context + (lacks ? misspelled : std::string()));
  }
  const auto ours = crypto::X25519Key::from_private(target->private_key.secret);
  if (!ours) return tl::unexpected(ours.error());
  const PublicKey key{ours->public_key()};
  if (std::ranges::equal(target->gateway.bytes, target->private_key.secret.bytes()))
    return fail(Errc::bad_value,
                "--gateway: this is the probe's own private key; pass the gateway's public key. "
                "Replace the private key: other users have seen it in the arguments");
  if (key == target->gateway)
    return fail(Errc::bad_value,
                "the gateway's public key belongs to the probe's own private key: pass the key of "
                "the gateway instead");
  if (auto found = hopeless(*target, *ours)) checks.push_back(std::move(*found));
  auto stamps = open_stamps(options, key, checks);
  if (!stamps) return tl::unexpected(stamps.error());
  const auto obstacle = first_critical(checks);
  return Prepared{std::move(*target), std::move(*stamps), std::move(checks), obstacle};
}

}  // namespace wgscope::checks
