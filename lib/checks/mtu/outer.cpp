#include "wgscope/checks/outer.hpp"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <utility>

#include "wgscope/base/result.hpp"
#include "wgscope/base/time.hpp"
#include "wgscope/checks/resolve.hpp"
#include "wgscope/checks/route.hpp"
#include "wgscope/checks/run.hpp"
#include "wgscope/crypto/random.hpp"
#include "wgscope/diagnosis/outer.hpp"
#include "wgscope/diagnosis/route.hpp"
#include "wgscope/diagnosis/text.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/os/clock.hpp"
#include "wgscope/os/poll_loop.hpp"
#include "wgscope/path/hop_search.hpp"
#include "wgscope/path/mtu_search.hpp"

#include "echo_replies.hpp"
#include "mtu_probing.hpp"
#include "outer_course.hpp"
#include "outer_witness.hpp"

namespace wgscope::checks {
namespace {

using namespace std::chrono_literals;
using diagnosis::OuterFacts;

constexpr Nanoseconds kResolve = 5s;
/// Chosen: once all pings are answered and some UDP is, more answers to UDP are waited for so long,
/// and as long as two round trips.
constexpr Nanoseconds kStragglers = 100ms;
constexpr std::uint32_t kGreetings = OuterPackets::kGreetings;

/// How many of some small packets a witness answers.
class Greeting {
 public:
  Greeting(OuterWitness& witness, std::optional<Nanoseconds>& round_trip)
      : base_(witness.base()), begun_(os::boot_now()) {
    const auto take = [this, &round_trip](Instant now, OuterWitness::Id id) {
      if (!id || *id < base_ || !answered_.insert(*id).second) return;
      last_ = now;
      const Nanoseconds took = now - begun_;
      if (!round_trip || took < *round_trip) round_trip = took;
    };
    attention_ = witness.attend({.on_answer = take});
    for (std::uint32_t i = 0; i < kGreetings; ++i)
      static_cast<void>(witness.send({.id = base_ + i, .hop_limit = {}}));
    witness.set_base(base_ + kGreetings);
  }
  Greeting(const Greeting&) = delete;
  Greeting& operator=(const Greeting&) = delete;
  ~Greeting() = default;

  [[nodiscard]] std::size_t answered() const { return answered_.size(); }
  [[nodiscard]] const std::optional<Instant>& last() const { return last_; }

 private:
  std::uint32_t base_;
  Instant begun_;
  std::set<std::uint32_t> answered_;
  std::optional<Instant> last_;  ///< when the last answer came
  OuterWitness::Attention attention_;
};

class Outer final : public OuterPackets {
 public:
  Outer(Run& run, const OuterOptions& options, OuterFacts& facts)
      : run_(run),
        options_(options),
        facts_(facts),
        end_(std::min(options.deadline.value_or(os::boot_now() + kOuterLimit),
                      os::boot_now() + kOuterLimit)) {}

  void find() {
    if (!find_host() || is_astray() || !open_witnesses()) return;
    run_outer_course(*this, {.quick = options_.quick, .end = end_}, facts_);
    facts_.udp_sent = udp_->packets_sent();
    if (echo_) {
      facts_.echo_sent = echo_->packets_sent();
      facts_.largest_fragment = echo_->largest_fragment();
      facts_.strange_replies = echo_->replies().strange();
    }
    for (const OuterWitness* witness : {static_cast<const OuterWitness*>(udp_.get()),
                                        static_cast<const OuterWitness*>(echo_.get())}) {
      if (witness == nullptr) continue;
      if (!facts_.send_errno) facts_.send_errno = witness->send_errno();
      if (!facts_.unreachable) facts_.unreachable = witness->unreachable();
    }
    if (facts_.unreachable && facts_.route)
      facts_.unreachable->from_this_host = facts_.route->source == facts_.unreachable->from;
  }

  // As OuterPackets has them.

  [[nodiscard]] Instant now() const override { return os::boot_now(); }
  [[nodiscard]] bool interrupted() const override { return run_.interrupted(); }
  void pass_until(Instant until) override { run_.pass_until(until); }
  void say(const diagnosis::Text& what, Instant until) override {
    saying_ = what;
    run_.say(what, until);
  }

