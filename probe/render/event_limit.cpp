#include "probe/render/event_limit.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "wgscope/base/time.hpp"
#include "wgscope/tunnel/event.hpp"

namespace wgscope::probe {
namespace {

constexpr std::chrono::seconds kSecond{1};

EventSort sort_of(const tunnel::Event& event) {
  if (event.kind == tunnel::EventKind::dropped) return {.kind = event.kind, .reason = event.reason};
  EventSort sort{.kind = event.kind};
  if (event.peer) sort.peer = event.peer->value;
  return sort;
}

}  // namespace

bool Ration::allow(Instant now) {
  if (!second_ || now - *second_ >= kSecond) {
    second_ = now;
    allowed_ = 0;
  }
  if (allowed_ < kEachSecond) {
    ++allowed_;
    return true;
  }
  ++left_out_;
  return false;
}

std::optional<Instant> Ration::next() const {
  if (left_out_ == 0) return std::nullopt;
  return *second_ + kSecond;
}

std::uint64_t Ration::take(Instant now) {
  if (left_out_ == 0 || now < *second_ + kSecond) return 0;
  return std::exchange(left_out_, 0);
}

bool EventLimit::allow(const tunnel::Event& event) {
  Ration& ration = rations_[sort_of(event)];
  const bool allowed = ration.allow(event.at);
  if (const auto next = ration.next(); next && (!due_ || *next < *due_)) due_ = next;
  return allowed;
}

std::vector<EventLimit::LeftOut> EventLimit::take(Instant now) {
  std::vector<LeftOut> taken;
  if (!due_ || now < *due_) return taken;
  due_.reset();
  for (auto& [sort, ration] : rations_) {
    if (const std::uint64_t count = ration.take(now); count > 0) taken.push_back({sort, count});
    if (const auto next = ration.next(); next && (!due_ || *next < *due_)) due_ = next;
  }
  return taken;
}

}  // namespace wgscope::probe
