#include <algorithm>
#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <fmt/core.h>

#include "wgscope/base/duration.hpp"
#include "wgscope/base/result.hpp"
#include "wgscope/base/text.hpp"
#include "wgscope/base/time.hpp"
#include "wgscope/checks/handshake.hpp"
#include "wgscope/checks/target.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/os/clock.hpp"

#include "probe/command_line.hpp"
#include "probe/frame.hpp"
#include "probe/options/output_options.hpp"

// The options that all verbs have that check a gateway, and what they mean.

namespace wgscope::probe {
namespace {

using std::chrono::nanoseconds;

constexpr std::chrono::seconds kQuick{9};  ///< of the 10 that --quick may take, to end in

constexpr std::string_view kTargetGroup = "Whose tunnel";

/// A key in an argument is seen by every user of the host (ps), and kept by shells.
Complaint refuse_keys(const std::string& text) {
  if (!decode_key_base64(text)) return std::nullopt;
  return "that is a key itself, and everybody on this host can read arguments: put it in a file "
         "and name that, or '-' for standard input";
}

Option add_file(CommandLine& line, const std::string& name, std::string& into,
                const std::string& description) {
  return line.add(name, into, description).type("FILE").check(refuse_keys);
}

void add_target_options(CommandLine& line, TargetOptions& target) {
  const std::string group(kTargetGroup);
  add_file(line, "--config", target.config,
           "wg-quick file of the probe's own peer; - is standard input")
      .group(group);
  line.add("--peer", target.peer, "Which peer of the file is meant, if there are several")
      .type("KEY|NAME")
      .group(group);
  add_file(line, "--private-key-file", target.private_key_file,
           "The probe's private key; - is standard input")
      .group(group);
  line.add("--private-key-env", target.private_key_env,
           "The environment variable that has the private key")
      .type("NAME")
      .check(refuse_keys)
      .group(group);
  add_file(line, "--preshared-key-file", target.preshared_key_file, "The preshared key")
      .group(group);
  line.add("--gateway", target.gateway, "The gateway's public key").type("KEY").group(group);
  line.add("--endpoint", target.endpoint, "Where the gateway is").type("HOST:PORT").group(group);
  line.add("--address", target.addresses, "The probe's address in the tunnel; repeatable")
      .type("PREFIX")
      .group(group);
  line.add("--allowed-ips", target.allowed_ips, "What is reached through the gateway; repeatable")
      .type("PREFIX")
      .group(group);
  line.add("--mtu", target.mtu, "MTU in the tunnel, in bytes")
      .type("BYTES")
      .range(576, 65535)
      .group(group);
  line.add("--state.dir", target.state_folder, "Folder in which the key's last handshake is kept")
      .type("DIR")
      .group(group);
  line.add("--uapi.dir", target.uapi_folder,
           "Where sockets of userspace interfaces lie, whose keys are not to be used")
      .type("DIR")
      .show_default()
      .group(group);
  line.add_flag("--i-know-this-steals-the-endpoint", target.steal_endpoint,
                "Use the key though an interface of this host does: the gateway will send that "
                "interface's traffic here")
      .group(group);
}

}  // namespace

void add_duration_option(CommandLine& line, const std::string& name,
                         std::function<void(nanoseconds)> take, const std::string& description) {
  line.add(
          name,
          [take = std::move(take)](const std::string& text) -> Complaint {
            const auto duration = parse_duration(text);
            if (!duration) return duration.error().context;
            if (*duration == nanoseconds(0)) return "give a duration longer than 0";
            take(*duration);
            return std::nullopt;
          },
          description)
      .type("TIME");
}

void add_check_options(CommandLine& line, CheckOptions& options) {
  add_target_options(line, options.target);
  add_duration_option(
      line, "--timeout",
      [&](nanoseconds time) {
        options.timeout = time;
        options.timeout_given = true;
      },
      "When all of it is over at the latest [20s]");
  const Option ipv4 =
      line.add_flag("-4,--ipv4", options.ipv4, "Only the endpoint's IPv4 addresses");
  line.add_flag("-6,--ipv6", options.ipv6, "Only its IPv6 addresses").excludes(ipv4);
  line.add_flag("--quick", options.quick, "Within 10 s, without what takes longer");
  line.add_flag("--plan", options.plan,
                "Print what would be sent, to whom, and what that changes; send nothing");
  add_output_options(line, options.output);
}

checks::HandshakeOptions handshake_options(const CheckOptions& options) {
  checks::HandshakeOptions made;
  made.timeout = options.timeout;
  made.quick = options.quick;
  if (options.ipv4 || options.ipv6) made.family = options.ipv4 ? Family::v4 : Family::v6;
  made.steal_endpoint = options.target.steal_endpoint;
  made.uapi_folder = options.target.uapi_folder;
  return made;
}

std::optional<Instant> deadline_of(const CheckOptions& options) {
  if (!options.timeout_given && !options.quick) return std::nullopt;
  return os::boot_now() +
         (options.quick ? std::min<nanoseconds>(options.timeout, kQuick) : options.timeout);
}

Result<IpAddress> parse_inner_address(const std::string& written, const checks::Target& target) {
  const auto address = IpAddress::parse(written);
  if (!address)
    return fail(Errc::bad_value, fmt::format("'{}' is no IP address: give one inside the tunnel",
                                             printable(written)));
  if (!checks::is_allowed(target, *address))
    return fail(Errc::bad_value,
                fmt::format("{} is not among the peer's AllowedIPs, so nothing for it goes into "
                            "the tunnel",
                            address->to_string()));
  return *address;
}

}  // namespace wgscope::probe
