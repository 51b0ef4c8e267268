#include "mtu_course.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <memory>
#include <optional>

#include "wgscope/base/time.hpp"
#include "wgscope/checks/mtu.hpp"
#include "wgscope/diagnosis/mtu.hpp"
#include "wgscope/diagnosis/text.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/path/hop_search.hpp"
#include "wgscope/path/mtu_replies.hpp"
#include "wgscope/path/mtu_search.hpp"
#include "wgscope/wire/measuring.hpp"
#include "wgscope/wire/message.hpp"

// Forward first, as the backward search needs requests of a size that arrives:
//
//          forward                              backward
//   us ==[ padded echo request ]==> gateway     us ==[ echo request of n ]==> gateway
//   us <-[ small reply ]----------  gateway     us <=[ reply of n, padded to 16 ]= gateway
//
// Where the gateway is an endpoint of ours, it is asked for answers of any size instead:
//
//   us --[ "answer in n bytes" ]--> gateway     us <=[ padded answer of n ]======= gateway

namespace wgscope::checks {
namespace {

using namespace std::chrono_literals;

/// Parts of the time that is left when a phase begins, in percent. Chosen: what loss makes slow in
/// one direction leaves time for the other one, and for the hop.
constexpr int kForwardShare = 55;
constexpr int kQuickForwardShare = 65;
constexpr int kFragmentsShare = 25;
constexpr int kQuickFragmentsShare = 90;
constexpr int kBackwardShare = 60;
constexpr int kQuickBackwardShare = 90;
/// Chosen: more than this would take longer than there is time.
constexpr double kMostMoreProofs = 4;
/// Chosen: an answer of a measuring service is waited for so long at least after the forward
/// search, and longer where packets are lost.
constexpr Nanoseconds kService = 100ms;
constexpr Nanoseconds kServiceWhereLossy = 1s;

class MtuCourse {
 public:
  MtuCourse(MtuPackets& packets, const MtuCourseOptions& options, diagnosis::MtuFacts& facts)
      : packets_(packets), options_(options), facts_(facts) {}

  std::optional<bool> run() {
    const std::size_t full = facts_.tunnel_mtu + facts_.overhead;
    forward();
    if (facts_.forward->mtu < full) end_forward();
    // What passes at times is no matter of fragments or of a hop.
    const bool fits = facts_.forward->mtu >= full || facts_.forward->size_loss.has_value();
    if (facts_.forward->mtu && goes_on()) backward();
    end_forward();
    facts_.requests_may_be_lost = may_lose_requests();
    if (facts_.forward->mtu && !fits && goes_on()) fragments();
    if (facts_.forward->mtu && !fits && !options_.quick && goes_on()) find_drop();
    const bool mute =
        !facts_.forward->mtu && facts_.forward->controls <= facts_.forward->controls_lost;
    if (mute && !options_.quick && goes_on()) trace();
    return after_losses_;
  }

 private:
  [[nodiscard]] bool goes_on() const { return !packets_.interrupted(); }

  void forward() {
    path::MtuSearchConfig config = common();
    config.until_current = options_.quick;
    config.expected = options_.expected_forward;
    config.ceiling = kLargestTunnelMtu + facts_.overhead;
    forward_ = packets_.begin(MtuWay::forward);
    packets_.ask_service();
    forward_->announce(diagnosis::text("searching for the MTU towards {}", facts_.gateway));
    facts_.forward = forward_->search_sizes(config, until(forward_share()));
    forward_in_time_ = forward_->knows_sizes();
    facts_.round_trip = facts_.forward->round_trip;
  }

  /// Waits for what forward() has left in flight.
  void end_forward() {
    if (!forward_in_time_) return;
    facts_.forward = forward_->go_on(until(forward_share()));
  }

  /// Whether a full datagram passes that may be cut.
  void fragments() {
    path::MtuSearchConfig config = common();
    config.only_current = true;
    config.dont_fragment = false;
    config.proofs = path::kFewProofs;
    packets_.allow_fragments(true);
    const auto probing = packets_.begin(MtuWay::forward);
    probing->announce("checking whether fragments pass");
    const int share = options_.quick ? kQuickFragmentsShare : kFragmentsShare;
    facts_.fragments_pass = probing->search(config, until(share)).current_fits;
    packets_.allow_fragments(false);
  }

  /// Behind which hop larger datagrams are dropped. What reports them is a hop too.
  void find_drop() {
    const auto config = path::hop_search_for(*facts_.forward, facts_.round_trip);
    if (!config) return;
    facts_.drop = packets_.find_hop(*config, options_.end);
  }

  /// Where no size is answered: how far data gets that others do not send.
  void trace() { facts_.trace = packets_.trace(options_.end); }

  void backward() {
    await_service();
    const std::size_t largest = std::min<std::size_t>(facts_.tunnel_mtu, kLargestTunnelMtu);
    const bool is_able = service_ && service_->largest_answer >= largest + facts_.overhead;
    is_able ? by_answers() : by_replies();
  }

