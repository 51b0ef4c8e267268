#include "exporter/sampler.hpp"

#include <condition_variable>
#include <exception>
#include <mutex>
#include <random>
#include <stop_token>
#include <utility>

#include <fmt/core.h>

#include "wgscope/base/time.hpp"
#include "wgscope/os/clock.hpp"

#include "exporter/collection.hpp"

namespace wgscope::exporter {

Nanoseconds uneven_pause(Nanoseconds interval, std::mt19937_64& random) {
  std::uniform_int_distribution<Nanoseconds::rep> more(0, interval.count() / 5);
  return interval + Nanoseconds(more(random));
}

Sampler::Sampler(Collections& collections, Settings settings, Collections::Warn warn)
    : collections_(&collections),
      settings_(settings),
      warn_(std::move(warn)),
      random_(settings.seed),
      thread_([this](const std::stop_token& stop) { run(stop); }) {}

void Sampler::run(const std::stop_token& stop) {
  std::mutex mutex;
  std::condition_variable_any stopped;
  std::unique_lock lock(mutex);
  while (!stop.stop_requested()) {
    const Instant due = sample();
    // On steady_clock, which stands still during suspend: the pause may last longer by that.
    stopped.wait_for(lock, stop, due - os::boot_now(), [] { return false; });
  }
}

/// What would end the program on this thread has, on a thread that serves, cost only one answer.
Instant Sampler::sample() {
  try {
    return collections_->sample(uneven_pause(settings_.interval, random_), settings_.timeout);
  } catch (const std::exception& error) {
    warn_(fmt::format("the sampler could not take a reading: {}", error.what()));
    return os::boot_now() + settings_.interval;
  }
}

}  // namespace wgscope::exporter
