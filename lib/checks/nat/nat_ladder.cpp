#include "nat_ladder.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "wgscope/base/bytes.hpp"
#include "wgscope/base/time.hpp"
#include "wgscope/checks/run.hpp"
#include "wgscope/checks/session.hpp"
#include "wgscope/crypto/random.hpp"
#include "wgscope/diagnosis/nat_flow.hpp"
#include "wgscope/diagnosis/text.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/os/clock.hpp"
#include "wgscope/path/alarm_trials.hpp"
#include "wgscope/path/flow_lifetime.hpp"
#include "wgscope/path/retransmission_ladder.hpp"
#include "wgscope/path/silent_tcp.hpp"
#include "wgscope/wire/ip.hpp"

#include "checks/drive.hpp"
#include "checks/earlier.hpp"
#include "checks/nat/nat_alarm.hpp"
#include "checks/nat/silent_flow.hpp"

namespace wgscope::checks {
namespace {

using diagnosis::ServiceFault;
using path::FlowEnd;
using path::SilentTcp;
using path::TcpSeen;
using std::chrono::seconds;

/// Chosen: more than SilentTcp takes to connect, and to ask a service that says nothing.
constexpr Nanoseconds kOpening = seconds(12);
constexpr std::uint16_t kFirstDynamicPort = 49152;  // RFC 6335 §6

}  // namespace

LadderCalls::LadderCalls(Run& run, Session& ours, const IpAddress& from, const Endpoint& service)
    : run_(run), ours_(ours), from_(from), service_(service), flow_(ours) {}

void LadderCalls::make_lines() {
  lines_.clear();
  crypto::SystemRandom random;
  std::array<std::byte, 8> bytes{};
  random.fill(bytes);
  const auto numbers = std::span(bytes);
  const auto sequence = load_be32(numbers.first<4>());
  auto port = static_cast<std::uint16_t>(load_be16(numbers.last<2>()) | kFirstDynamicPort);
  for (std::size_t i = 0; i < path::kLadderLines; ++i) {
    const Endpoint ours_inside{from_, 0, port};
    lines_.push_back(
        {.tcp = SilentTcp(ours_inside, service_, sequence + static_cast<std::uint32_t>(i << 24U),
                          os::boot_now()),
         .data = {}});
    port = port == UINT16_MAX ? kFirstDynamicPort : static_cast<std::uint16_t>(port + 1);
  }
}

LadderCalls::~LadderCalls() { close(); }

/// Resets the connections, so that the service does not go on sending.
void LadderCalls::close() {
  for (Line& line : lines_) line.tcp.reset();
  send_packets();
}

void LadderCalls::send_packets() {
  for (Line& line : lines_) {
    while (const auto packet = line.tcp.poll_packet()) {
      ++packets_;
      static_cast<void>(ours_.interface().send(os::now(), *packet));
    }
  }
  ours_.pump();
}

/// The lines while they connect and wait for data, for drive().
struct LadderCalls::Opening {
  std::vector<Line>& lines;

  [[nodiscard]] std::optional<Instant> next_timeout() const {
    std::optional<Instant> next;
    for (const Line& line : lines) next = earlier(next, line.tcp.next_timeout());
    return next;
  }
  void handle_timeout(Instant now) const {
    for (Line& line : lines) line.tcp.handle_timeout(now);
  }
  [[nodiscard]] bool done() const {
    return std::ranges::none_of(lines, [](const Line& line) { return line.tcp.is_opening(); });
  }
};

bool LadderCalls::take_opening(Instant now, std::span<const std::byte> bytes) {
  const auto packet = wire::parse_ip(bytes);
  if (!packet) return false;
  for (Line& line : lines_) {
    const TcpSeen seen = line.tcp.handle_packet(now, *packet);
    if (seen == TcpSeen::data) line.data = now;
    if (seen != TcpSeen::nothing) return true;
  }
  return false;
}

/// @returns whether there is any line that stalls.
bool LadderCalls::open() {
  make_lines();
  const auto attention = flow_.attend(
      {.on_packet = [this](Instant now, auto bytes) { return take_opening(now, bytes); }});
  run_.say("connecting to the TCP service");
  Opening opening{lines_};
  drive(run_, opening, os::boot_now() + kOpening, [this] { send_packets(); });
  return std::ranges::any_of(
      lines_, [](const Line& line) { return line.tcp.state() == SilentTcp::State::stalled; });
}

ServiceFault LadderCalls::fault() const {
  const auto any = [this](SilentTcp::State state) {
    return std::ranges::any_of(lines_, [&](const Line& line) { return line.tcp.state() == state; });
  };
  if (any(SilentTcp::State::refused)) return ServiceFault::refused;
  if (any(SilentTcp::State::no_data) || any(SilentTcp::State::waiting))
    return ServiceFault::no_data;
  if (any(SilentTcp::State::ended)) return ServiceFault::gave_up;
  return ServiceFault::silent;
}

void LadderCalls::send(path::RetransmissionLadder& ladder, std::span<const std::size_t> lines) {
  using Kind = path::LadderSend::Kind;
  while (const auto wanted = ladder.poll_send()) {
    switch (wanted->kind) {
      case Kind::keepalive: ours_.send_keepalive(); break;
      case Kind::handshake: ours_.initiate(); break;
      case Kind::ask:
        lines_[lines[wanted->line]].tcp.ask();
        send_packets();
        break;
    }
  }
}

/// @returns whether a line waited for the packet.
bool LadderCalls::take_climbing(Instant now, std::span<const std::byte> bytes,
                                path::RetransmissionLadder& ladder,
                                std::span<const std::size_t> lines) {
  const auto packet = wire::parse_ip(bytes);
  if (!packet) return false;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    switch (lines_[lines[i]].tcp.handle_packet(now, *packet)) {
      case TcpSeen::nothing: continue;
      case TcpSeen::data: ladder.handle_data(now, i, flow_.missing()); return true;
      case TcpSeen::answer: ladder.handle_answer(now, i, flow_.missing()); return true;
      case TcpSeen::ended: ladder.handle_end(now, i, flow_.missing()); return true;
      case TcpSeen::progress: return false;
    }
  }
  return false;
}