  [[nodiscard]] int forward_share() const {
    return options_.quick ? kQuickForwardShare : kForwardShare;
  }

  [[nodiscard]] int backward_share() const {
    return options_.quick ? kQuickBackwardShare : kBackwardShare;
  }

  [[nodiscard]] diagnosis::Text backward_text() const {
    return diagnosis::text("searching for the MTU of the reverse path from {}", facts_.gateway);
  }

  /// A service that is there answers as soon as echo does, so a stock peer that says nothing is not
  /// waited for any longer.
  void await_service() {
    const bool lossy = facts_.forward->controls_lost > 0;
    const Nanoseconds patience =
        lossy ? kServiceWhereLossy : std::max<Nanoseconds>(kService, 2 * *facts_.round_trip);
    service_ = packets_.await_service(std::min(options_.end, packets_.now() + patience));
  }

  /// Most ways back are as wide as the way there.
  [[nodiscard]] std::optional<std::size_t> expected_backward() const {
    if (options_.expected_backward || !facts_.forward->not_above) return options_.expected_backward;
    return facts_.forward->mtu;
  }

  /// Of any size, as the service pads its answers; above the setting too.
  void by_answers() {
    facts_.method = diagnosis::MtuBackward::answers;
    facts_.seen_as = service_->asker;
    path::MtuSearchConfig config = common();
    config.ceiling =
        std::min<std::size_t>(service_->largest_answer, kLargestTunnelMtu + facts_.overhead);
    config.until_current = options_.quick;
    config.repeats_at_once = true;
    config.expected = expected_backward();
    const auto probing = packets_.begin(MtuWay::answered);
    probing->announce(backward_text());
    facts_.backward = probing->search(config, until(backward_share()));
    facts_.largest_fragment = probing->largest_fragment();
  }

  /// The setting's size; where its replies do not arrive, what does, in steps of 16. Requests that
  /// are larger than what passes forward are cut inside the tunnel.
  [[nodiscard]] path::MtuSearchConfig replies_config() const {
    path::MtuSearchConfig config = common();
    config.step = wire::kPaddingMultiple;
    config.current = std::min<std::size_t>(config.current, kLargestTunnelMtu + facts_.overhead);
    config.ceiling = config.current;
    config.floor = std::min(smallest(), config.current);
    config.expected = expected_backward();
    config.until_current = options_.quick;
    config.repeats_at_once = true;
    config.proofs = proofs_by_replies(config);
    return config;
  }

  /// A reply that was never asked for proves nothing, and of a request in several pieces each one
  /// may be lost. So there are as many more as requests are lost, as far as small packets tell.
  [[nodiscard]] std::size_t proofs_by_replies(const path::MtuSearchConfig& config) const {
    const path::MtuResult& there = *facts_.forward;
    if (there.controls_lost == 0) return config.proofs;
    // Chosen: three more lost than were seen, as few controls may have been lucky.
    const double lost =
        static_cast<double>(there.controls_lost + 3) / static_cast<double>(there.controls + 3);
    const std::size_t pieces = 1 + (config.current - 1) / largest_request();
    const double arrive = std::pow(1 - lost, static_cast<double>(pieces));
    return static_cast<std::size_t>(static_cast<double>(config.proofs) /
                                    std::max(arrive, 1 / kMostMoreProofs));
  }

  /// Requests may be lost as well as replies, so what the forward search says of loss comes first.
  /// While nothing is lost, its last answers are waited for at the same time.
  void by_replies() {
    const path::MtuSearchConfig config = replies_config();
    begin_replies();
    facts_.backward = replies_->search_until_loss(config, until(backward_share()));
    end_forward();
    go_on_by_replies();
    if (loses_some(*facts_.backward) && !loses_some(*facts_.forward)) {
      forward_->doubt(packets_.now());
      facts_.forward = forward_->go_on(until(forward_share()));
      go_on_by_replies();
    }
    conclude_replies(config);
  }

  void begin_replies() {
    replies_.reset();
    replies_ = packets_.begin(MtuWay::backward);
    largest_request_ = largest_request();
    replies_->limit_requests(largest_request_);
    replies_->announce(backward_text());
  }

  /// Begins anew where it is known by now that requests of that size are lost at times.
  void go_on_by_replies() {
    const bool anew = largest_request() < largest_request_;
    if (anew) begin_replies();
    facts_.backward = anew ? replies_->search(replies_config(), until(backward_share()))
                           : replies_->go_on(until(backward_share()));
  }

  void conclude_replies(const path::MtuSearchConfig& config) {
    facts_.largest_fragment = replies_->largest_fragment();
    facts_.inner_fragments = replies_->inner_fragments();
    after_losses_ = replies_->fragments_after_losses();
    if (facts_.backward->not_above && !facts_.largest_fragment && !replies_->replies_were_sent())
      return limited_by_target();
    path::widen_to_step(*facts_.backward, config);
    if (facts_.largest_fragment)
      path::narrow_to_fragment(*facts_.backward, *facts_.largest_fragment, *facts_.forward->mtu);
  }

