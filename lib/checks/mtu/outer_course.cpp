#include "outer_course.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <optional>

#include "wgscope/base/time.hpp"
#include "wgscope/diagnosis/outer.hpp"
#include "wgscope/diagnosis/text.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/path/hop_search.hpp"
#include "wgscope/path/mtu_search.hpp"

#include "echo_replies.hpp"

// Greetings first: who answers at all, how soon, and whether the far end rations its "port
// unreachable", as Linux does (6 at once, then one a second: icmp_ratelimit). Echo replies are
// rationed seldom, so where they come, the search is theirs.
//
// Where pings above some size get no reply, either the path takes no more, or somebody drops large
// pings, as many hosts and firewalls do. A router's report that proved right settles it. If there
// is none, UDP of that size does: to the far end where it answers UDP, else to the first router
// that the large pings did not reach. If neither answers, it stays unknown, and no MTU is advised.

namespace wgscope::checks {
namespace {

using namespace std::chrono_literals;
using diagnosis::OuterFacts;
using path::MtuVerdict;
using Kind = OuterPackets::Kind;

constexpr Nanoseconds kGreetingWait = 1500ms;
constexpr Nanoseconds kSecondWait = 3s;
/// Two answers at one a second, and a little.
constexpr Nanoseconds kPace = 2200ms;
/// Chosen: the same where all of a search has to do with UDP. Rounds whose probe is lost need one
/// answer only, so that the store lasts nearly always.
constexpr Nanoseconds kBusyPace = 1600ms;
/// A round is answered once at most where a single size is asked for: it passes, and that is all,
/// or only the small packet beside it does.
constexpr Nanoseconds kSinglePace = 1100ms;
/// Chosen: the same in a hurry. What the far end saved up during the search by pings makes up for
/// it.
constexpr Nanoseconds kHurriedPace = 800ms;
/// Chosen: so much of the time is kept for UDP, where the far end answers UDP: enough to lose one
/// size three times at that pace. In a hurry it is half of what is left.
constexpr Nanoseconds kKeptForUdp = 10s;

class Course {
 public:
  Course(OuterPackets& packets, const OuterCourseOptions& options, OuterFacts& facts)
      : packets_(packets), options_(options), facts_(facts) {}

  void run() {
    greet();
    if (facts_.echo_answers && goes_on()) search_echo();
    if (needs_udp() && goes_on()) search_udp();
    if (!options_.quick) find_places();
    facts_.time_over = !packets_.interrupted() && packets_.now() >= options_.end;
  }

 private:
  [[nodiscard]] std::size_t full() const { return facts_.tunnel_mtu + facts_.overhead; }
  [[nodiscard]] const IpAddress& host() const { return facts_.host_address->address; }
  [[nodiscard]] bool goes_on() const {
    return !packets_.interrupted() && packets_.now() < options_.end;
  }

  /// Twice where nobody answers: there may have been an address to be found out first.
  void greet() {
    for (const Nanoseconds wait : {kGreetingWait, kSecondWait}) {
      greeted_ = packets_.now();
      const Instant until = std::min(options_.end, greeted_ + wait);
      packets_.say(diagnosis::text("waiting for any answer from {}", host()), until);
      const auto got = packets_.greet(until);
      facts_.round_trip = got.round_trip;
      facts_.udp_answers = got.udp > 0;
      facts_.udp_rations = facts_.udp_answers && got.udp < OuterPackets::kGreetings;
      facts_.echo_answers = got.echo > 0;
      if (facts_.udp_answers || facts_.echo_answers || !goes_on()) return;
    }
  }

  [[nodiscard]] path::MtuSearchConfig config() const {
    path::MtuSearchConfig config;
    config.current = full();
    config.floor = host().family == Family::v4 ? path::kSmallestIpv4 : path::kSmallestIpv6;
    config.round_trip = facts_.round_trip;
    config.until_current = options_.quick;
    config.proofs = path::kProofs;
    config.large_batches = options_.quick;
    return config;
  }

  void search_echo() {
    const Nanoseconds left = options_.end - packets_.now();
    Instant until = options_.end;
    if (facts_.udp_answers) until = until - std::min(kKeptForUdp, left / 2);
    packets_.say(diagnosis::text("searching for the MTU to {} and back", host()), until);
    const auto found = packets_.search(Kind::echo, config(), 0, until);
    const EchoReplies& replies = *packets_.replies();
    if (!replies.changed()) {
      facts_.both_ways = found;
      return;
    }
    // The search has counted replies that prove the forward path alone.
    facts_.forward_echo = found;
    facts_.changed_reply = replies.changed();
    facts_.both_ways = path::MtuResult{};
    facts_.both_ways->mtu = replies.largest_equal();
  }

