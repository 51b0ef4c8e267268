#include "probe/options/target_options.hpp"

#include <algorithm>
#include <cctype>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "wgscope/base/text.hpp"
#include "wgscope/checks/prepare.hpp"
#include "wgscope/config/wg_quick.hpp"
#include "wgscope/diagnosis/text.hpp"

#include "probe/command_line.hpp"

namespace wgscope::probe {
namespace {

/// A key in an argument is seen by every user of the host (ps), and kept by shells.
Complaint refuse_keys(const std::string& text) {
  if (!decode_key_base64(text)) return std::nullopt;
  return "this is a key. Every user of this host can read arguments: put the key in a file and "
         "pass the file's name, or '-' for standard input";
}

/// An option whose value is a text, and whether that text is a path.
struct TextOption {
  diagnosis::Words name;
  std::string checks::TargetOptions::* member;
  std::string_view type;
  std::string_view description;
  bool is_path = false;
};

constexpr TextOption kPeer[] = {
    {"--config", &checks::TargetOptions::config, "FILE",
     "wg-quick or .netdev file of the probe's own peer; - for standard input", true},
    {"--peer", &checks::TargetOptions::peer, "KEY|NAME",
     "Which peer of the file, if it has several"},
    {"--private-key-file", &checks::TargetOptions::private_key_file, "FILE",
     "File with the probe's private key; - for standard input", true},
    {"--private-key-env", &checks::TargetOptions::private_key_env, "NAME",
     "Environment variable that holds the private key"},
    {"--preshared-key-file", &checks::TargetOptions::preshared_key_file, "FILE",
     "File with the preshared key", true},
    {"--gateway", &checks::TargetOptions::gateway, "KEY", "The gateway's public key"},
    {"--endpoint", &checks::TargetOptions::endpoint, "HOST:PORT", "The gateway's address"},
};

constexpr TextOption kPlace[] = {
    {"--through", &checks::TargetOptions::through, "INTERFACE",
     "Measure the path through this tunnel interface of this host if the route leads there"},
    {"--state-dir", &checks::TargetOptions::state_folder, "DIR", kStateFolderHelp, true},
};

void add_texts(CommandLine& line, checks::TargetOptions& target,
               std::span<const TextOption> options) {
  for (const TextOption& one : options) {
    Option option = line.add(one.name.view(), target.*one.member, one.description).type(one.type);
    // The gateway's key and a peer's are public.
    if (one.is_path || one.member == &checks::TargetOptions::private_key_env)
      option.check(refuse_keys);
  }
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

}  // namespace

void add_target_options(CommandLine& line, checks::TargetOptions& target) {
  add_texts(line, target, kPeer);
  line.add("--address", target.addresses, "The probe's address inside the tunnel; repeatable")
      .type("PREFIX");
  line.add("--allowed-ips", target.allowed_ips,
           "Addresses that are reached through the gateway; repeatable")
      .type("PREFIX");
  line.add("--mtu", target.mtu, "The tunnel's MTU").type("BYTES").range(576, 65535);
  line.add(
          "--fwmark",
          [&target](const std::string& text) -> Complaint {
            target.fwmark = config::parse_fwmark(text);
            if (target.fwmark) return std::nullopt;
            return "--fwmark: expected a number such as 51820 or 0xca6c, or off";
          },
          "Firewall mark of what is sent, which may keep it out of another tunnel of this host; "
          "needs CAP_NET_ADMIN")
      .type("MARK");
  add_texts(line, target, kPlace);
  line.add("--uapi-dir", target.uapi_folder,
           "Directory with the sockets of userspace interfaces, whose keys must not be used")
      .type("DIR")
      .show_default();
  line.add_flag("--i-know-this-steals-the-endpoint", target.steal_endpoint,
                "Use the key although an interface of this host uses it: the gateway then sends "
                "that interface's traffic to the probe");
}

diagnosis::Text target_arguments(const checks::TargetOptions& target) {
  using diagnosis::text;
  diagnosis::Text all;
  const auto add = [&](diagnosis::Words option, const std::string& value) {
    all.add(text(" {} {}", option, diagnosis::Name{quoted(value)}));
  };
  const auto add_texts = [&](std::span<const TextOption> options) {
    for (const TextOption& one : options) {
      const std::string& value = target.*one.member;
      if (value.empty()) continue;
      all.add(one.is_path ? text(" {} {}", one.name, diagnosis::Path{quoted(value)})
                          : text(" {} {}", one.name, diagnosis::Name{quoted(value)}));
    }
  };
  // What needs a tunnel needs a key, which a run without a tunnel was not given.
  const bool has_key = !target.private_key_file.empty() || !target.private_key_env.empty();
  if (target.config.empty() && !has_key) all.add(" --config FILE");
  add_texts(kPeer);
  for (const std::string& address : target.addresses) add("--address", address);
  for (const std::string& prefix : target.allowed_ips) add("--allowed-ips", prefix);
  if (target.mtu) all.add(text(" --mtu {}", *target.mtu));
  if (target.fwmark) all.add(text(" --fwmark {}", *target.fwmark));
  add_texts(kPlace);
  return all;
}

}  // namespace wgscope::probe
