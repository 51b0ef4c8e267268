#include "wgscope/checks/question.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include <fmt/core.h>

#include "wgscope/base/result.hpp"
#include "wgscope/base/time.hpp"
#include "wgscope/checks/nat.hpp"
#include "wgscope/checks/nat_flow.hpp"
#include "wgscope/checks/run.hpp"
#include "wgscope/checks/session.hpp"
#include "wgscope/checks/target.hpp"
#include "wgscope/checks/tunnel.hpp"
#include "wgscope/config/wg_quick.hpp"
#include "wgscope/diagnosis/check_kinds.hpp"
#include "wgscope/diagnosis/finding.hpp"
#include "wgscope/diagnosis/nat_flow.hpp"
#include "wgscope/diagnosis/report.hpp"
#include "wgscope/diagnosis/route.hpp"
#include "wgscope/diagnosis/text.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/path/alarm_trials.hpp"
#include "wgscope/path/nat_behaviour.hpp"
#include "wgscope/path/retransmission_ladder.hpp"
#include "wgscope/path/router_query.hpp"
#include "wgscope/path/silence_search.hpp"
#include "wgscope/wire/port_control.hpp"

namespace wgscope::checks {
namespace {

using diagnosis::CheckKind;
using diagnosis::FindingId;
using diagnosis::text;
using std::chrono::seconds;

constexpr CheckKind kNatChecks[] = {CheckKind::nat_servers, CheckKind::nat_mapping};

class NatQuestion final : public Question {
 public:
  explicit NatQuestion(NatOptions options) : Question(kNatChecks), options_(std::move(options)) {}

  [[nodiscard]] diagnosis::Text target() const override {
    return endpoint_text(options_.servers.front());
  }
  [[nodiscard]] std::vector<diagnosis::Text> plan() const override;

  void ask(Run& run, std::optional<Instant> /*deadline*/, diagnosis::Report& report) override {
    diagnosis::add(nat(run, options_), report);
  }

 private:
  NatOptions options_;
};

std::vector<diagnosis::Text> NatQuestion::plan() const {
  std::vector<diagnosis::Text> lines;
  lines.reserve(options_.servers.size() + 3);
  for (const config::EndpointName& server : options_.servers)
    lines.push_back(text("STUN requests to {}:{}", diagnosis::Name{server.host}, server.port));
  lines.push_back(
      text("  at most {} datagrams from 3 ports: to the servers, to the other addresses that they "
           "name, and to this host's own public address",
           path::most_datagrams(options_.servers.size())));
  if (options_.lifetime) {
    const auto lanes = static_cast<std::size_t>(options_.longest_silence.count());
    lines.push_back(
        text("  to the first server that answers: from {} more ports, each silent for a different "
             "time up to {} s; the NAT's table has that many more entries for that long",
             2 * lanes + 2, lanes));
  }
  if (options_.router && options_.family == Family::v4) {
    lines.push_back(
        text("NAT-PMP and PCP requests to the next router, port {}: at most {} datagrams, which "
             "ask for its public address and create nothing",
             wire::kPortControlPort, 2 * path::kRouterTransmissions));
    lines.emplace_back(
        "UPnP: a search for gateway devices by multicast to 239.255.255.250:1900, which stays on "
        "the link; then, over HTTP, the router's device description and its public address");
  }
  return lines;
}

/// Whether a check was there before, and says the same.
bool is_among(const std::vector<diagnosis::Check>& before, const diagnosis::Check& check) {
  return std::ranges::any_of(before, [&](const diagnosis::Check& one) {
    return one.name == check.name && one.status == check.status && one.summary == check.summary;
  });
}

class NatFlowQuestion final : public InnerQuestion {
 public:
  NatFlowQuestion(Tunnel& ours, FlowHelp help, const NatFlowOptions& options)
      : InnerQuestion(ours, diagnosis::kFlowChecks), help_(std::move(help)), options_(options) {
    if (help_.twin) help_.twin->options().go_on = true;
  }

  [[nodiscard]] std::vector<diagnosis::Text> plan() const override;

 private:
  void ask_through(Run& run, Session& ours, std::optional<Instant> deadline,
                   diagnosis::Report& report) override;
  bool ask_twin(Run& run, Session& ours, diagnosis::Report& report);

