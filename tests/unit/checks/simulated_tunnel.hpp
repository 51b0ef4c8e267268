#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <set>

#include "wgscope/base/time.hpp"
#include "wgscope/diagnosis/mtu.hpp"
#include "wgscope/path/hop_search.hpp"
#include "wgscope/wire/measuring.hpp"

#include "checks/mtu/mtu_course.hpp"

namespace wgscope::checks {

/// One direction of a path as it is.
struct SimulatedWay {
  std::size_t mtu = 1500;
  std::size_t large = 9000;  ///< what is larger than this is lost more often:
  double large_loss = 0;     ///< at random
  double rate =
      0;  ///< or where it finds no room in a bucket of so many bytes a second; 0: no bucket
  double depth = 0;          ///< what that bucket holds, in bytes
  double loss = 0;           ///< of every size
  std::size_t mtu_then = 0;  ///< after `changes_after`
  std::optional<Nanoseconds> changes_after;
};

struct SimulatedTunnel {
  SimulatedWay there;
  SimulatedWay back;
  bool reports = false;    ///< a router on the way there says "too big"
  bool fragments = false;  ///< what is too large for the way back comes in fragments
  bool service = false;    ///< the gateway is an endpoint of ours
  std::optional<std::size_t> answers_up_to;  ///< bytes inside; the gateway answers no larger ping
  double answers = 0;                        ///< a second, at most; 0: all
  double late = 0;                           ///< share of answers that take up to 3 s more
  Nanoseconds round_trip{};
  std::optional<Nanoseconds> interrupted_after;
  std::size_t hops = 4;  ///< routers on the way there, the gateway included
  /// What is too large for the way there gets as far as this router, and after `there.changes_after`
  /// as far as that one; 0: it does not leave this host.
  std::size_t drops_behind = 2;
  std::size_t drops_behind_then = 2;
  std::set<std::size_t> silent;  ///< routers that send no "time exceeded"
  double exceeded = 0;           ///< a second, at most, of each router; 0: all
};

/// The packets of `wgscope mtu` through such a tunnel, on virtual time.
class TunnelSimulation final : public MtuPackets {
 public:
  TunnelSimulation(const SimulatedTunnel& tunnel, std::uint64_t seed)
      : tunnel_(tunnel), random_(seed) {}

  [[nodiscard]] Nanoseconds took() const { return now_ - kBegin; }
  static constexpr Instant kBegin{std::chrono::hours{1}};

  // As MtuPackets has them.

  [[nodiscard]] Instant now() const override { return now_; }
  [[nodiscard]] bool interrupted() const override { return now_ >= interrupted_at(); }
  std::unique_ptr<MtuSearching> begin(MtuWay way) override;
  void allow_fragments(bool may) override { may_be_cut_ = may; }
  void ask_service() override {}
  std::optional<wire::MeasuringAnswer> await_service(Instant until) override;
  path::HopSearchResult find_hop(const path::HopSearchConfig& config, Instant until) override;
  std::optional<diagnosis::DataTrace> trace(Instant) override { return std::nullopt; }

 private:
  class Searching;
  class HopSearching;
  struct Bucket {
    std::optional<double> level;
    Instant filled = kBegin;
  };

  [[nodiscard]] Instant interrupted_at() const {
    return tunnel_.interrupted_after ? kBegin + *tunnel_.interrupted_after
                                     : kBegin + std::chrono::hours{1};
  }
  [[nodiscard]] bool has_changed(const SimulatedWay& way) const;
  [[nodiscard]] std::size_t mtu_of(const SimulatedWay& way) const;
  [[nodiscard]] std::size_t drops_behind() const;
  bool passes(const SimulatedWay& way, Bucket& bucket, std::size_t size);
  /// For another reason than its MTU.
  bool loses(const SimulatedWay& way, Bucket& bucket, std::size_t size);
  bool has(Bucket& bucket, double wanted, double rate, double depth);
  bool answers() { return tunnel_.answers == 0 || has(answers_, 1, tunnel_.answers, 20); }
  [[nodiscard]] Nanoseconds delay();
  /// To the next arrival, or to `until`. @returns whether something arrived.
  bool step(Instant until);
  double chance() { return std::uniform_real_distribution<>{}(random_); }

  SimulatedTunnel tunnel_;
  std::mt19937_64 random_;
  Instant now_ = kBegin;
  bool may_be_cut_ = false;
  std::multimap<Instant, std::function<void()>> arrivals_;
  Bucket there_;
  Bucket back_;
  Bucket answers_;
  std::map<std::size_t, Bucket> exceeded_;  ///< by the number of the router
};

}  // namespace wgscope::checks
