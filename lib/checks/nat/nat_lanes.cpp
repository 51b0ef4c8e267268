#include "nat_lanes.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "wgscope/base/random.hpp"
#include "wgscope/base/result.hpp"
#include "wgscope/base/time.hpp"
#include "wgscope/checks/run.hpp"
#include "wgscope/diagnosis/nat.hpp"
#include "wgscope/diagnosis/text.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/os/clock.hpp"
#include "wgscope/path/keepalive.hpp"
#include "wgscope/path/mapping_lifetime.hpp"
#include "wgscope/wire/stun.hpp"

#include "checks/drive.hpp"
#include "checks/earlier.hpp"

namespace wgscope::checks {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

/// Chosen: 3 s for the first answer of the server, of which one in five is enough.
constexpr int kControlTries = 5;
constexpr Nanoseconds kControlWait = milliseconds(600);
/// Chosen: with what comes before it, nat --stun then takes no longer than its help says.
constexpr Nanoseconds kLongestLanes = seconds(220);
/// Linux takes a flow for a stream once packets both ways are more than 2 s apart
/// (net/netfilter/nf_conntrack_proto_udp.c).
constexpr std::array<Nanoseconds, 3> kWarmUp{milliseconds(0), milliseconds(1100),
                                             milliseconds(2300)};

}  // namespace

NatLanes::NatLanes(Run& run, Random& random, const IpAddress& local, const Endpoint& server,
                   std::optional<std::uint32_t> mark)
    : run_(run),
      random_(random),
      local_(local),
      server_(server),
      sockets_(run, {.on_datagram = std::bind_front(&NatLanes::handle_datagram, this)}, mark) {}

void NatLanes::ask(std::size_t socket, const Asked& asked,
                   std::optional<std::uint16_t> response_port) {
  wire::StunMessage message;
  random_.fill(message.transaction);
  message.response_port = response_port;
  asked_.emplace(message.transaction, asked);
  sockets_.send(socket, server_, wire::build_stun(message));
}

/// Learns the outer port of `control`.
bool NatLanes::find_control_port() {
  for (int i = 0; i < kControlTries && !run_.interrupted(); ++i) {
    ask(control_, {.purpose = Purpose::control}, {});
    if (run_.wait([&] { return control_mapped_.has_value(); }, os::boot_now() + kControlWait))
      return true;
  }
  return false;
}

Result<> NatLanes::open_lanes(path::MappingLifetimeConfig config) {
  // The engine's time begins when all sockets are there.
  std::vector<Lane> lanes(path::MappingLifetime(config, Instant{}).lanes());
  for (Lane& lane : lanes) {
    const auto socket = sockets_.open(local_);
    if (!socket) return tl::unexpected(socket.error());
    lane.socket = *socket;
  }
  measured_.push_back({path::MappingLifetime(config, os::boot_now()), std::move(lanes)});
  return {};
}

Result<> NatLanes::open_all(seconds longest, std::optional<seconds> keepalive) {
  for (const path::FlowState state : {path::FlowState::one_way, path::FlowState::stream})
    if (auto opened = open_lanes({.state = state, .longest_silence = longest}); !opened)
      return opened;
  if (!keepalive || *keepalive == seconds(0)) return {};
  const auto socket = sockets_.open(local_);
  if (!socket) return tl::unexpected(socket.error());
  trial_.socket = *socket;
  interval_ = *keepalive;
  // Trials begin once the flow is a stream, as a tunnel's is.
  const Instant now = os::boot_now();
  for (const Nanoseconds at : kWarmUp)
    triggers_.emplace(now + at, Asked{.purpose = Purpose::warm_up});
  trials_.emplace(path::KeepaliveConfig{.interval = interval_}, now + kWarmUp.back());
  return {};
}

void NatLanes::measure(seconds longest, std::optional<seconds> keepalive,
                       diagnosis::LifetimeFacts& facts) {
  const auto control = sockets_.open(local_);
  if (!control) {
    facts.error = control.error();
    return;
  }
  control_ = *control;
  run_.say(diagnosis::text("asking {} which outer port it sees", server_));
  if (!find_control_port()) {
    if (!run_.interrupted()) facts.error = Error{Errc::timeout, "the STUN server does not answer"};
    return;
  }
  if (const auto opened = open_all(longest, keepalive); !opened) {
    facts.error = opened.error();
    return;
  }
  Instant end = measured_.back().engine.latest_end();
  if (trials_) end = std::max(end, std::min(trials_->latest_end(), os::boot_now() + kLongestLanes));
  end_ = end;
  run_.say("waiting for the NAT to forget mappings", end);
  drive(run_, *this, end, [] {});
  facts.one_way = measured_[0].engine.result();
  facts.stream = measured_[1].engine.result();
  if (trials_) facts.keepalive = trials_->result();
}

bool NatLanes::done() const {
  return std::ranges::all_of(measured_, [](const Measured& m) { return m.engine.done(); }) &&
         trials_are_over();
}

/// Trials are also over where the lanes have shown that the interval is too long, or that this
/// server cannot answer to them.
bool NatLanes::trials_are_over() const {
  if (!trials_ || trials_->done()) return true;
  const path::MappingLifetime& stream = measured_.back().engine;
  if (!stream.done()) return false;
  const path::MappingLifetimeResult result = stream.result();
  return (result.gone_after && *result.gone_after <= interval_) || !result.alive_after;
}

std::optional<Instant> NatLanes::next_timeout() const {
  std::optional<Instant> first;
  if (!triggers_.empty()) first = triggers_.begin()->first;
  for (const Measured& measured : measured_) first = earlier(first, measured.engine.next_timeout());
  if (trials_) first = earlier(first, trials_->next_timeout());
  return first;
}

