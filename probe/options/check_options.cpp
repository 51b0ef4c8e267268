#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include <CLI/CLI.hpp>
#include <fmt/core.h>

#include "wgscope/base/result.hpp"
#include "wgscope/base/text.hpp"
#include "wgscope/base/time.hpp"
#include "wgscope/checks/handshake.hpp"
#include "wgscope/checks/target.hpp"
#include "wgscope/diagnosis/report.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/os/clock.hpp"

#include "probe/frame.hpp"

// The options that all verbs have that check a gateway, and what they mean.

namespace wgscope::probe {
namespace {

using std::chrono::nanoseconds;

constexpr std::chrono::seconds kQuick{9};  ///< of the 10 that --quick may take, to end in

constexpr std::string_view kTargetGroup = "Whose tunnel";
constexpr std::string_view kOutputGroup = "What is shown";

std::optional<nanoseconds> parse_duration(std::string_view text) {
  struct Unit {
    std::string_view name;
    double nanoseconds;
  };
  constexpr std::array<Unit, 4> kUnits{{{"", 1e9}, {"s", 1e9}, {"ms", 1e6}, {"m", 60e9}}};
  constexpr double kMost = 7 * 24 * 3600 * 1e9;
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{}) return std::nullopt;
  const std::string_view unit(end, static_cast<std::size_t>(text.data() + text.size() - end));
  for (const Unit& known : kUnits) {
    if (unit != known.name) continue;
    const double value = number * known.nanoseconds;
    if (!(value > 0) || value > kMost) return std::nullopt;
    return nanoseconds(static_cast<nanoseconds::rep>(value));
  }
  return std::nullopt;
}

/// A key in an argument is seen by every user of the host (ps), and kept by shells.
void refuse_keys(const std::string& text) {
  if (decode_key_base64(text))
    throw CLI::ValidationError(
        "that is a key itself, and everybody on this host can read arguments: put it in a file and "
        "name that, or '-' for standard input");
}

CLI::Option* add_file(CLI::App& app, const std::string& name, std::string& into,
                      const std::string& description) {
  return app.add_option(name, into, description)->type_name("FILE")->each(refuse_keys);
}

void add_target_options(CLI::App& app, TargetOptions& target) {
  const std::string group(kTargetGroup);
  add_file(app, "--config", target.config,
           "wg-quick file of the probe's own peer; - is standard input")
      ->group(group);
  app.add_option("--peer", target.peer, "Which peer of the file is meant, if there are several")
      ->type_name("KEY|NAME")
      ->group(group);
  add_file(app, "--private-key-file", target.private_key_file,
           "The probe's private key; - is standard input")
      ->group(group);
  app.add_option("--private-key-env", target.private_key_env,
                 "The environment variable that has the private key")
      ->type_name("NAME")
      ->each(refuse_keys)
      ->group(group);
  add_file(app, "--preshared-key-file", target.preshared_key_file, "The preshared key")
      ->group(group);
  app.add_option("--gateway", target.gateway, "The gateway's public key")
      ->type_name("KEY")
      ->group(group);
  app.add_option("--endpoint", target.endpoint, "Where the gateway is")
      ->type_name("HOST:PORT")
      ->group(group);
  app.add_option("--address", target.addresses, "The probe's address in the tunnel; repeatable")
      ->type_name("PREFIX")
      ->group(group);
  app.add_option("--allowed-ips", target.allowed_ips,
                 "What is reached through the gateway; repeatable")
      ->type_name("PREFIX")
      ->group(group);
  app.add_option("--mtu", target.mtu, "MTU in the tunnel, in bytes")
      ->type_name("BYTES")
      ->check(CLI::Range(576, 65535).description(""))
      ->group(group);
  app.add_option("--state.dir", target.state_folder,
                 "Folder in which the key's last handshake is kept")
      ->type_name("DIR")
      ->group(group);
  app.add_option("--uapi.dir", target.uapi_folder,
                 "Where sockets of userspace interfaces lie, whose keys are not to be used")
      ->type_name("DIR")
      ->capture_default_str()
      ->group(group);
  app.add_flag("--i-know-this-steals-the-endpoint", target.steal_endpoint,
               "Use the key though an interface of this host does: the gateway will send that "
               "interface's traffic here")
      ->group(group);
}

std::optional<diagnosis::FailOn> parse_fail_on(std::string_view word) {
  using enum diagnosis::FailOn;
  if (iequals(word, "critical") || iequals(word, "crit")) return critical;
  if (iequals(word, "warning") || iequals(word, "warn")) return warning;
  if (iequals(word, "unknown")) return unknown;
  return std::nullopt;
}

}  // namespace

void add_output_options(CLI::App& app, OutputOptions& output) {
  const std::string group(kOutputGroup);
  app.add_flag("--json", output.json, "One JSON document (docs/report.schema.json)")->group(group);
  app.add_option("--junit", output.junit_file, "Write a JUnit report too")
      ->type_name("FILE")
      ->group(group);
  app.add_option("--prometheus", output.prometheus_file,
                 "Write metrics for the textfile collector too")
      ->type_name("FILE")
      ->group(group);
  app.add_flag("--redact", output.redact, "Without keys, addresses, names and paths")->group(group);
  app.add_flag("-v,--verbose", output.verbose, "All evidence and figures")->group(group);
  app.add_option_function<std::string>(
         "--fail-on",
         [&output](const std::string& word) {
           const auto level = parse_fail_on(word);
           if (!level) throw CLI::ValidationError("--fail-on: critical, warning or unknown");
           output.fail_on = *level;
         },
         "What does not end with 0: critical, warning (the default), or also whatever is unknown")
      ->type_name("WHAT")
      ->group(group);
}

void add_duration_option(CLI::App& app, const std::string& name,
                         std::function<void(nanoseconds)> take, const std::string& description) {
  app.add_option_function<std::string>(
         name,
         [take = std::move(take)](const std::string& text) {
           const auto duration = parse_duration(text);
           if (!duration)
             throw CLI::ValidationError("not a time: '" + printable(text) +
                                        "'; seconds, or with a unit: 500ms, 30s, 2m");
           take(*duration);
         },
         description)
      ->type_name("TIME");
}

void add_check_options(CLI::App& app, CheckOptions& options) {
  add_target_options(app, options.target);
  add_duration_option(
      app, "--timeout",
      [&](nanoseconds time) {
        options.timeout = time;
        options.timeout_given = true;
      },
      "When all of it is over at the latest [20s]");
  auto* ipv4 = app.add_flag("-4,--ipv4", options.ipv4, "Only the endpoint's IPv4 addresses");
  app.add_flag("-6,--ipv6", options.ipv6, "Only its IPv6 addresses")->excludes(ipv4);
  app.add_flag("--quick", options.quick, "Within 10 s, without what takes longer");
  app.add_flag("--plan", options.plan,
               "Print what would be sent, to whom, and what that changes; send nothing");
  add_output_options(app, options.output);
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
