#include "traffic.hpp"

#include <algorithm>
#include <utility>

namespace wgscope::simulator {
namespace {

using namespace std::chrono_literals;

constexpr std::int64_t kSegment = 1400;
constexpr std::int64_t kHeaders = 52;  // IPv4 and TCP with timestamps
// Linux gives up at the first timeout after the time that fifteen retransmissions would take if the
// first wait were 200 ms (tcp_retries2, retransmits_timed_out()), however long waits really are.
constexpr Time kGiveUp = 924'600ms;
constexpr Time kLongestWait = 120s;

constexpr Time kIdleTime = 2h;
constexpr Time kProbeInterval = 75s;
constexpr int kProbes = 9;

}  // namespace

TcpSender::TcpSender(Clock& clock, Peer& peer, Time first_wait)
    : clock_(&clock),
      peer_(&peer),
      first_wait_(first_wait),
      flow_(peer.open_flow([this] { acknowledged(); })),
      timer_(clock, [this] { tick(); }) {}

void TcpSender::start(std::int64_t bytes_per_second, Time duration) {
  if (active()) return;
  rate_ = bytes_per_second;
  seconds_left_ = std::max<std::int64_t>(1, duration / 1s);
  tick();
}

void TcpSender::stop() {
  seconds_left_ = 0;
  wait_.reset();
  timer_.cancel();
}

void TcpSender::tick() {
  if (wait_ && clock_->now() - lost_since_ >= kGiveUp) return stop();
  const std::int64_t packets = wait_ ? 1 : 1 + rate_ / kSegment;
  const std::int64_t bytes = wait_ ? kSegment : rate_ + packets * kHeaders;
  acknowledged_ = false;
  // The acknowledgement may come while send() runs, and then knows nothing of the timer.
  peer_->send({bytes, packets, (1 + packets / 2) * kHeaders, flow_});
  if (acknowledged_) return;
  if (!wait_) lost_since_ = clock_->now();
  wait_ = wait_ ? std::min(kLongestWait, *wait_ * 2) : first_wait_;
  timer_.set(*wait_);
}

void TcpSender::acknowledged() {
  if (!active() || std::exchange(acknowledged_, true)) return;
  wait_.reset();
  if (--seconds_left_ == 0) return timer_.cancel();
  timer_.set(1s);
}

IdleConnection::IdleConnection(Clock& clock, Peer& peer)
    : peer_(&peer), flow_(peer.open_flow([this] { used(); })), timer_(clock, [this] { probe(); }) {}

void IdleConnection::used() {
  unanswered_ = 0;
  timer_.set(kIdleTime);
}

void IdleConnection::probe() {
  if (unanswered_ == kProbes) return;
  ++unanswered_;
  timer_.set(kProbeInterval);
  peer_->send({kHeaders, 1, kHeaders, flow_});
}

Repeater::Repeater(Clock& clock, Clock::Action tick, Wait wait)
    : clock_(&clock),
      tick_(std::move(tick)),
      wait_(std::move(wait)),
      timer_(clock, [this] { run(); }) {}

void Repeater::start(std::optional<Time> duration) {
  end_.reset();
  if (duration) end_ = clock_->now() + *duration;
  timer_.set(wait_());
}

void Repeater::run() {
  if (end_ && clock_->now() > *end_) return;
  timer_.set(wait_());
  tick_();
}

}  // namespace wgscope::simulator