  /// A size that pings do not get past, unless it is known already why they do not.
  [[nodiscard]] bool needs_udp() const {
    if (!facts_.udp_answers) return false;
    const auto& echo = diagnosis::found_by_echo(facts_);
    if (!echo || !echo->mtu) return true;
    return *echo->mtu < full() && !echo->report && !diagnosis::is_limited_here(*echo);
  }

  void search_udp() {
    packets_.say(diagnosis::text("searching for the MTU to {}", host()), options_.end);
    path::MtuSearchConfig forward = config();
    if (facts_.udp_rations) {
      packets_.pass_until(std::min(options_.end, greeted_ + kPace));
      if (!goes_on()) return;
      forward.pace = facts_.echo_answers ? kPace : kBusyPace;
    }
    const auto& echo = diagnosis::found_by_echo(facts_);
    const bool has_boundary = echo && echo->mtu && echo->not_above;
    if (echo && echo->mtu) {
      forward.floor = *echo->mtu;
      forward.expected = forward.floor;
      forward.known_sent = echo->controls;
      forward.known_lost = echo->controls_lost;
    }
    if (has_boundary) {
      // A host may drop large pings where the path loses other large packets at times.
      forward.current = forward.floor + 1;
      forward.proofs_at_once = true;
    }
    // That it arrives settles what became of the pings; in a hurry that is all.
    if (has_boundary && options_.quick) {
      forward.only_current = true;
      if (facts_.udp_rations) forward.pace = kHurriedPace;
    }
    // Too little of the time may be left to look for more than is needed.
    if (echo && !echo->not_above) forward.until_current = true;
    facts_.forward = packets_.search(Kind::udp, forward, 0, options_.end);
    if (forward.only_current && facts_.forward->current_fits == false) {
      facts_.forward->mtu = echo->mtu;  // which arrives, as the replies have proven
      facts_.forward->exact = true;
    }
    judge(*facts_.forward);
  }

  /// By the tunnel's size, where the search had another one first.
  void judge(path::MtuResult& forward) const {
    if (!forward.mtu) return;
    if (*forward.mtu >= full()) {
      if (forward.verdict != MtuVerdict::loss_not_size) forward.verdict = MtuVerdict::ok;
    } else if (forward.exact && forward.not_above) {
      forward.verdict = forward.report ? MtuVerdict::ptb_reported : MtuVerdict::black_hole;
    }
  }

  void find_places() {
    const auto& echo = diagnosis::found_by_echo(facts_);
    if (echo && goes_on()) facts_.echo_drop = find_place(*echo, Kind::echo);
    if (!facts_.udp_answers && facts_.echo_drop && goes_on()) ask_router(*facts_.echo_drop);
    if (!facts_.forward || !goes_on()) return;
    const bool as_echo = facts_.echo_drop && facts_.forward->mtu == echo->mtu;
    facts_.forward_drop = as_echo ? facts_.echo_drop : find_place(*facts_.forward, Kind::udp);
  }

  /// Behind which hop larger ones are dropped.
  std::optional<path::HopSearchResult> find_place(const path::MtuResult& direction, Kind kind) {
    const auto config = path::hop_search_for(direction, facts_.round_trip);
    if (!config || *direction.mtu >= full()) return std::nullopt;
    packets_.say(diagnosis::text("{} bytes pass; looking for the hop towards {} that drops larger "
                                 "packets",
                                 *direction.mtu, host()),
                 options_.end);
    return packets_.search(kind, *config, options_.end);
  }

  /// Whether UDP of the size that is lost among pings gets to the first router that they do not
  /// get to.
  void ask_router(const path::HopSearchResult& place) {
    const auto& echo = diagnosis::found_by_echo(facts_);
    if (echo->report || !place.first || place.first->is_end) return;
    path::MtuSearchConfig large = config();
    large.floor = *echo->mtu;
    large.current = *echo->mtu + 1;
    large.until_current = false;
    large.only_current = true;
    large.proofs_at_once = true;
    large.known_sent = echo->controls;
    large.known_lost = echo->controls_lost;
    large.pace = kSinglePace;
    packets_.say(diagnosis::text("asking hop {} whether UDP of {} bytes arrives there",
                                 unsigned{place.first->number}, large.current),
                 options_.end);
    const auto found = packets_.search(Kind::udp, large, place.first->number, options_.end);
    facts_.udp_gets_past = found.current_fits;
  }

  OuterPackets& packets_;
  const OuterCourseOptions& options_;
  OuterFacts& facts_;
  Instant greeted_;
};

}  // namespace

void run_outer_course(OuterPackets& packets, const OuterCourseOptions& options, OuterFacts& facts) {
  Course(packets, options, facts).run();
}

}  // namespace wgscope::checks
