#include "wgscope/diagnosis/mtu.hpp"

#include <algorithm>
#include <cstddef>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "wgscope/diagnosis/check_kinds.hpp"
#include "wgscope/diagnosis/finding.hpp"
#include "wgscope/diagnosis/report.hpp"
#include "wgscope/diagnosis/text.hpp"

#include "drop_place.hpp"
#include "mtu_parts.hpp"

namespace wgscope::diagnosis {
namespace {

using enum CheckKind;

constexpr const char* kEnd = "the gateway";

std::size_t full_size(const MtuFacts& facts) { return facts.tunnel_mtu + facts.overhead; }

std::vector<Text> setting_fix(const MtuFacts& facts) {
  const auto fitting = fitting_mtu(facts);
  if (!fitting) return {};
  std::vector<Text> fix{
      text("MTU = {} in [Interface] at both ends; at once: ip link set dev INTERFACE mtu {}",
           *fitting, *fitting)};
  if (const auto likely = likely_mtu(facts))
    fix.push_back(
        text("up to {} may pass as well: the gateway's replies have sizes in steps of 16; "
             "with wgscope listen in its place it is told to the byte",
             *likely));
  fix.emplace_back("where only TCP matters, its MSS can be lowered instead:");
  for (Text& line : clamp_fix(*fitting)) fix.push_back(std::move(line));
  return fix;
}

Finding too_large(const MtuFacts& facts, const MtuDirection& direction, FindingId id) {
  const bool backward = id == FindingId::mtu_black_hole_backward ||
                        (&direction == (facts.backward ? &*facts.backward : nullptr));
  const std::string_view way = backward ? "back from the gateway" : "to the gateway";
  Finding finding{.id = id, .cause = {}, .evidence = {}};
  const Text size = size_text(direction);
  if (id == FindingId::mtu_reported) {
    finding.cause = text("the path {} takes {}, the tunnel's MTU of {} makes {}; {} says so", way,
                         size, facts.tunnel_mtu, full_size(facts), *direction.hop);
  } else {
    const auto where = direction.place ? place_of_drop(*direction.place, kEnd) : std::nullopt;
    finding.cause = text(
        "the path {} takes {} and drops what is larger without a word{}: the "
        "tunnel's MTU of {} makes {}",
        way, size, where ? text(", {}", *where) : Text(), facts.tunnel_mtu, full_size(facts));
  }
  if (const auto fitting = fitting_mtu(facts)) finding.cause.add(text("; set {}", *fitting));
  add_tried(direction, {}, finding);
  if (direction.place) add_place(*direction.place, kEnd, finding);
  if (!backward && facts.fragments_pass)
    finding.evidence.emplace_back(
        *facts.fragments_pass
            ? "datagrams that may be cut do pass, in fragments: the kernel's WireGuard gets "
              "through, slower; implementations that forbid it do not"
            : "nor do fragments pass");
  if (backward) finding.evidence.push_back(cutting_evidence(facts));
  finding.fix = setting_fix(facts);
  return finding;
}

Finding refused_here(const MtuFacts& facts, const MtuDirection& direction, bool backward) {
  return {.id = FindingId::mtu_own_interface,
          .cause = text("{} own interface takes {} bytes, the tunnel's MTU of {} makes {}",
                        backward ? "the gateway's" : "this host's", *direction.own_limit,
                        facts.tunnel_mtu, full_size(facts)),
          .evidence = {backward ? "its measuring service says so"
                                : "the kernel refused to send more (EMSGSIZE)"},
          .fix = setting_fix(facts)};
}

Finding fragmented(const MtuFacts& facts) {
  Finding finding{
      .id = FindingId::mtu_fragments,
      .cause = text("the gateway's full datagrams come in fragments: the path back takes {}, the "
                    "tunnel's MTU of {} makes {}",
                    size_text(*facts.backward), facts.tunnel_mtu, full_size(facts)),
      .evidence = {text("the largest fragment had {} bytes", *facts.largest_fragment)}};
  finding.evidence.push_back(cutting_evidence(facts));
  add_tried(*facts.backward, {}, finding);
  finding.fix = setting_fix(facts);
  return finding;
}

Finding peer_smaller(const MtuFacts& facts) {
  return {.id = FindingId::mtu_peer_smaller,
          .cause = text("the gateway's tunnel has a smaller MTU than ours of {}", facts.tunnel_mtu),
          .evidence = {"its replies came cut into fragments inside the tunnel, by the gateway"},
          .fix = {"set the same MTU at both ends"}};
}

Finding lossy(const MtuDirection& direction) {
  Finding finding{.id = FindingId::mtu_loss,
                  .cause = text("packets of every size are lost now and then: {} of {} small ones",
                                direction.controls_lost, direction.controls),
                  .evidence = {}};
  finding.fix = {"wgscope ping tells in which direction, and how many"};
  return finding;
}

Finding unanswered(const MtuFacts& facts) {
  Finding finding{.id = FindingId::mtu_unanswered, .cause = {}, .evidence = {}};
  if (!facts.target) {
    finding.cause = "no address inside the tunnel to ping is known";
  } else {
    finding.cause = text("{} does not answer pings of any size through the tunnel", *facts.target);
  }
  finding.fix = {"name an address that answers: wgscope mtu ADDRESS",
                 "wgscope handshake tells where data is dropped"};
  return finding;
}

void conclude(const MtuFacts& facts, const MtuDirection& direction, bool backward, Check& check) {
  const auto found = [&](Status status, Finding finding) {
    check.status = status;
    check.finding = std::move(finding);
    check.summary = check.finding->cause;
  };
  if (direction.verdict == MtuVerdict::inconclusive) {
    check.status = Status::unknown;
    if (direction.mtu) {
      check.summary = text("not told: {} passed", *direction.mtu);
    } else if (facts.interrupted) {
      check.summary = "interrupted";
    } else if (backward) {
      check.summary = "not told: no reply large enough to tell";
    } else {
      found(Status::unknown, unanswered(facts));
    }
  } else if (direction.verdict == MtuVerdict::refused_here) {
    found(Status::warning, refused_here(facts, direction, backward));
  } else if (direction.verdict == MtuVerdict::loss_not_size) {
    found(Status::warning, lossy(direction));
  } else if (direction.verdict == MtuVerdict::ok) {
    check.summary =
        backward && facts.method == MtuBackward::answers
            ? text("{} pass whole, as the gateway's measuring service shows", size_text(direction))
            : text("{} pass whole", size_text(direction));
  } else if (backward && facts.inner_fragments) {
    found(Status::warning, peer_smaller(facts));
  } else if (backward && facts.largest_fragment) {
    found(Status::warning, fragmented(facts));
  } else if (direction.verdict == MtuVerdict::ptb_reported) {
    found(Status::warning, too_large(facts, direction, FindingId::mtu_reported));
  } else {
    found(Status::critical, too_large(facts, direction,
                                      backward ? FindingId::mtu_black_hole_backward
                                               : FindingId::mtu_black_hole_forward));
  }
}

Check direction_check(const MtuFacts& facts, bool backward) {
  const auto& direction = backward ? facts.backward : facts.forward;
  Check check = make_check(backward ? mtu_backward : mtu_forward, Status::ok, Text());
  if (direction) {
    conclude(facts, *direction, backward, check);
  } else if (backward && facts.forward && facts.forward->mtu) {
    check.status = Status::unknown;
    check.summary = facts.interrupted ? "interrupted" : "not tried: the time was over";
  } else if (backward) {
    check.status = Status::skipped;
    check.because = FindingId::mtu_unanswered;
    check.summary = "nothing arrives there to be answered";
  } else {
    check.status = Status::unknown;
    check.finding = unanswered(facts);
    check.summary = check.finding->cause;
  }
  return check;
}

/// What routers say that is not so.
std::optional<Check> reports_check(const MtuFacts& facts) {
  const auto& forward = facts.forward;
  if (!forward || !forward->lie || !forward->mtu) return std::nullopt;
  return make_check(mtu_reports, Status::warning,
                    {.id = FindingId::mtu_untrue_report,
                     .cause = text("{} reports an MTU of {}, but {} bytes pass", *forward->liar,
                                   *forward->lie, *forward->mtu),
                     .evidence = {"ICMP \"too big\" about a datagram of ours"}});
}

/// What to set.
std::optional<Check> setting_check(const MtuFacts& facts) {
  const auto fitting = fitting_mtu(facts);
  if (!fitting) return std::nullopt;
  Check check = make_check(mtu_setting, Status::ok, success(facts));
  if (*fitting < facts.tunnel_mtu) check.status = Status::warning;  // why is said by its direction
  if (*fitting >= kLeastForIpv6 || !facts.ipv6_inside) return check;
  check.status = Status::warning;
  check.finding = below_ipv6(*fitting);
  check.summary = check.finding->cause;
  return check;
}

}  // namespace

Text size_text(const MtuDirection& direction) {
  if (!direction.mtu) return "less than the smallest that was tried";
  if (!direction.not_above)
    return direction.exact ? text("{} bytes, all that was tried", *direction.mtu)
                           : text("at least {} bytes", *direction.mtu);
  if (*direction.not_above == *direction.mtu) return text("{} bytes", *direction.mtu);
  return text("{} to {} bytes", *direction.mtu, *direction.not_above);
}

void add_tried(const MtuDirection& direction, const Text& what, Finding& finding) {
  for (const SizeTried& tried : direction.tried) {
    if (direction.mtu && tried.size + 1 < *direction.mtu) continue;
    if (direction.not_above && tried.size > *direction.not_above + 1) continue;
    finding.evidence.push_back(text("{}{} bytes: {} of {} answered{}", what, tried.size,
                                    tried.answered, tried.sent,
                                    tried.reported ? ", reported as too big" : ""));
  }
  finding.evidence.push_back(text("small packets beside them: {} of {} answered",
                                  direction.controls - direction.controls_lost,
                                  direction.controls));
}

Finding below_ipv6(std::size_t mtu) {
  return {.id = FindingId::mtu_below_ipv6,
          .cause = text("an MTU of {} is too small for IPv6 inside the tunnel, which needs {}", mtu,
                        kLeastForIpv6),
          .evidence = {"Linux takes IPv6 off an interface whose MTU is set below that"},
          .fix = {"use IPv6 inside only over a path that takes more, or not at all"}};
}

bool is_known(const MtuDirection& direction, std::size_t full) {
  return direction.mtu && (direction.exact || *direction.mtu >= full);
}

std::optional<std::size_t> fitting_mtu(const MtuFacts& facts) {
  for (const auto& direction : {facts.forward, facts.backward})
    if (!direction || !is_known(*direction, full_size(facts))) return std::nullopt;
  // By replies nothing above the setting is tried, so nothing above it is proven.
  const std::size_t path = std::min(*facts.forward->mtu, *facts.backward->mtu);
  if (path <= facts.overhead + kTcpOverIpv6) return std::nullopt;
  return path - facts.overhead;
}

std::optional<std::size_t> likely_mtu(const MtuFacts& facts) {
  const auto fitting = fitting_mtu(facts);
  if (!fitting || facts.method == MtuBackward::answers) return std::nullopt;
  const std::size_t there = *facts.forward->mtu;
  const std::size_t path = std::min(there, facts.backward->not_above.value_or(there));
  if (path <= *fitting + facts.overhead) return std::nullopt;
  return path - facts.overhead;
}

std::vector<Check> diagnose(const MtuFacts& facts) {
  std::vector<Check> checks{direction_check(facts, false), direction_check(facts, true)};
  if (auto reports = reports_check(facts)) checks.push_back(std::move(*reports));
  if (auto seen_as = seen_as_check(facts)) checks.push_back(std::move(*seen_as));
  if (auto cutting = cutting_check(facts)) checks.push_back(std::move(*cutting));
  if (auto setting = setting_check(facts)) checks.push_back(std::move(*setting));
  if (auto tcp = tcp_check(facts)) {
    // A service that does not answer hides nothing that was found.
    tcp->essential = std::ranges::none_of(checks, [](const Check& check) {
      return check.status == Status::warning || check.status == Status::critical;
    });
    checks.push_back(std::move(*tcp));
  }
  return checks;
}

void measure(const MtuFacts& facts, Report& report) {
  const auto add = [&](const std::optional<MtuDirection>& direction, const char* name) {
    if (!direction || !is_known(*direction, full_size(facts))) return;
    report.measurements.push_back({.name = "wireguard_probe_path_mtu_bytes",
                                   .labels = {{"direction", name}, {"layer", "outer"}},
                                   .value = static_cast<double>(*direction->mtu)});
  };
  add(facts.forward, "forward");
  add(facts.backward, "backward");
}

Text success(const MtuFacts& facts) {
  const auto fitting = fitting_mtu(facts);
  if (!fitting) return text("MTU {}", facts.tunnel_mtu);
  const Text to_set = text("MTU {}, TCP MSS {} (IPv6: {})", *fitting, *fitting - kTcpOverIpv4,
                           *fitting - kTcpOverIpv6);
  if (*fitting < facts.tunnel_mtu)
    return text("MTU {} does not fit the path in both directions: set {}", facts.tunnel_mtu,
                to_set);
  Text fits = text("MTU {} fits in both directions: TCP MSS {} (IPv6: {})", facts.tunnel_mtu,
                   facts.tunnel_mtu - kTcpOverIpv4, facts.tunnel_mtu - kTcpOverIpv6);
  if (*fitting > facts.tunnel_mtu)
    return text("{}; margin {} bytes, up to MTU {}", fits, *fitting - facts.tunnel_mtu, *fitting);
  const std::size_t there = *facts.forward->mtu - facts.overhead;
  if (there == facts.tunnel_mtu) return fits;
  return text("{}; {} bytes more would pass to the gateway, back from it is not known", fits,
              there - facts.tunnel_mtu);
}

}  // namespace wgscope::diagnosis