  Greeted greet(Instant until) override {
    Greeted got;
    Greeting udp(*udp_, got.round_trip);
    std::optional<Greeting> echo;
    if (echo_) echo.emplace(*echo_, got.round_trip);
    const auto timer = run_.loop().add(os::Timer{.next = [&] { return enough_of(udp, echo, got); },
                                                 .expired = [&](Instant) { run_.wake(); }});
    const auto enough = [&] {
      if (cannot_send()) return true;
      if (udp.answered() == kGreetings && (!echo || echo->answered() == kGreetings)) return true;
      const auto at = enough_of(udp, echo, got);
      return at && os::boot_now() >= *at;
    };
    run_.wait_at_most(enough, until);
    got.udp = udp.answered();
    got.echo = echo ? echo->answered() : 0;
    return got;
  }

  path::MtuResult search(Kind kind, const path::MtuSearchConfig& config, std::uint8_t hop_limit,
                         Instant until) override {
    return checks::search({run_, witness(kind), until, saying_}, config, hop_limit);
  }
  path::HopSearchResult search(Kind kind, const path::HopSearchConfig& config,
                               Instant until) override {
    return checks::search({run_, witness(kind), until, saying_}, config);
  }
  [[nodiscard]] const EchoReplies* replies() const override {
    return echo_ ? &echo_->replies() : nullptr;
  }

 private:
  [[nodiscard]] const Endpoint& host() const { return *facts_.host_address; }
  [[nodiscard]] OuterWitness& witness(Kind kind) const {
    if (kind == Kind::udp) return *udp_;
    return *echo_;
  }

  /// Nothing leaves this host.
  [[nodiscard]] bool cannot_send() const {
    const auto no_way = [](const OuterWitness& witness) {
      const auto failed = witness.send_errno();
      return failed == ENETUNREACH || failed == EACCES || failed == EPERM;
    };
    return no_way(*udp_) && (!echo_ || no_way(*echo_));
  }

  bool find_host() {
    auto found =
        resolve(run_, options_.host, options_.family, std::min(end_, os::boot_now() + kResolve));
    if (!found) {
      facts_.error = found.error();
      return false;
    }
    facts_.host_address = found->front();
    facts_.overhead = tunnel_overhead(host().address.family);
    return true;
  }

  /// What would be measured is another tunnel's path.
  bool is_astray() {
    facts_.route = find_route(host(), {options_.mark, options_.through});
    return facts_.route && diagnosis::is_astray(*facts_.route);
  }

  /// Without the mark, where it may not be set: as Session does it.
  bool open_witnesses() {
    std::optional<std::uint32_t> mark = options_.mark;
    auto udp = UdpWitness::open(run_, random_, host(), mark);
    if (!udp && mark && udp.error().code == Errc::not_permitted) {
      facts_.mark_refused = udp.error().context;
      mark.reset();
      udp = UdpWitness::open(run_, random_, host(), mark);
    }
    if (!udp) {
      facts_.error = udp.error();
      return false;
    }
    udp_ = std::move(*udp);
    auto echo = EchoWitness::open(run_, random_, host(), mark);
    if (echo)
      echo_ = std::move(*echo);
    else
      facts_.echo_refused = echo.error().context;
    return true;
  }

  /// When the far end can be said to ration its answers to UDP; nothing: not yet.
  static std::optional<Instant> enough_of(const Greeting& udp, const std::optional<Greeting>& echo,
                                          const Greeted& got) {
    if (!echo || echo->answered() < kGreetings || !udp.last()) return std::nullopt;
    return *udp.last() + std::max(kStragglers, 2 * got.round_trip.value_or(Nanoseconds{}));
  }

  Run& run_;
  const OuterOptions& options_;
  OuterFacts& facts_;
  Instant end_;
  diagnosis::Text saying_;  ///< what goes on now
  crypto::SystemRandom random_;
  std::unique_ptr<UdpWitness> udp_;
  std::unique_ptr<EchoWitness> echo_;
};

}  // namespace

OuterFacts outer(Run& run, const OuterOptions& options) {
  OuterFacts facts;
  facts.host = options.host.host;
  facts.tunnel_mtu = options.tunnel_mtu;
  facts.tunnel_mtu_known = options.tunnel_mtu_known;
  facts.ipv6_inside = options.ipv6_inside;
  Outer(run, options, facts).find();
  facts.interrupted = run.interrupted();
  return facts;
}

}  // namespace wgscope::checks