  FlowHelp help_;
  NatFlowOptions options_;
};

std::vector<diagnosis::Text> NatFlowQuestion::plan() const {
  std::vector<diagnosis::Text> lines;
  if (help_.twin) {
    const auto way = twin_addresses(tunnel().target(), help_.twin->target());
    lines.push_back(
        text("a handshake of the second peer with the same gateway, as above; then from its "
             "address {} through the gateway to {}: echo requests after silences of up to {} s, at "
             "most {} silences one after the other, with empty packets before each",
             way->from, way->to, options_.longest_silence.count(),
             path::most_silences(
                 {.interval = options_.keepalive, .longest_silence = options_.longest_silence})));
  }
  if (help_.service) {
    const auto most = std::chrono::ceil<std::chrono::minutes>(kLongestTcp);
    lines.push_back(
        text("through the tunnel to {}: {} TCP connections, with an HTTP GET / if the service does "
             "not speak first; its data is left unacknowledged for at most {} minutes, then the "
             "connections are reset; meanwhile empty packets and TCP probes",
             *help_.service, path::kLadderLines, most.count()));
    lines.push_back(
        text("  where these leave open what a silence as long as the keepalive interval does: echo "
             "requests to {}, and first pieces of packets that are never completed, {} for each "
             "silence",
             help_.service->address, path::kAlarmPieces));
  }
  return lines;
}

/// @returns false where there is no second session; the report says why.
bool NatFlowQuestion::ask_twin(Run& run, Session& ours, diagnosis::Report& report) {
  diagnosis::Report of_twin;
  std::vector<diagnosis::Check> at_first;
  bool measured = false;
  help_.twin->use(run, of_twin, [&](Session& twins) {
    if (help_.twin->is_astray()) return;
    measured = true;
    at_first = of_twin.checks;
    for (const diagnosis::Check& check : help_.twin->noticed()) report.checks.push_back(check);
    const auto way = twin_addresses(tunnel().target(), help_.twin->target());
    auto facts = nat_flow(run, ours, twins, *way, options_);
    facts.through = diagnosis::accepted_tunnel(tunnel().route());
    diagnosis::add(facts, report);
  });
  // The checks of its handshake repeat those of the first one where all is well.
  for (diagnosis::Check& check : of_twin.checks) {
    if (measured && is_among(at_first, check)) continue;
    if (measured) check.target = "the second peer";
    report.checks.push_back(std::move(check));
  }
  for (diagnosis::Sent& sent : of_twin.sent) {
    sent.target = text("{} (the second peer)", sent.target);
    sent.line = text("the second peer: {}", sent.line);
    diagnosis::add_sent(std::move(sent), report);
  }
  return measured;
}

void NatFlowQuestion::ask_through(Run& run, Session& ours, std::optional<Instant> /*deadline*/,
                                  diagnosis::Report& report) {
  if (tunnel().is_astray()) return skip(FindingId::through_tunnel, report);
  if (help_.twin && !ask_twin(run, ours, report)) {
    report.interrupted = report.interrupted || run.interrupted();
    return skip(diagnosis::worst_finding_id(report), report);
  }
  if (!help_.service || run.interrupted()) return;
  auto facts = nat_flow(run, ours, *help_.service, options_);
  facts.through = diagnosis::accepted_tunnel(tunnel().route());
  diagnosis::add(facts, report);
}

}  // namespace

Result<std::unique_ptr<Question>> nat_question(NatOptions options) {
  if (options.servers.empty()) return fail(Errc::missing_key, "there is no STUN server to ask");
  if (options.lifetime && options.longest_silence > kMostStunSilence)
    return fail(Errc::bad_value,
                fmt::format("with STUN, silences of at most {} s can be tried, because each second "
                            "needs its own sockets",
                            kMostStunSilence.count()));
  return std::make_unique<NatQuestion>(std::move(options));
}

Result<std::unique_ptr<Question>> nat_flow_question(Tunnel& ours, FlowHelp help,
                                                    const NatFlowOptions& options) {
  if (help.twin)
    if (const auto way = twin_addresses(ours.target(), help.twin->target()); !way)
      return tl::unexpected(way.error());
  if (help.service)
    if (const auto fits = check_service(ours.target(), *help.service); !fits)
      return tl::unexpected(fits.error());
  return std::make_unique<NatFlowQuestion>(ours, std::move(help), options);
}

}  // namespace wgscope::checks
