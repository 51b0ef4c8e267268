// One round of the loop: ask the timers when they are next due, call those that are, wait in
// epoll_wait(2), call the handlers of what became ready. Handlers are found by a number that is
// never used twice, so an event for a watch that a handler has just removed has no receiver.

#include "wgscope/os/poll_loop.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <cassert>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <ctime>
#include <map>
#include <memory>
#include <optional>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <unistd.h>
#include <utility>
#include <vector>

#include <fmt/core.h>

#include "wgscope/base/result.hpp"
#include "wgscope/base/time.hpp"
#include "wgscope/os/clock.hpp"
#include "wgscope/os/turn.hpp"
#include "wgscope/os/unique_fd.hpp"

namespace wgscope::os {
namespace {

constexpr std::uint64_t kStopId = 0;
constexpr std::uint64_t kTimerId = 1;
constexpr std::uint64_t kFirstId = 2;

constexpr int kMostEvents = 64;  // of one round; the next round has the others

struct FdEntry {
  int fd = -1;
  std::uint32_t wanted = 0;
  FdHandlers handlers;
};

/// Reads the count of an eventfd or a timerfd, so that it is no longer ready. Both are
/// non-blocking, and one that turns out not to be ready does no harm.
void take_count(int fd) {
  std::uint64_t count = 0;
  [[maybe_unused]] const ssize_t size = read(fd, &count, sizeof count);
}

timespec to_timespec(Nanoseconds time) {
  const auto seconds = std::chrono::floor<std::chrono::seconds>(time);
  return {.tv_sec = static_cast<time_t>(seconds.count()),
          .tv_nsec = static_cast<long>((time - seconds).count())};
}

}  // namespace

struct PollLoop::State {
  Turn* turn = nullptr;
  UniqueFd epoll;
  UniqueFd stop_fd;
  UniqueFd timer_fd;
  std::optional<Instant> armed;  ///< what the timer is set to
  std::uint64_t next_id = kFirstId;
  // Shared with the call under way, so that a handler that removes itself is not destroyed
  // while it runs.
  std::map<std::uint64_t, std::shared_ptr<FdEntry>> fds;
  std::map<std::uint64_t, std::shared_ptr<Timer>> timers;
  std::vector<std::uint64_t> due;  ///< kept for its memory
  std::uint64_t rounds = 0;
  std::atomic<bool> stopping = false;  ///< set by any thread
  static_assert(std::atomic<bool>::is_always_lock_free, "signal handlers set it");

  [[nodiscard]] int control(int operation, int fd, std::uint32_t events, std::uint64_t id) const {
    epoll_event event{};
    event.events = events;
    event.data.u64 = id;
    return epoll_ctl(epoll.get(), operation, fd, &event) == 0 ? 0 : errno;
  }