void LadderCalls::climb(path::RetransmissionLadder& ladder, std::span<const std::size_t> lines) {
  const auto attention = flow_.attend(
      {.on_packet = [&](Instant now,
                        auto bytes) { return take_climbing(now, bytes, ladder, lines); },
       .on_other = [&](Instant now) { ladder.handle_other(now, flow_.missing()); },
       .on_keyed = [&](Instant now) { ladder.handle_keyed(now); }});
  wait_through_silences(run_, flow_, ladder, "of silence for the TCP service",
                        [&] { send(ladder, lines); });
}

/// @returns whether the service can be used; if not, the facts say why.
bool LadderCalls::climb_once(const path::LadderConfig& config, diagnosis::FlowFacts& facts) {
  const Instant begun = os::boot_now();
  const bool stalls = open();
  if (run_.interrupted()) return false;
  if (!stalls) {
    facts.fault = fault();
    facts.found.calls = packets_;
    facts.found.end = FlowEnd::no_service;
    return false;
  }
  if (config.longest_silence == seconds(0)) {
    facts.found.end = FlowEnd::done;
    return false;
  }
  std::vector<std::size_t> lines;
  std::vector<Instant> stalled;
  for (std::size_t i = 0; i < lines_.size(); ++i) {
    if (lines_[i].tcp.state() != SilentTcp::State::stalled) continue;
    lines.push_back(i);
    stalled.push_back(*lines_[i].data);
  }
  path::LadderConfig left = config;
  if (left.most) *left.most -= os::boot_now() - begun;
  path::RetransmissionLadder ladder(left, stalled, flow_.keyed(), flow_.missing(), os::boot_now());
  climb(ladder, lines);
  facts.found = ladder.result();
  seen_ = ladder.seen();
  return true;
}

void LadderCalls::measure(path::LadderConfig config, diagnosis::FlowFacts& facts) {
  const Instant end = os::boot_now() + *config.most;
  config.alarm = AlarmCalls::alarm_of(service_.address);
  if (!climb_once(config, facts)) return;
  const bool known = facts.found.alive_after || facts.found.gone_after;
  if (facts.found.end == FlowEnd::service_ended && !known && facts.found.lost.empty())
    facts.fault = ServiceFault::gave_up;
  const bool goes_on =
      facts.found.end == FlowEnd::done || facts.found.end == FlowEnd::service_ended;
  if (run_.interrupted() || !goes_on || !config.interval) return;
  const path::AlarmConfig alarm{
      .interval = *config.interval, .alarm = *config.alarm, .seen = seen_, .end = end};
  if (!path::AlarmTrials::can_help(alarm, facts.found)) return;
  close();
  const bool rang =
      AlarmCalls(run_, ours_, flow_, from_, service_.address).measure(alarm, facts.found);
  if (rang || run_.interrupted() || facts.found.end != FlowEnd::done) return;
  if (!path::AlarmTrials::can_help(alarm, facts.found)) return;
  // The host never gives up pieces, or a firewall keeps that to itself: longer pauses are left.
  config.alarm.reset();
  config.known = facts.found.tried;
  config.most = end - os::boot_now();
  diagnosis::FlowFacts again = facts;
  if (climb_once(config, again)) facts.found = again.found;
}

}  // namespace wgscope::checks
