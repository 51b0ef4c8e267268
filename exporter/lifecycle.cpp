#include "exporter/lifecycle.hpp"

#include <chrono>
#include <csignal>
#include <ctime>
#include <functional>
#include <optional>

#include "wgscope/base/time.hpp"
#include "wgscope/os/clock.hpp"

namespace wgscope::exporter {
namespace {

using namespace std::chrono_literals;

/// For the last answers. Clients that connect meanwhile wait for the next process, and Prometheus
/// waits for 10 s unless told otherwise.
constexpr Nanoseconds kGrace = 3s;
constexpr Nanoseconds kLook = 10ms;  // how often it is seen whether they are through

/// @param pause  nothing: waits for as long as it takes. @returns nothing when it is over.
std::optional<int> wait_for(const sigset_t& signals, std::optional<Nanoseconds> pause) {
  if (!pause) {
    int signal = 0;
    sigwait(&signals, &signal);
    return signal;
  }
  const auto seconds = std::chrono::floor<std::chrono::seconds>(*pause);
  const timespec time{.tv_sec = seconds.count(), .tv_nsec = (*pause - seconds).count()};
  const int signal = sigtimedwait(&signals, nullptr, &time);
  return signal > 0 ? std::optional(signal) : std::nullopt;
}

}  // namespace

bool Lifecycle::works() const {
  const auto since = parts_.collections->taking_since();
  const bool stuck = since && os::boot_now() - *since > limits_.longest_collection;
  return parts_.server->works(limits_.longest_collection + limits_.longest_answer) && !stuck;
}

void Lifecycle::run(const std::function<void()>& reload) {
  bool worked = true;
  for (;;) {
    const std::optional<int> signal = wait_for(signals_, parts_.manager->pause());
    if (signal == SIGINT || signal == SIGTERM) return;
    if (signal == SIGHUP) {
      reload();
      continue;
    }
    const bool now_works = works();
    if (now_works)
      parts_.manager->alive();
    else if (worked)
      parts_.log->error(
          "requests are not answered any longer, so systemd's watchdog will restart the exporter");
    worked = now_works;
  }
}

bool Lifecycle::wind_down() {
  const Instant deadline = os::boot_now() + kGrace;
  parts_.server->stop_accepting();
  const auto busy = [this] {
    return !parts_.server->is_idle() || parts_.collections->taking_since();
  };
  bool hurry = false;
  while (!hurry && busy() && os::boot_now() < deadline) {
    const std::optional<int> signal = wait_for(signals_, kLook);
    hurry = signal && signal != SIGHUP;
  }
  return parts_.collections->close(hurry ? os::boot_now() : deadline);
}

}  // namespace wgscope::exporter
