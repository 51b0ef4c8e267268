#include "wgscope/checks/handshake.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "wgscope/base/result.hpp"
#include "wgscope/checks/run.hpp"
#include "wgscope/checks/target.hpp"
#include "wgscope/diagnosis/report.hpp"
#include "wgscope/diagnosis/text.hpp"

#include "probe/command_line.hpp"
#include "probe/commands/commands.hpp"
#include "probe/frame.hpp"
#include "probe/verbs.hpp"

// wgscope handshake: options -> checks::handshake() -> render.

namespace wgscope::probe {
namespace {

struct HandshakeVerb {
  CheckOptions check;
  std::vector<std::uint16_t> ports;
  std::string inner_target;
  std::vector<std::string> preshared_key_files;
  std::optional<std::chrono::nanoseconds> hold;
  bool no_data = false;
};

void add_options(CommandLine& line, HandshakeVerb& verb) {
  add_check_options(line, verb.check);
  line.add("--port", verb.ports, "Try this port of the endpoint too; repeatable")
      .type("PORT")
      .range(1, 65535);
  line.add("--ping", verb.inner_target,
           "What to ping inside the tunnel; without it a likely address is chosen")
      .type("ADDRESS");
  line.add("--try-preshared-key-file", verb.preshared_key_files,
           "Where the preshared key does not fit: whether the one in this file does; "
           "repeatable")
      .type("FILE");
  add_duration_option(
      line, "--hold", [&](auto time) { verb.hold = time; },
      "Ping that long, to find tunnels that die after seconds");
  line.add_flag("--no-data", verb.no_data, "Only the handshake, nothing inside the tunnel");
}

/// What the options say, for the target they are about.
Result<checks::HandshakeOptions> handshake_options(const HandshakeVerb& verb,
                                                   const checks::Target& target) {
  checks::HandshakeOptions options = handshake_options(verb.check);
  options.data = !verb.no_data;
  options.ports = verb.ports;
  options.hold = verb.hold;
  if (!verb.inner_target.empty()) {
    const auto address = parse_inner_address(verb.inner_target, target);
    if (!address) return fail(address.error().code, "--ping: " + address.error().context);
    options.inner_target = *address;
  }
  for (const std::string& file : verb.preshared_key_files) {
    auto key = checks::read_preshared_key(file);
    if (!key) return tl::unexpected(key.error());
    options.preshared_keys.push_back({file, std::move(*key)});
  }
  return options;
}

Plan plan_of(const checks::Target& target, const checks::HandshakeOptions& options) {
  using diagnosis::Name;
  using diagnosis::text;
  Plan plan;
  std::string ports = std::to_string(target.endpoint.port);
  for (const std::uint16_t port : options.ports) ports += ", " + std::to_string(port);
  plan.lines.push_back(text("to every address of {}, UDP port {}:", Name{target.endpoint.host},
                            diagnosis::Text().add(std::string_view(ports))));
  plan.lines.push_back(
      text("  handshake initiations of 148 bytes, one in 5 s until it answers, for "
           "{} at most",
           options.timeout));
  plan.lines.emplace_back(
      "  where it stays silent: up to 33 datagrams of up to 148 bytes, to this port "
      "and a closed one of the same host, 24 of them with short lives");
  const auto guessed = checks::guess_inner_target(target);
  const auto inner = options.inner_target ? options.inner_target : guessed;
  if (options.data && inner)
    plan.lines.push_back(
        text("through the tunnel to {}: up to 3 echo requests of 84 bytes{}", *inner,
             options.hold ? text(", then two a second for {}", *options.hold) : diagnosis::Text()));
  plan.lines.push_back(
      text("what that changes: the gateway takes this host for the endpoint of the "
           "peer, its latest handshake moves, and it will refuse handshakes of this "
           "key with an older time"));
  return plan;
}

}  // namespace

Exit run_handshake(std::vector<std::string> arguments) {
  HandshakeVerb verb;
  CommandLine line("Handshakes with a gateway, and tells why that does not work",
                   "wgscope handshake");
  add_options(line, verb);
  if (const auto exit = line.parse(std::move(arguments))) return *exit;
  checks::HandshakeOptions options;
  return run_check(
      verb.check,
      {.verb = "handshake",
       .check = [&](const Prepared& prepared) -> Result<> {
         auto made = handshake_options(verb, prepared.target);
         if (!made) return tl::unexpected(made.error());
         options = std::move(*made);
         return {};
       },
       .plan = [&](const Prepared& prepared) { return plan_of(prepared.target, options); },
       .run =
           [&](checks::Run& run, Prepared& prepared, diagnosis::Report& report) {
             const auto outcome = checks::handshake(run, prepared.target, prepared.stamps, options);
             diagnosis::add(outcome.facts, report);
           }});
}

}  // namespace wgscope::probe
