#include "wgscope/checks/tunnel.hpp"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "wgscope/checks/handshake.hpp"
#include "wgscope/checks/prepare.hpp"
#include "wgscope/checks/run.hpp"
#include "wgscope/checks/session.hpp"
#include "wgscope/checks/target.hpp"
#include "wgscope/diagnosis/check_kinds.hpp"
#include "wgscope/diagnosis/handshake.hpp"
#include "wgscope/diagnosis/report.hpp"
#include "wgscope/diagnosis/route.hpp"
#include "wgscope/diagnosis/session.hpp"
#include "wgscope/diagnosis/text.hpp"
#include "wgscope/inner/host.hpp"
#include "wgscope/noise/constants.hpp"
#include "wgscope/wire/icmp.hpp"
#include "wgscope/wire/message.hpp"

#include "checks/handshake/data.hpp"
#include "checks/handshake/data_trace.hpp"
#include "checks/handshake/silence.hpp"

namespace wgscope::checks {

using diagnosis::text;

namespace {

constexpr diagnosis::CheckKind kNotTried[] = {diagnosis::CheckKind::handshake_response,
                                              diagnosis::CheckKind::tunnel_data};

}  // namespace

Tunnel::Tunnel(Prepared prepared, HandshakeOptions options)
    : prepared_(std::move(prepared)), options_(std::move(options)) {}

std::vector<diagnosis::Text> Tunnel::plan() const {
  std::vector<diagnosis::Text> lines;
  std::string ports = std::to_string(target().endpoint.port);
  for (const std::uint16_t port : options_.ports) ports += ", " + std::to_string(port);
  lines.push_back(text("to each address of {}, UDP port {}:",
                       diagnosis::Name{target().endpoint.host}, diagnosis::vouched(ports)));
  lines.push_back(
      text("  handshake initiations of {} bytes, one every {} s until the gateway responds, for at "
           "most {}",
           wire::kInitiationSize, noise::kRekeyTimeout.count(), options_.limit()));
  lines.push_back(
      text("  if it stays silent: up to {} datagrams of up to {} bytes to this port and to a "
           "closed port of the same host, {} of them with a low TTL",
           SilenceProbe::kMostDatagrams, wire::kInitiationSize, SilenceProbe::kHops));
  const auto& given = options_.inner_target;
  const auto inner = given ? given : guess_inner_target(target());
  if (options_.data && inner) {
    diagnosis::Text line =
        text("through the tunnel to {}: up to {} echo requests of {} bytes", *inner, kDataEchoes,
             wire::echo_packet_size(inner->family, inner::EchoRequest{}.payload_size));
    if (options_.hold) line.add(text(", then one every {} for {}", kHoldInterval, *options_.hold));
    lines.push_back(std::move(line));
    if (!options_.quick)
      lines.push_back(
          text("  if nothing answers them: the datagrams for a silent gateway as above, and up to "
               "{} small ones with a low TTL, to find how far the tunnel's data gets",
               kMostTraced));
  }
  lines.emplace_back(
      "effect on the gateway: from then on it sends this key's traffic to this host, shows a newer "
      "latest handshake, and refuses handshakes of this key that carry an earlier timestamp");
  if (const std::string path = prepared_.stamps.path(); !path.empty())
    lines.push_back(text("effect on this host: the time of the handshake is stored in {}",
                         diagnosis::Path{path}));
  return lines;
}

Session* Tunnel::stand(Run& run, diagnosis::Report& report) {
  if (facts_) return session_.get();
  for (const diagnosis::Check& check : prepared_.noticed) report.checks.push_back(check);
  if (prepared_.obstacle) {
    facts_.emplace().wanted = target().endpoint;
    diagnosis::skip(kNotTried, prepared_.obstacle, report);
    return nullptr;
  }
  HandshakeOutcome outcome = handshake(run, prepared_.target, prepared_.stamps, options_);
  session_ = std::move(outcome.session);
  facts_ = std::move(outcome.facts);
  diagnosis::add_step(*facts_, report);
  return session_.get();
}

bool Tunnel::use(Run& run, diagnosis::Report& report, const std::function<void(Session&)>& ask) {
  Session* const session = stand(run, report);
  if (session == nullptr) return false;
  const bool asks = !run.interrupted();
  if (asks) ask(*session);
  diagnosis::amend(session->facts(), report);
  return asks;
}

const diagnosis::RouteFacts* Tunnel::route() const {
  return facts_ && session_ ? diagnosis::route_to(*facts_, session_->gateway()) : nullptr;
}

bool Tunnel::is_astray() const { return route() != nullptr && diagnosis::is_astray(*route()); }

void Tunnel::begin_again() {
  if (session_) prepared_.target.local_port = session_->endpoint().listen_port();
  session_.reset();
  facts_.reset();
}

}  // namespace wgscope::checks
