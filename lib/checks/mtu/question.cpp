#include "wgscope/checks/question.hpp"

#include <chrono>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include <fmt/core.h>

#include "wgscope/base/result.hpp"
#include "wgscope/base/time.hpp"
#include "wgscope/checks/mtu.hpp"
#include "wgscope/checks/outer.hpp"
#include "wgscope/checks/run.hpp"
#include "wgscope/checks/session.hpp"
#include "wgscope/checks/target.hpp"
#include "wgscope/checks/tunnel.hpp"
#include "wgscope/diagnosis/check_kinds.hpp"
#include "wgscope/diagnosis/finding.hpp"
#include "wgscope/diagnosis/mtu.hpp"
#include "wgscope/diagnosis/outer.hpp"
#include "wgscope/diagnosis/report.hpp"
#include "wgscope/diagnosis/route.hpp"
#include "wgscope/diagnosis/text.hpp"
#include "wgscope/path/hop_search.hpp"
#include "wgscope/path/mtu_search.hpp"
#include "wgscope/wire/measuring.hpp"
#include "wgscope/wire/message.hpp"

#include "checks/handshake/data_trace.hpp"
#include "checks/handshake/silence.hpp"
#include "mtu_service.hpp"
#include "outer_course.hpp"

namespace wgscope::checks {
namespace {

using diagnosis::text;

/// "576 to 9000 bytes, DF set; each with a small one beside it …": what both searches send.
diagnosis::Text search_text() {
  return text(
      "{} to {} bytes with DF set, each followed by a small one; at most {} if nothing is lost, at "
      "most {} if packets are lost",
      path::kSmallestIpv4, path::kLargest, path::kMostWithoutLoss,
      path::MtuSearchConfig{}.most_probes);
}

class MtuQuestion final : public InnerQuestion {
 public:
  MtuQuestion(Tunnel& tunnel, const MtuOptions& options, Shown<diagnosis::MtuFacts> shown)
      : InnerQuestion(tunnel, diagnosis::kMtuChecks), options_(options), shown_(std::move(shown)) {}

  [[nodiscard]] std::vector<diagnosis::Text> plan() const override;

 private:
  void ask_through(Run& run, Session& session, std::optional<Instant> deadline,
                   diagnosis::Report& report) override {
    if (tunnel().is_astray()) return skip(diagnosis::FindingId::through_tunnel, report);
    options_.deadline = deadline;
    auto facts = mtu(run, session, tunnel().target(), options_);
    facts.through = diagnosis::accepted_tunnel(tunnel().route());
    diagnosis::add(facts, report);
    if (facts.forward) options_.expected_forward = facts.forward->mtu;
    if (facts.backward) options_.expected_backward = facts.backward->mtu;
    if (shown_) shown_(facts);
  }

  MtuOptions options_;
  Shown<diagnosis::MtuFacts> shown_;
};

std::vector<diagnosis::Text> MtuQuestion::plan() const {
  const diagnosis::Text inside = whom(options_.target);
  std::vector<diagnosis::Text> lines;
  lines.push_back(
      text("through the tunnel to {}: echo requests in datagrams of {}, in each direction", inside,
           search_text()));
  lines.push_back(
      text("  if a datagram of the full size passes: {} more of them, or up to {} if some of these "
           "are lost",
           path::kRepeats, path::kProofs));
  lines.push_back(text(
      "  at a limit that no router reports: up to {} more datagrams above it, in batches of 10 "
      "to 35",
      path::kProofs));
  lines.push_back(
      text("  if datagrams of the full size do not arrive: some that may be fragmented, and up to "
           "{} with a low TTL, to find the hop that drops them",
           path::HopSearchConfig{}.most_probes));
  lines.push_back(
      text("  if no ping of any size is answered: up to {} datagrams of up to {} bytes to the "
           "gateway's port and to a closed port of it, and up to {} small ones with a low TTL, to "
           "find how far the tunnel's data gets",
           SilenceProbe::kMostDatagrams, wire::kInitiationSize, kMostTraced));
  lines.push_back(text(
      "up to {} small datagrams to UDP port {} of {}: if wgscope listen runs there, it measures "
      "the reverse path exactly",
      MtuService::kMostAsked, wire::kMeasuringPort, inside));
  if (options_.tcp_port)
    lines.push_back(text(
        "one TCP connection inside the tunnel, to port {} of {}, reset before any "
        "data",
        *options_.tcp_port, options_.tcp_address ? text("{}", *options_.tcp_address) : inside));
  return lines;
}

constexpr diagnosis::CheckKind kOuterChecks[] = {diagnosis::CheckKind::outer_host};

class OuterQuestion final : public Question {
 public:
  OuterQuestion(OuterOptions options, Shown<diagnosis::OuterFacts> shown)
      : Question(kOuterChecks), options_(std::move(options)), shown_(std::move(shown)) {}

  [[nodiscard]] diagnosis::Text target() const override {
    return text("{}", diagnosis::Name{options_.host.host});
  }
  [[nodiscard]] std::vector<diagnosis::Text> plan() const override;

  void ask(Run& run, std::optional<Instant> deadline, diagnosis::Report& report) override {
    options_.deadline = deadline;
    const auto facts = outer(run, options_);
    diagnosis::add(facts, report);
    if (shown_) shown_(facts);
  }

 private:
  OuterOptions options_;
  Shown<diagnosis::OuterFacts> shown_;
};

std::vector<diagnosis::Text> OuterQuestion::plan() const {
  std::vector<diagnosis::Text> lines;
  lines.push_back(text("to {}: echo requests of {}", target(), search_text()));
  lines.push_back(
      text("to {}, UDP ports {} to {}: such datagrams, if the echo requests alone cannot tell",
           target(), options_.host.port, options_.host.port + kOuterPorts - 1));
  lines.push_back(
      text("  if larger ones are lost: up to {} packets of each kind with a low TTL, to find the "
           "hop that drops them, and whether it drops large pings only",
           path::HopSearchConfig{}.most_probes));
  lines.push_back(text("  at most {} s in all", kOuterLimit / std::chrono::seconds{1}));
  return lines;
}

}  // namespace

Result<std::unique_ptr<Question>> mtu_question(Tunnel& tunnel, MtuOptions options,
                                               Shown<diagnosis::MtuFacts> shown) {
  for (const auto& address : {options.target, options.tcp_address})
    if (address)
      if (auto inside = check_inside(tunnel.target(), *address); !inside)
        return tl::unexpected(inside.error());
  return std::make_unique<MtuQuestion>(tunnel, options, std::move(shown));
}

Result<std::unique_ptr<Question>> outer_question(OuterOptions options,
                                                 Shown<diagnosis::OuterFacts> shown) {
  constexpr unsigned kLastPort = 65536 - kOuterPorts;
  if (options.host.host.empty()) return fail(Errc::missing_key, "no host to measure the path to");
  if (options.host.port > kLastPort)
    return fail(Errc::bad_value,
                fmt::format("port {} is too high: {} ports are used from there on, so it can be at "
                            "most {}",
                            options.host.port, kOuterPorts, kLastPort));
  return std::make_unique<OuterQuestion>(std::move(options), std::move(shown));
}

}  // namespace wgscope::checks
