#include "probe/options/target_options.hpp"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>

#include "wgscope/base/text.hpp"
#include "wgscope/checks/prepare.hpp"
#include "wgscope/diagnosis/text.hpp"

#include "probe/command_line.hpp"

namespace wgscope::probe {
namespace {

constexpr std::string_view kTargetGroup = "Tunnel";

/// A key in an argument is seen by every user of the host (ps), and kept by shells.
Complaint refuse_keys(const std::string& text) {
  if (!decode_key_base64(text)) return std::nullopt;
  return "this is a key. Every user of this host can read arguments: put the key in a file and "
         "pass the file's name, or '-' for standard input";
}

Option add_file(CommandLine& line, const std::string& name, std::string& into,
                const std::string& description) {
  return line.add(name, into, description).type("FILE").check(refuse_keys);
}

/// As wg(8) takes it, which calls none "off".
std::optional<std::uint32_t> parse_mark(std::string_view text) {
  if (text == "off") return 0;
  const bool hexadecimal = text.starts_with("0x") || text.starts_with("0X");
  if (hexadecimal) text.remove_prefix(2);
  std::uint32_t value = 0;
  const char* const end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, value, hexadecimal ? 16 : 10);
  if (error != std::errc{} || rest != end) return std::nullopt;
  return value;
}

/// As one word of a shell.
std::string quoted(const std::string& value) {
  const auto is_plain = [](unsigned char c) {
    return std::isalnum(c) != 0 ||
           std::string_view("-_./:=+,@%").find(static_cast<char>(c)) != std::string_view::npos;
  };
  if (std::ranges::all_of(value, is_plain)) return value;
  std::string made = "'";
  for (const char c : value) made += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return made + "'";
}

/// Which way packets leave this host.
void add_way_options(CommandLine& line, checks::TargetOptions& target, const std::string& group) {
  line.add(
          "--fwmark",
          [&target](const std::string& text) -> Complaint {
            target.fwmark = parse_mark(text);
            if (target.fwmark) return std::nullopt;
            return "--fwmark: expected a number such as 51820 or 0xca6c, or off";
          },
          "Firewall mark of what is sent, which may keep it out of another tunnel of this host; "
          "needs CAP_NET_ADMIN")
      .type("MARK")
      .group(group);
  line.add("--through", target.through,
           "Measure the path through this tunnel interface of this host if the route leads there")
      .type("INTERFACE")
      .group(group);
}

}  // namespace

void add_target_options(CommandLine& line, checks::TargetOptions& target) {
  const std::string group(kTargetGroup);
  add_file(line, "--config", target.config,
           "wg-quick file of the probe's own peer; - for standard input")
      .group(group);
  line.add("--peer", target.peer, "Which peer of the file, if it has several")
      .type("KEY|NAME")
      .group(group);
  add_file(line, "--private-key-file", target.private_key_file,
           "File with the probe's private key; - for standard input")
      .group(group);
  line.add("--private-key-env", target.private_key_env,
           "Environment variable that holds the private key")
      .type("NAME")
      .check(refuse_keys)
      .group(group);
  add_file(line, "--preshared-key-file", target.preshared_key_file, "File with the preshared key")
      .group(group);
  line.add("--gateway", target.gateway, "The gateway's public key").type("KEY").group(group);
  line.add("--endpoint", target.endpoint, "The gateway's address").type("HOST:PORT").group(group);
  line.add("--address", target.addresses, "The probe's address inside the tunnel; repeatable")
      .type("PREFIX")
      .group(group);
  line.add("--allowed-ips", target.allowed_ips,
           "Addresses that are reached through the gateway; repeatable")
      .type("PREFIX")
      .group(group);
  line.add("--mtu", target.mtu, "The tunnel's MTU").type("BYTES").range(576, 65535).group(group);
  add_way_options(line, target, group);
  line.add("--state-dir", target.state_folder, kStateFolderHelp).type("DIR").group(group);
  line.add("--uapi-dir", target.uapi_folder,
           "Directory with the sockets of userspace interfaces, whose keys must not be used")
      .type("DIR")
      .show_default()
      .group(group);
  line.add_flag("--i-know-this-steals-the-endpoint", target.steal_endpoint,
                "Use the key although an interface of this host uses it: the gateway then sends "
                "that interface's traffic to the probe")
      .group(group);
}

diagnosis::Text target_arguments(const checks::TargetOptions& target) {
  using diagnosis::text;
  diagnosis::Text all;
  const auto add_path = [&](diagnosis::Words option, const std::string& path) {
    if (!path.empty()) all.add(text(" {} {}", option, diagnosis::Path{quoted(path)}));
  };
  const auto add = [&](diagnosis::Words option, const std::string& value) {
    if (!value.empty()) all.add(text(" {} {}", option, diagnosis::Name{quoted(value)}));
  };
  add_path("--config", target.config);
  add("--peer", target.peer);
  add_path("--private-key-file", target.private_key_file);
  add("--private-key-env", target.private_key_env);
  add_path("--preshared-key-file", target.preshared_key_file);
  add("--gateway", target.gateway);
  add("--endpoint", target.endpoint);
  for (const std::string& address : target.addresses) add("--address", address);
  for (const std::string& prefix : target.allowed_ips) add("--allowed-ips", prefix);
  if (target.mtu) all.add(text(" --mtu {}", *target.mtu));
  if (target.fwmark) all.add(text(" --fwmark {}", *target.fwmark));
  add("--through", target.through);
  add_path("--state-dir", target.state_folder);
  return all;
}

}  // namespace wgscope::probe
