#include "silence.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>

#include "wgscope/base/random.hpp"
#include "wgscope/base/result.hpp"
#include "wgscope/base/time.hpp"
#include "wgscope/checks/run.hpp"
#include "wgscope/diagnosis/handshake.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/os/clock.hpp"
#include "wgscope/os/udp_socket.hpp"
#include "wgscope/wire/message.hpp"

#include "checks/icmp_error.hpp"

namespace wgscope::checks {
namespace {

using namespace std::chrono_literals;

constexpr auto kBetweenSteps = 350ms;
constexpr auto kLastWait = 700ms;
constexpr std::size_t kPlainSize = 16;

/// What an initiation looks like from outside: its type, its length, and noise.
std::array<std::byte, wire::kInitiationSize> initiation_shaped(Random& random) {
  std::array<std::byte, wire::kInitiationSize> bytes{};
  random.fill(bytes);
  bytes[0] = std::byte{static_cast<std::uint8_t>(wire::MessageType::initiation)};
  std::fill_n(bytes.begin() + 1, 3, std::byte{0});
  return bytes;
}

/// As long as it must be to be no WireGuard message, and not beginning like one.
std::array<std::byte, kPlainSize> plain_bytes(Random& random) {
  std::array<std::byte, kPlainSize> bytes{};
  random.fill(bytes);
  bytes[0] = std::byte{0xff};
  return bytes;
}

}  // namespace

SilenceProbe::SilenceProbe(Run& run, Random& random, const Endpoint& endpoint,
                           std::optional<std::uint32_t> mark)
    : run_(run),
      random_(random),
      endpoint_(endpoint),
      neighbour_(endpoint),
      sockets_(run,
               {.on_datagram =
                    [this](Instant, std::size_t place, const Endpoint& from, auto) {
                      if (place < kKnocks && from.address == endpoint_.address)
                        knocks_.at(place).datagram = true;
                    },
                .on_error = std::bind_front(&SilenceProbe::take_error, this)},
               mark) {
  // Traceroute's ports (33434 …): nothing listens there, and firewalls that answer at
  // all answer there.
  std::array<std::byte, 1> chosen{};
  random.fill(chosen);
  neighbour_.port = static_cast<std::uint16_t>(33434U + std::to_integer<unsigned>(chosen[0]) % 90U);
  if (neighbour_.port == endpoint.port) ++neighbour_.port;
}

Result<std::unique_ptr<SilenceProbe>> SilenceProbe::start(Run& run, Random& random,
                                                          const Endpoint& endpoint,
                                                          std::optional<std::uint32_t> mark) {
  std::unique_ptr<SilenceProbe> probe(new SilenceProbe(run, random, endpoint, mark));
  if (auto opened = probe->open(); !opened) return tl::unexpected(opened.error());
  probe->next_step_ = os::boot_now();
  return probe;
}

Result<> SilenceProbe::open() {
  IpAddress any;
  any.family = endpoint_.address.family;
  for (std::size_t place = 0; place < kKnocks + kHops; ++place) {
    if (const auto opened = sockets_.open(any); !opened) return tl::unexpected(opened.error());
    if (place < kKnocks) continue;
    diagnosis::Hop& hop = hops_.at(place - kKnocks);
    hop.limit = static_cast<std::uint8_t>(place - kKnocks + 1);
    if (auto set = sockets_.set_hop_limit(place, hop.limit); !set) return set;
  }
  timer_ = run_.loop().add(
      {.next = [this] { return next_step_; }, .expired = [this](Instant) { step(); }});
  return {};
}

/// In this order, so that what is asked first is what tells most.
void SilenceProbe::step() {
  using enum What;
  constexpr std::array<What, kKnocks> kOrder{plain_neighbour, wireguard_neighbour, plain_same_port};
  if (steps_ == 1) climb();
  while (steps_ < kRounds * kKnocks && !asks_on(kOrder.at(steps_ % kKnocks))) ++steps_;
  if (steps_ >= kRounds * kKnocks) {
    // The last answers are waited for once.
    next_step_ =
        steps_ == kRounds * kKnocks ? std::optional(os::boot_now() + kLastWait) : std::nullopt;
    ++steps_;
    return run_.wake();
  }
  knock(kOrder.at(steps_ % kKnocks));
  ++steps_;
  next_step_ = os::boot_now() + kBetweenSteps;
}

bool SilenceProbe::asks_on(What what) const {
  return !knocks_.at(static_cast<std::size_t>(what)).answer;
}

void SilenceProbe::knock(What what) {
  const auto place = static_cast<std::size_t>(what);
  const Endpoint& to = what == What::plain_same_port ? endpoint_ : neighbour_;
  ++knocks_.at(place).sent;
  if (what == What::wireguard_neighbour)
    return sockets_.send(place, to, initiation_shaped(random_));
  sockets_.send(place, to, plain_bytes(random_));
}

/// With bytes that WireGuard drops without a word. What looks like an initiation would arrive where
/// the limit is large enough, and be logged there as a message with a wrong key.
void SilenceProbe::climb() {
  for (std::size_t hop = 0; hop < kHops; ++hop)
    sockets_.send(kKnocks + hop, endpoint_, plain_bytes(random_));
  hop_probes_ += kHops;
}

void SilenceProbe::take_error(std::size_t place, const os::SocketError& error) {
  if (error.origin == os::SocketError::Origin::local || !error.offender) return;
  if (place < kKnocks) {
    diagnosis::Knock& knock = knocks_.at(place);
    if (!knock.answer)
      knock.answer =
          diagnosis::IcmpReport{.from = *error.offender, .type = error.type, .code = error.code};
    return;
  }
  diagnosis::Hop& hop = hops_.at(place - kKnocks);
  if (hop.from) return;
  hop.from = error.offender;
  hop.arrived = !is_time_exceeded(error) && *error.offender == endpoint_.address;
}

bool SilenceProbe::done() const { return !next_step_; }

diagnosis::SilenceFacts SilenceProbe::facts() const {
  diagnosis::SilenceFacts facts;
  facts.plain_neighbour = knocks_[0];
  facts.wireguard_neighbour = knocks_[1];
  facts.plain_same_port = knocks_[2];
  facts.neighbour_port = neighbour_.port;
  facts.hop_probes = hop_probes_;
  // Behind the last that answered there is only silence: one silent hop shows it.
  std::size_t known = 0;
  for (std::size_t i = 0; i < hops_.size(); ++i) {
    if (hops_[i].from) known = i + 1;
    if (hops_[i].arrived) break;
  }
  const bool arrived = known > 0 && hops_[known - 1].arrived;
  const std::size_t shown = arrived ? known : std::min(known + 1, hops_.size());
  for (std::size_t i = 0; i < shown; ++i) facts.hops.push_back(hops_[i]);
  return facts;
}

}  // namespace wgscope::checks