void NatLanes::handle_timeout(Instant now) {
  while (!triggers_.empty() && triggers_.begin()->first <= now) {
    const Asked asked = triggers_.begin()->second;
    triggers_.erase(triggers_.begin());
    trigger(asked, now);
  }
  for (std::size_t i = 0; i < measured_.size(); ++i) {
    path::MappingLifetime& engine = measured_[i].engine;
    engine.handle_timeout(now);
    while (const auto wanted = engine.poll_request()) request(i, *wanted, now);
  }
  if (trials_) {
    trials_->handle_timeout(now);
    if (const auto wanted = trials_->poll_request()) try_keepalive(*wanted, now);
  }
  say_so_far();
}

/// Shows a person who waits how far the bracket has grown.
void NatLanes::say_so_far() {
  if (measured_.empty()) return;
  const std::optional<seconds> alive = measured_.back().engine.result().alive_after;
  if (!alive || alive == said_alive_) return;
  said_alive_ = alive;
  run_.say(diagnosis::text("waiting for the NAT to forget mappings: they live longer than {} s",
                           alive->count()),
           end_);
}

void NatLanes::try_keepalive(const path::KeepaliveRequest& request, Instant now) {
  trial_.serial = request.serial;
  trial_.port.reset();
  ask(trial_.socket,
      {.purpose = Purpose::trial,
       .serial = request.serial,
       .answer_at = now + request.answer_after,
       .every_second = false},
      {});
}

void NatLanes::handle_trial(Instant now, const Asked& asked, const Endpoint& mapped) {
  if (asked.serial != trial_.serial || mapped.address != control_mapped_->address) return;
  trials_->handle_answer(now, asked.serial);
  if (asked.purpose == Purpose::trial_answer || trial_.port) return;
  trial_.port = mapped.port;
  if (asked.answer_at <= now) return;  // the request was only to see whether the flow opens again
  for (const milliseconds copy : path::kAnswerCopies)
    triggers_.emplace(asked.answer_at + copy, asked);
}

void NatLanes::request(std::size_t engine, const path::LaneRequest& request, Instant now) {
  Lane& lane = measured_[engine].lanes[request.lane];
  lane.serial = request.serial;
  lane.port.reset();
  const bool at_once = request.answer_after == Nanoseconds(0);
  ask(lane.socket,
      {.purpose = at_once ? Purpose::greeting : Purpose::asking,
       .engine = engine,
       .lane = request.lane,
       .serial = request.serial,
       .answer_at = now + request.answer_after,
       .every_second = request.every_second},
      at_once ? std::nullopt : std::optional(control_mapped_->port));
}

/// Has the server answer to a lane, when the time for that has come.
void NatLanes::trigger(const Asked& asked, Instant now) {
  if (asked.purpose == Purpose::warm_up) return ask(trial_.socket, asked, {});
  if (asked.purpose == Purpose::trial) {
    if (trials_->done() || asked.serial != trial_.serial || !trial_.port) return;
    Asked answer = asked;
    answer.purpose = Purpose::trial_answer;
    return ask(control_, answer, trial_.port);
  }
  Measured& measured = measured_[asked.engine];
  const Lane& lane = measured.lanes[asked.lane];
  if (measured.engine.done() || asked.serial != lane.serial || !lane.port) return;
  Asked answer = asked;
  answer.purpose = Purpose::answer;
  ask(control_, answer, lane.port);
  if (asked.every_second) triggers_.emplace(now + seconds(1), asked);
}

void NatLanes::handle_datagram(Instant now, std::size_t socket, const Endpoint& from,
                               std::span<const std::byte> bytes) {
  if (from != server_) return;
  const auto message = wire::parse_stun(bytes);
  if (!message || message->kind != wire::StunClass::success || !message->mapped() ||
      !message->not_understood.empty())
    return;
  const auto found = asked_.find(message->transaction);
  if (found == asked_.end()) return;
  const Asked asked = found->second;
  if (asked.purpose == Purpose::control) {
    if (socket == control_) control_mapped_ = message->mapped();
  } else if (asked.purpose == Purpose::asking) {
    // A server that does not know RESPONSE-PORT answers to the lane, and spoils its silence.
    if (socket == control_) handle_arrival(now, asked, *message->mapped());
  } else if (asked.purpose == Purpose::warm_up) {
    // The answer has made the flow one that goes both ways, and tells nothing else.
  } else if (asked.purpose == Purpose::trial || asked.purpose == Purpose::trial_answer) {
    // An answer that `control` asked for names its own outer address, which is the lane's as well.
    if (socket == trial_.socket) handle_trial(now, asked, *message->mapped());
  } else if (socket == measured_[asked.engine].lanes[asked.lane].socket) {
    measured_[asked.engine].engine.handle_answer(now, asked.lane, asked.serial);
  }
  asked_.erase(found);
  handle_timeout(now);
}

void NatLanes::handle_arrival(Instant now, const Asked& asked, const Endpoint& mapped) {
  Measured& measured = measured_[asked.engine];
  Lane& lane = measured.lanes[asked.lane];
  if (asked.serial != lane.serial) return;
  // The server answers to another port, but to the same address.
  if (mapped.address != control_mapped_->address) return;
  lane.port = mapped.port;
  measured.engine.handle_arrival(now, asked.lane, asked.serial);
  if (asked.every_second) {
    triggers_.emplace(asked.answer_at, asked);
    return;
  }
  for (const milliseconds copy : path::kAnswerCopies)
    triggers_.emplace(asked.answer_at + copy, asked);
}

}  // namespace wgscope::checks
