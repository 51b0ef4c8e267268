#include "wgscope/checks/outer.hpp"

#include <algorithm>
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
#include "wgscope/path/hop_search.hpp"
#include "wgscope/path/mtu_search.hpp"

#include "mtu_probing.hpp"
#include "outer_witness.hpp"

// Greetings first: who answers at all, how soon, and whether the far end rations its "port
// unreachable", as Linux does (6 at once, then one a second: icmp_ratelimit). Echo replies are not
// rationed, so where they come, the search is theirs; UDP then tells whether the way there takes
// more than both ways together.

namespace wgscope::checks {
namespace {

using namespace std::chrono_literals;
using diagnosis::OuterFacts;
using path::MtuVerdict;

constexpr Nanoseconds kLong = 5min;  ///< more than any search takes
constexpr Nanoseconds kResolve = 5s;
constexpr std::uint32_t kGreetings = 8;  ///< more than Linux answers at once
constexpr Nanoseconds kGreetingWait = 1500ms;
constexpr Nanoseconds kSecondWait = 3s;
/// Two answers at one a second, and a little.
constexpr Nanoseconds kPace = 2200ms;

/// How many of some small packets a witness answers.
class Greeting {
 public:
  Greeting(OuterWitness& witness, std::optional<Nanoseconds>& round_trip)
      : base_(witness.base()), begun_(os::boot_now()) {
    const auto take = [this, &round_trip](Instant now, OuterWitness::Id id) {
      if (!id || *id < base_ || !answered_.insert(*id).second) return;
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

 private:
  std::uint32_t base_;
  Instant begun_;
  std::set<std::uint32_t> answered_;
  OuterWitness::Attention attention_;
};

class Outer {
 public:
  Outer(Run& run, const OuterOptions& options, OuterFacts& facts)
      : run_(run),
        options_(options),
        facts_(facts),
        deadline_(options.deadline.value_or(os::boot_now() + kLong)) {}

  void find() {
    if (!find_host() || is_astray() || !open_witnesses()) return;
    greet();
    if (facts_.echo_answers && !run_.interrupted()) search_both();
    if (facts_.both && !run_.interrupted()) facts_.both_drop = find_drop(*facts_.both, *echo_);
    if (needs_udp() && !run_.interrupted()) search_forward();
    if (facts_.forward && !run_.interrupted()) find_drop_forward(*facts_.forward);
    if (echo_) facts_.largest_fragment = echo_->largest_fragment();
  }

 private:
  [[nodiscard]] const Endpoint& host() const { return *facts_.host_address; }
  [[nodiscard]] std::size_t full() const { return facts_.tunnel_mtu + facts_.overhead; }

  bool find_host() {
    auto found = resolve(run_, options_.host, options_.family,
                         std::min(deadline_, os::boot_now() + kResolve));
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

  /// Twice where nobody answers: there may have been an address to be found out first.
  void greet() {
    for (const Nanoseconds wait : {kGreetingWait, kSecondWait}) {
      const Instant until = std::min(deadline_, os::boot_now() + wait);
      run_.say(diagnosis::text("waiting for any answer from {}", host().address), until);
      Greeting udp(*udp_, facts_.round_trip);
      std::optional<Greeting> echo;
      if (echo_) echo.emplace(*echo_, facts_.round_trip);
      const auto all = [&] {
        return udp.answered() == kGreetings && (!echo || echo->answered() == kGreetings);
      };
      run_.wait_at_most(all, until);
      facts_.udp_answers = udp.answered() > 0;
      facts_.udp_rations = facts_.udp_answers && udp.answered() < kGreetings;
      facts_.echo_answers = echo && echo->answered() > 0;
      if (facts_.udp_answers || facts_.echo_answers || run_.interrupted()) return;
    }
  }

  [[nodiscard]] path::MtuSearchConfig config() const {
    path::MtuSearchConfig config;
    config.current = full();
    config.floor = host().address.family == Family::v4 ? path::kSmallestIpv4 : path::kSmallestIpv6;
    config.round_trip = facts_.round_trip;
    config.only_current = options_.quick;
    return config;
  }

  void search_both() {
    run_.say(diagnosis::text("searching for the MTU to {} and back", host().address));
    facts_.both = search(run_, *echo_, config(), deadline_);
  }

  /// What passes both ways passes there; and what is dropped before the far end was on
  /// its way there.
  [[nodiscard]] bool needs_udp() const {
    if (!facts_.udp_answers) return false;
    if (!facts_.both || !facts_.both->mtu) return true;
    return *facts_.both->mtu < full() && !diagnosis::is_dropped_before_end(facts_) &&
           !diagnosis::is_limited_here(*facts_.both);
  }

  void search_forward() {
    run_.say(diagnosis::text("searching for the MTU to {}", host().address));
    if (facts_.udp_rations) {
      run_.pass_until(std::min(deadline_, os::boot_now() + kPace));
      if (run_.interrupted() || os::boot_now() >= deadline_) return;
    }
    path::MtuSearchConfig forward = config();
    if (facts_.udp_rations) forward.pace = kPace;
    if (facts_.both && facts_.both->mtu) {
      forward.floor = *facts_.both->mtu;
      forward.expected = forward.floor;
      forward.known_sent = facts_.both->controls;
      forward.known_lost = facts_.both->controls_lost;
      if (!options_.quick) forward.current = forward.floor + 1;
    }
    facts_.forward = search(run_, *udp_, forward, deadline_);
    judge(*facts_.forward);
  }

  /// By the tunnel's size, where the search had another one first.
  void judge(path::MtuResult& forward) const {
    if (options_.quick || !forward.mtu) return;
    if (*forward.mtu >= full()) {
      if (forward.verdict != MtuVerdict::loss_not_size) forward.verdict = MtuVerdict::ok;
    } else if (forward.exact && forward.not_above) {
      forward.verdict = forward.report ? MtuVerdict::ptb_reported : MtuVerdict::black_hole;
    }
  }

  /// Behind which hop larger ones are dropped.
  std::optional<path::HopSearchResult> find_drop(const path::MtuResult& direction,
                                                 OuterWitness& witness) {
    const auto config = path::hop_search_for(direction, facts_.round_trip);
    if (options_.quick || !config || *direction.mtu >= full()) return std::nullopt;
    run_.say(
        diagnosis::text("looking for the hop towards {} that drops large packets", host().address));
    return search(run_, witness, *config, deadline_);
  }

  void find_drop_forward(const path::MtuResult& forward) {
    const bool as_both = facts_.both_drop && forward.mtu == facts_.both->mtu;
    facts_.forward_drop = as_both ? facts_.both_drop : find_drop(forward, *udp_);
  }

  Run& run_;
  const OuterOptions& options_;
  OuterFacts& facts_;
  Instant deadline_;
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
