#pragma once

#include <cstdint>
#include <random>
#include <stop_token>
#include <thread>

#include "wgscope/base/time.hpp"

#include "exporter/collection.hpp"

namespace wgscope::exporter {

/// `interval`, and by chance up to a fifth of it more. What happens every 5 s or every 25 s would
/// look the same at each reading in step with it.
Nanoseconds uneven_pause(Nanoseconds interval, std::mt19937_64& random);

/// Takes collections between scrapes, so that handshakes and changes of endpoints are counted that
/// scrapes would miss. Has a thread of its own until it is destroyed, which ends a pause at once; a
/// collection that is being taken is waited for.
class Sampler {
 public:
  struct Settings {
    Nanoseconds interval;
    Nanoseconds timeout;     ///< how long a collection may wait for answers, as --collect.timeout
    std::uint64_t seed = 0;  ///< makes the lengths of pauses random
  };

  /// @param collections  outlives this.
  /// @param warn  called from the thread when a collection ends with an exception.
  Sampler(Collections& collections, Settings settings, Collections::Warn warn);
  Sampler(const Sampler&) = delete;
  Sampler& operator=(const Sampler&) = delete;
  ~Sampler() = default;

 private:
  void run(const std::stop_token& stop);
  [[nodiscard]] Instant sample();

  Collections* collections_;
  Settings settings_;
  Collections::Warn warn_;
  std::mt19937_64 random_;  ///< gives the lengths of pauses
  std::jthread thread_;     ///< declared last, because it uses the other members
};

}  // namespace wgscope::exporter