  static bool loses_some(const path::MtuResult& direction) {
    return direction.size_loss || direction.repeated_lost > 0;
  }

  /// Whether what the reverse path seems to lose may be requests: the forward path loses some packets,
  /// perhaps of their size too, or too few of their size were sent to tell.
  [[nodiscard]] bool may_lose_requests() const {
    if (!replies_ || !facts_.backward || !loses_some(*facts_.backward)) return false;
    const path::MtuResult& there = *facts_.forward;
    if (there.size_loss && there.size_loss->below >= largest_request_) return false;
    const bool lost = std::ranges::any_of(there.trials, [&](const path::MtuTrial& tried) {
      return tried.size <= *there.mtu && tried.answered < tried.sent;
    });
    return lost || (largest_request_ > outer_floor() && there.repeated < path::kProofs);
  }

  /// Requests are to arrive always, so that what is lost are replies. Of which size on they are lost
  /// at times is not known well.
  [[nodiscard]] std::size_t largest_request() const {
    const path::MtuResult& there = *facts_.forward;
    // Where small ones are lost as well, more pieces would only be lost more often.
    const bool large_ones_only = there.repeated_lost > 0 && !there.lossy;
    const bool unsure = !forward_in_time_ && !there.lossy;
    // Below a limit too few packets were sent to tell whether those of its size always pass.
    const bool narrow = *there.mtu < facts_.tunnel_mtu + facts_.overhead && !there.lossy;
    const bool limited = there.size_loss || large_ones_only || unsure || narrow;
    return limited ? std::min(outer_floor(), *there.mtu) : *there.mtu;
  }

  /// The gateway sent nothing larger, so what the path takes is not known.
  void limited_by_target() {
    const path::MtuResult& back = *facts_.backward;
    if (back.mtu) facts_.replies_end = *back.mtu - facts_.overhead;
    path::forget_limit(*facts_.backward);
  }

  [[nodiscard]] path::MtuSearchConfig common() const {
    path::MtuSearchConfig config;
    config.current = facts_.tunnel_mtu + facts_.overhead;
    config.floor = outer_floor();
    config.round_trip = facts_.round_trip;
    config.proofs = path::kProofs;
    config.large_batches = options_.quick;
    config.repeats = path::kRepeats;
    return config;
  }

  [[nodiscard]] std::size_t outer_floor() const {
    return facts_.gateway.address.family == Family::v4 ? path::kSmallestIpv4 : path::kSmallestIpv6;
  }

  /// Of the sizes that replies can have: multiples of 16 inside. A path that takes hardly more than
  /// outer_floor() takes the multiple below.
  [[nodiscard]] std::size_t smallest() const {
    const std::size_t inner = outer_floor() - facts_.overhead;
    return inner - inner % wire::kPaddingMultiple + facts_.overhead;
  }

  /// When a phase ends that may take this share of the time that is left, in percent.
  [[nodiscard]] Instant until(int share) const {
    const Instant now = packets_.now();
    return now + (options_.end - now) * share / 100;
  }

  MtuPackets& packets_;
  const MtuCourseOptions& options_;
  diagnosis::MtuFacts& facts_;
  std::unique_ptr<MtuSearching> forward_;
  bool forward_in_time_ = false;  ///< it knew all sizes before its time was over
  std::unique_ptr<MtuSearching> replies_;
  std::size_t largest_request_ = 0;  ///< of `replies_`
  std::optional<wire::MeasuringAnswer> service_;
  std::optional<bool> after_losses_;  ///< what run_mtu_course() returns
};

}  // namespace

path::MtuResult MtuSearching::search(const path::MtuSearchConfig& config, Instant deadline) {
  search_.emplace(config);
  return run(Until::done, deadline);
}

path::MtuResult MtuSearching::search_sizes(const path::MtuSearchConfig& config, Instant deadline) {
  search_.emplace(config);
  return run(Until::sizes, deadline);
}

path::MtuResult MtuSearching::search_until_loss(const path::MtuSearchConfig& config,
                                                Instant deadline) {
  search_.emplace(config);
  return run(Until::loss, deadline);
}

path::MtuResult MtuSearching::go_on(Instant deadline) { return run(Until::done, deadline); }

path::MtuResult MtuSearching::run(Until until, Instant deadline) {
  until_ = until;
  drive(deadline);
  return search_->result();
}

bool MtuSearching::is_over() const {
  if (search_->done()) return true;
  if (until_ == Until::sizes) return search_->knows_sizes();
  return until_ == Until::loss && search_->has_losses();
}

std::optional<bool> run_mtu_course(MtuPackets& packets, const MtuCourseOptions& options,
                                   diagnosis::MtuFacts& facts) {
  return MtuCourse(packets, options, facts).run();
}

}  // namespace wgscope::checks