  void want(std::uint64_t id, std::uint32_t event, bool wanted);
  void remove(std::uint64_t id);
  [[nodiscard]] std::optional<Instant> next_time() const;
  [[nodiscard]] int wait(std::array<epoll_event, kMostEvents>& events, bool at_once) const;
  void call_timers(Instant now);
  Result<> arm(std::optional<Instant> deadline);
  void call(std::uint64_t id, std::uint32_t events);
  Result<> round(std::optional<Instant> limit);
};

void PollLoop::State::want(std::uint64_t id, std::uint32_t event, bool wanted) {
  const auto found = fds.find(id);
  if (found == fds.end()) return;
  FdEntry& entry = *found->second;
  const std::uint32_t events = wanted ? entry.wanted | event : entry.wanted & ~event;
  if (events == entry.wanted) return;
  entry.wanted = events;
  [[maybe_unused]] const int error = control(EPOLL_CTL_MOD, entry.fd, events, id);
  assert(error == 0);  // or its descriptor was closed before its watch ended
}

void PollLoop::State::remove(std::uint64_t id) {
  // Out of the maps before its functions are destroyed: they may own other watches.
  const auto timer = timers.extract(id);
  const auto entry = fds.extract(id);
  if (entry.empty()) return;
  [[maybe_unused]] const int error = control(EPOLL_CTL_DEL, entry.mapped()->fd, 0, id);
  assert(error == 0);  // or its descriptor was closed before its watch ended
}

std::optional<Instant> PollLoop::State::next_time() const {
  std::optional<Instant> first;
  for (const auto& [id, timer] : timers)
    if (const auto next = timer->next(); next && (!first || *next < *first)) first = next;
  return first;
}

void PollLoop::State::call_timers(Instant now) {
  due.clear();
  for (const auto& [id, timer] : timers)
    if (const auto next = timer->next(); next && *next <= now) due.push_back(id);
  for (const std::uint64_t id : due)
    if (const auto found = timers.find(id); found != timers.end()) {
      const auto timer = found->second;
      // One called before it may have done its work, or put it off.
      if (const auto next = timer->next(); next && *next <= now) timer->expired(now);
    }
}

/// A timer that is set to an earlier time than is needed stays so: deadlines mostly move away with
/// every packet, and one waking too many costs less than a system call each time.
Result<> PollLoop::State::arm(std::optional<Instant> deadline) {
  if (!deadline || (armed && *armed <= *deadline)) return {};
  itimerspec when{};
  // Zero would switch it off.
  when.it_value = to_timespec(std::max(deadline->since_boot, Nanoseconds{1}));
  if (timerfd_settime(timer_fd.get(), TFD_TIMER_ABSTIME, &when, nullptr) != 0)
    return fail_errno("set a timer", errno);
  armed = deadline;
  return {};
}

void PollLoop::State::call(std::uint64_t id, std::uint32_t events) {
  const auto alive = [&] { return fds.contains(id); };
  const auto found = fds.find(id);
  if (found == fds.end()) return;
  const std::shared_ptr<FdEntry> entry = found->second;
  const FdHandlers& handlers = entry->handlers;
  // epoll reports errors and ends whether wanted or not, again and again: somebody must be called.
  std::uint32_t ready = events & entry->wanted;
  bool to_error = handlers.error && (events & EPOLLERR) != 0;
  if ((events & EPOLLHUP) != 0 || ((events & EPOLLERR) != 0 && !to_error)) {
    if (handlers.readable)
      ready |= EPOLLIN;
    else if (handlers.writable)
      ready |= EPOLLOUT;
    else
      to_error = true;
  }
  if (to_error) handlers.error();
  if ((ready & EPOLLIN) != 0 && alive()) handlers.readable();
  if ((ready & EPOLLOUT) != 0 && alive()) handlers.writable();
}

/// Also a look that does not wait lets others have their turn. @returns as epoll_wait(2).
int PollLoop::State::wait(std::array<epoll_event, kMostEvents>& events, bool at_once) const {
  if (turn != nullptr) turn->give_up();
  const int count = epoll_wait(epoll.get(), events.data(), kMostEvents, at_once ? 0 : -1);
  const int error = errno;
  if (turn != nullptr) turn->take();
  errno = error;
  return count;
}

Result<> PollLoop::State::round(std::optional<Instant> limit) {
  const Instant now = boot_now();
  call_timers(now);
  std::optional<Instant> deadline = next_time();
  if (limit && (!deadline || *limit < *deadline)) deadline = limit;
  const bool at_once = deadline && *deadline <= now;
  if (!at_once)
    if (auto done = arm(deadline); !done) return done;

  std::array<epoll_event, kMostEvents> events{};
  const int count = wait(events, at_once);
  if (count < 0 && errno != EINTR) return fail_errno("wait for descriptors", errno);
  ++rounds;
  for (std::size_t i = 0; std::cmp_less(i, count); ++i) {
    const std::uint64_t id = events[i].data.u64;
    if (id == kStopId) {
      take_count(stop_fd.get());
    } else if (id == kTimerId) {
      take_count(timer_fd.get());
      armed.reset();
    } else {
      call(id, events[i].events);
    }
  }
  return {};
}

Result<PollLoop> PollLoop::open(Turn* turn) {
  auto state = std::make_shared<State>();
  state->turn = turn;
  state->epoll.reset(epoll_create1(EPOLL_CLOEXEC));
  if (!state->epoll) return fail_errno("open an epoll instance", errno);
  state->stop_fd.reset(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!state->stop_fd) return fail_errno("open an eventfd", errno);
  state->timer_fd.reset(timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK));
  if (!state->timer_fd) return fail_errno("open a timer", errno);
  for (const auto& [fd, id] :
       {std::pair(state->stop_fd.get(), kStopId), std::pair(state->timer_fd.get(), kTimerId)})
    if (const int error = state->control(EPOLL_CTL_ADD, fd, EPOLLIN, id); error != 0)
      return fail_errno("watch the loop's own descriptor", error);
  return PollLoop(std::move(state));
}

Result<PollLoop::Watch> PollLoop::add(int fd, FdHandlers handlers) {
  assert(handlers.readable || handlers.writable || handlers.error);
  const std::uint64_t id = state_->next_id++;
  auto entry = std::make_shared<FdEntry>();
  entry->fd = fd;
  entry->wanted = handlers.readable ? EPOLLIN : 0U;
  entry->handlers = std::move(handlers);
  if (const int error = state_->control(EPOLL_CTL_ADD, fd, entry->wanted, id); error != 0)
    return fail_errno(fmt::format("watch descriptor {}", fd), error);
  state_->fds.emplace(id, std::move(entry));
  return Watch(state_, id);
}

PollLoop::Watch PollLoop::add(Timer timer) {
  assert(timer.next && timer.expired);
  const std::uint64_t id = state_->next_id++;
  state_->timers.emplace(id, std::make_shared<Timer>(std::move(timer)));
  return {state_, id};
}

Result<> PollLoop::run() {
  while (!state_->stopping.exchange(false))
    if (auto done = state_->round(std::nullopt); !done) return done;
  return {};
}

Result<> PollLoop::run_until(Instant limit) {
  while (!state_->stopping.exchange(false)) {
    if (auto done = state_->round(limit); !done) return done;
    if (boot_now() >= limit) return {};
  }
  return {};
}

void PollLoop::stop() const noexcept {
  state_->stopping = true;
  const std::uint64_t one = 1;
  // Fails only when the count is at its limit, and then it is ready anyway.
  [[maybe_unused]] const ssize_t written = write(state_->stop_fd.get(), &one, sizeof one);
}

std::uint64_t PollLoop::rounds() const { return state_->rounds; }

PollLoop::Watch::Watch(Watch&& other) noexcept
    : loop_(std::move(other.loop_)), id_(std::exchange(other.id_, 0)) {}

PollLoop::Watch& PollLoop::Watch::operator=(Watch&& other) noexcept {
  if (this != &other) {
    remove();
    loop_ = std::move(other.loop_);
    id_ = std::exchange(other.id_, 0);
  }
  return *this;
}

void PollLoop::Watch::want_writable(bool wanted) {
  if (const auto loop = loop_.lock()) loop->want(id_, EPOLLOUT, wanted);
}

void PollLoop::Watch::want_readable(bool wanted) {
  if (const auto loop = loop_.lock()) loop->want(id_, EPOLLIN, wanted);
}

void PollLoop::Watch::remove() {
  if (const auto loop = std::exchange(loop_, {}).lock()) loop->remove(id_);
}

}  // namespace wgscope::os
