#include "probe/commands/mtu_outer.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdio>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <fmt/core.h>

#include "wgscope/base/result.hpp"
#include "wgscope/base/text.hpp"
#include "wgscope/checks/outer.hpp"
#include "wgscope/checks/run.hpp"
#include "wgscope/checks/target.hpp"
#include "wgscope/config/wg_quick.hpp"
#include "wgscope/diagnosis/outer.hpp"
#include "wgscope/diagnosis/report.hpp"
#include "wgscope/diagnosis/text.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/os/file.hpp"

#include "probe/frame.hpp"
#include "probe/verbs.hpp"

// wgscope mtu --outer: options -> checks::check_outer() -> report. A configuration only says who
// and how large; its keys are not looked at.

namespace wgscope::probe {
namespace {

using diagnosis::text;

constexpr std::size_t kMaxConfigSize = 16U << 20U;
constexpr unsigned kLastPort = 65536 - checks::kOuterPorts;

/// "192.0.2.1", "2001:db8::1", "[2001:db8::1]", "gw.example.net", and each with a port, IPv6 in
/// brackets then.
Result<config::EndpointName> parse_host(const std::string& written) {
  std::string_view host = written;
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  const bool has_port = host.find(':') != std::string_view::npos;
  if (IpAddress::parse(host) || (!has_port && !host.empty()))
    return config::EndpointName{.host = std::string(host), .port = checks::kOuterPort};
  auto name = config::EndpointName::parse(written);
  if (!name)
    return fail(name.error().code,
                fmt::format("'{}' is no HOST and no HOST:PORT", printable(written)));
  if (name->port > kLastPort)
    return fail(Errc::bad_value, fmt::format("port {}: {} at most, as {} in a row are asked",
                                             name->port, kLastPort, checks::kOuterPorts));
  return name;
}

/// What the configuration says, where there is one: its endpoint, MTU, mark, families inside.
Result<> read_config(const TargetOptions& target, checks::OuterOptions& options) {
  if (target.config.empty()) return {};
  const auto input = os::read_secret_input(target.config, kMaxConfigSize);
  if (!input) return tl::unexpected(input.error());
  const auto config = config::parse_wg_quick(input->text.view());
  if (!config)
    return fail(config.error().code, fmt::format("{}: {}", target.config, config.error().context));
  options.mark = config->fwmark;
  options.ipv6_inside = std::ranges::any_of(config->addresses, [](const Prefix& address) {
    return address.address.family == Family::v6;
  });
  if (config->mtu) options.tunnel_mtu = *config->mtu;
  options.tunnel_mtu_known = config->mtu.has_value();
  if (!options.host.host.empty()) return {};
  const auto peer = checks::choose_peer(*config, target.peer);
  if (!peer) return tl::unexpected(peer.error());
  const auto& endpoint = config->peers[*peer].endpoint;
  if (!endpoint)
    return fail(Errc::missing_key,
                "the peer has no Endpoint: name a host, wgscope mtu --outer HOST");
  options.host = {.host = endpoint->host, .port = checks::kOuterPort};
  return {};
}

Result<checks::OuterOptions> make_options(const CheckOptions& check, const std::string& host) {
  checks::OuterOptions options;
  options.quick = check.quick;
  if (check.ipv4 || check.ipv6) options.family = check.ipv4 ? Family::v4 : Family::v6;
  const TargetOptions& target = check.target;
  if (!host.empty()) {
    auto parsed = parse_host(host);
    if (!parsed) return tl::unexpected(parsed.error());
    options.host = std::move(*parsed);
  } else if (!target.endpoint.empty()) {
    auto endpoint = config::EndpointName::parse(target.endpoint);
    if (!endpoint) return tl::unexpected(endpoint.error());
    options.host = {.host = endpoint->host, .port = checks::kOuterPort};
  }
  if (auto read = read_config(target, options); !read) return tl::unexpected(read.error());
  if (target.mtu) options.tunnel_mtu = *target.mtu;
  options.tunnel_mtu_known = options.tunnel_mtu_known || target.mtu;
  if (options.host.host.empty())
    return fail(Errc::missing_key,
                "name a host: wgscope mtu --outer HOST, or the one of a file: --config FILE");
  return options;
}

Plan plan_of(const checks::OuterOptions& options) {
  Plan plan;
  const diagnosis::Name host{options.host.host};
  plan.lines.push_back(
      text("to {}: echo requests of 576 to 9000 bytes that must not be cut, each beside a small "
           "one; about 24 where nothing is lost, up to 300 where much is",
           host));
  plan.lines.push_back(
      text("to {}, UDP ports {} to {}: datagrams likewise, where the echo requests do not tell",
           host, options.host.port, options.host.port + checks::kOuterPorts - 1));
  plan.lines.emplace_back(
      "where larger ones vanish: up to 200 datagrams whose life ends on the way");
  return plan;
}

void show_tables(const diagnosis::OuterFacts& facts) {
  std::string tables;
  if (facts.both) tables += size_table("There and back, echo requests", *facts.both);
  if (facts.forward) tables += size_table("There, UDP", *facts.forward);
  fmt::print(stderr, "{}", tables);
  static_cast<void>(std::fflush(stderr));
}

}  // namespace

Exit run_mtu_outer(const CheckOptions& check, const std::string& host) {
  auto options = make_options(check, host);
  if (!options) return refuse(check, "mtu", options.error());
  if (check.plan) {
    print_plan(plan_of(*options), check.output);
    return Exit::ok;
  }
  return run_report(check.output, {.verb = "mtu",
                                   .target = text("{}", diagnosis::Name{options->host.host}),
                                   .run = [&](checks::Run& run, diagnosis::Report& report) {
                                     options->deadline = deadline_of(check);
                                     const auto facts = checks::check_outer(run, *options, report);
                                     if (check.output.verbose) show_tables(facts);
                                   }});
}

}  // namespace wgscope::probe
