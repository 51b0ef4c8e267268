#include "wgscope/checks/mtu.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>

#include "wgscope/base/time.hpp"
#include "wgscope/checks/run.hpp"
#include "wgscope/checks/session.hpp"
#include "wgscope/checks/target.hpp"
#include "wgscope/crypto/random.hpp"
#include "wgscope/diagnosis/mtu.hpp"
#include "wgscope/diagnosis/text.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/os/clock.hpp"
#include "wgscope/os/dont_fragment.hpp"
#include "wgscope/os/udp_socket.hpp"
#include "wgscope/path/hop_search.hpp"
#include "wgscope/path/mtu_replies.hpp"
#include "wgscope/path/mtu_search.hpp"
#include "wgscope/wire/message.hpp"

#include "checks/handshake/data_trace.hpp"
#include "checks/handshake/silence.hpp"
#include "hop_probing.hpp"
#include "mtu_probing.hpp"
#include "mtu_service.hpp"
#include "mtu_tcp.hpp"

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
constexpr int kBackwardShare = 60;
/// Chosen: an answer of a measuring service is waited for so long at least after the forward
/// search, and longer where packets are lost.
constexpr Nanoseconds kService = 100ms;
constexpr Nanoseconds kServiceWhereLossy = 1s;

class MtuSearches {
 public:
  /// @param target  inside. All outlive the searches.
  MtuSearches(Run& run, Session& session, const IpAddress& target, const MtuOptions& options)
      : run_(run),
        session_(session),
        target_(target),
        options_(options),
        deadline_(options.deadline.value_or(os::boot_now() + kMtuMost)),
        service_(session, target) {}

  /// When everything ends that is asked.
  [[nodiscard]] Instant deadline() const { return deadline_; }

  /// DF is in the headers of IPv4 only, and read where that is permitted.
  void read_headers() {
    const IpAddress& gateway = session_.gateway().address;
    if (gateway.family != Family::v4) return;
    auto tap = os::DontFragmentTap::open(gateway, session_.endpoint().listen_port());
    if (tap) tap_.emplace(std::move(*tap));
  }

  /// Datagrams with DF tell that it is set, also beside some that the gateway has cut itself.
  void conclude_cutting(diagnosis::MtuFacts& facts) {
    if (session_.gateway().address.family != Family::v4) return;
    if (tap_) {
      const auto seen = tap_->read();
      // Our own endpoint sets it for answers of its service alone.
      const bool set = service_.first() ? seen.clear == 0 : seen.set > 0;
      if (seen.set + seen.clear > 0) facts.cutting = {.dont_fragment = set, .read = true};
    } else if (after_losses_ && facts.forward->controls_lost + facts.backward->controls_lost == 0) {
      facts.cutting = {.dont_fragment = *after_losses_, .read = false};
    }
  }

  void forward(diagnosis::MtuFacts& facts) {
    path::MtuSearchConfig config = common(facts);
    config.until_current = options_.quick;
    config.expected = options_.expected_forward;
    config.ceiling = kLargestTunnelMtu + facts.overhead;
    forward_.emplace(run_, session_, target_, MtuWay::forward, service_);
    service_.ask(os::boot_now());
    forward_->announce(diagnosis::text("searching for the MTU towards {}", session_.gateway()));
    facts.forward = forward_->search_sizes(config, until(forward_share()));
    facts.round_trip = facts.forward->round_trip;
  }

  /// Waits for what forward() has left in flight.
  void end_forward(diagnosis::MtuFacts& facts) {
    if (!forward_->knows_sizes()) return;  // its time was over
    facts.forward = forward_->go_on(until(forward_share()));
  }

  /// Whether a full datagram passes that may be cut.
  void fragments(diagnosis::MtuFacts& facts) {
    path::MtuSearchConfig config = common(facts);
    config.only_current = true;
    config.dont_fragment = false;
    config.proofs = path::kFewProofs;
    static_cast<void>(session_.endpoint().set_fragmentation(os::Fragmentation::allow));
    MtuProbing probing(run_, session_, target_, MtuWay::forward, service_);
    probing.announce("checking whether fragments pass");
    facts.fragments_pass = probing.search(config, until(kFragmentsShare)).current_fits;
    static_cast<void>(session_.endpoint().set_fragmentation(os::Fragmentation::probe));
  }

  /// Behind which hop larger datagrams are dropped. What reports them is a hop too.
  void find_drop(diagnosis::MtuFacts& facts) {
    const auto config = path::hop_search_for(*facts.forward, facts.round_trip);
    if (!config) return;
    run_.say(diagnosis::text("looking for the hop towards {} that drops large packets",
                             session_.gateway()));
    facts.drop = HopProbing(run_, session_, target_).search(*config, deadline_);
  }

  /// Where no size is answered: how far data gets that others do not send.
  void trace(diagnosis::MtuFacts& facts, std::optional<std::uint32_t> mark) {
    crypto::SystemRandom random;
    const auto around = SilenceProbe::start(run_, random, session_.gateway(), mark);
    if (!around) return;
    run_.say(diagnosis::text("looking how far data to {} gets", session_.gateway()));
    if (!run_.wait([&] { return (*around)->done(); }, deadline_) || run_.interrupted()) return;
    facts.trace =
        trace_data(run_, session_, (*around)->facts(), {.mark = mark, .deadline = deadline_});
  }

  void backward(diagnosis::MtuFacts& facts) {
    await_service(facts);
    const auto& service = service_.first();
    const std::size_t largest = std::min<std::size_t>(facts.tunnel_mtu, kLargestTunnelMtu);
    const bool is_able = service && service->largest_answer >= largest + facts.overhead;
    is_able ? by_answers(facts) : by_replies(facts);
  }

 private:
  [[nodiscard]] int forward_share() const {
    return options_.quick ? kQuickForwardShare : kForwardShare;
  }

  [[nodiscard]] diagnosis::Text backward_text() const {
    return diagnosis::text("searching for the MTU of the reverse path from {}", session_.gateway());
  }

  /// A service that is there answers as soon as echo does, so a stock peer that says nothing is not
  /// waited for any longer.
  void await_service(const diagnosis::MtuFacts& facts) {
    const bool lossy = facts.forward->controls_lost > 0;
    const Nanoseconds patience =
        lossy ? kServiceWhereLossy : std::max<Nanoseconds>(kService, 2 * *facts.round_trip);
    run_.wait_at_most([&] { return service_.settled(); },
                      std::min(deadline_, os::boot_now() + patience));
  }

  /// Of any size, as the service pads its answers; above the setting too.
  void by_answers(diagnosis::MtuFacts& facts) {
    facts.method = diagnosis::MtuBackward::answers;
    facts.seen_as = service_.first()->asker;
    path::MtuSearchConfig config = common(facts);
    config.ceiling =
        std::min<std::size_t>(service_.first()->largest_answer, kLargestTunnelMtu + facts.overhead);
    config.until_current = options_.quick;
    config.repeats_at_once = true;
    config.expected = options_.expected_backward;
    // Most ways back are as wide as the way there.
    if (!config.expected && facts.forward->not_above) config.expected = facts.forward->mtu;
    MtuProbing probing(run_, session_, target_, MtuWay::answered, service_);
    probing.announce(backward_text());
    facts.backward = probing.search(config, until(kBackwardShare));
    facts.largest_fragment = probing.largest_fragment();
  }

  /// The setting's size; where its replies do not arrive, what does, in steps of 16. Requests that
  /// are larger than what passes forward are cut inside the tunnel.
  [[nodiscard]] path::MtuSearchConfig replies_config(const diagnosis::MtuFacts& facts) const {
    path::MtuSearchConfig config = common(facts);
    config.step = wire::kPaddingMultiple;
    config.current = std::min<std::size_t>(config.current, kLargestTunnelMtu + facts.overhead);
    config.ceiling = config.current;
    config.floor = std::min(smallest(facts), config.current);
    config.expected = options_.expected_backward;
    config.until_current = options_.quick;
    config.repeats_at_once = true;
    return config;
  }

  /// Requests may be lost as well as replies, so what the forward search says of loss comes first.
  /// While nothing is lost, its last answers are waited for at the same time.
  void by_replies(diagnosis::MtuFacts& facts) {
    const path::MtuSearchConfig config = replies_config(facts);
    begin_replies(facts);
    facts.backward = replies_->search_until_loss(config, until(kBackwardShare));
    end_forward(facts);
    go_on_by_replies(facts, config);
    if (loses_some(*facts.backward) && !loses_some(*facts.forward)) {
      forward_->doubt();
      end_forward(facts);
      go_on_by_replies(facts, config);
    }
    conclude_replies(facts, config);
  }

  void begin_replies(const diagnosis::MtuFacts& facts) {
    replies_.emplace(run_, session_, target_, MtuWay::backward, service_);
    largest_request_ = largest_request(facts);
    replies_->limit_requests(largest_request_);
    replies_->announce(backward_text());
  }

  /// Begins anew where it is known by now that requests of that size are lost at times.
  void go_on_by_replies(diagnosis::MtuFacts& facts, const path::MtuSearchConfig& config) {
    const bool anew = largest_request(facts) < largest_request_;
    if (anew) begin_replies(facts);
    facts.backward = anew ? replies_->search(config, until(kBackwardShare))
                          : replies_->go_on(until(kBackwardShare));
  }

  void conclude_replies(diagnosis::MtuFacts& facts, const path::MtuSearchConfig& config) {
    facts.largest_fragment = replies_->largest_fragment();
    facts.inner_fragments = replies_->inner_fragments();
    after_losses_ = replies_->fragments_after_losses();
    if (facts.backward->not_above && !facts.largest_fragment && !replies_->replies_were_sent())
      return limited_by_target(facts);
    path::widen_to_step(*facts.backward, config);
    if (facts.largest_fragment)
      path::narrow_to_fragment(*facts.backward, *facts.largest_fragment, *facts.forward->mtu);
  }

  static bool loses_some(const path::MtuResult& direction) {
    return direction.size_loss || direction.repeated_lost > 0;
  }

  /// Requests are to arrive always.
  [[nodiscard]] std::size_t largest_request(const diagnosis::MtuFacts& facts) const {
    if (!facts.forward->size_loss) return *facts.forward->mtu;
    return std::max(facts.forward->size_loss->below, outer_floor());
  }

  /// The gateway sent nothing larger, so what the path takes is not known.
  static void limited_by_target(diagnosis::MtuFacts& facts) {
    const path::MtuResult& back = *facts.backward;
    if (back.mtu) facts.replies_end = *back.mtu - facts.overhead;
    path::forget_limit(*facts.backward);
  }

  [[nodiscard]] path::MtuSearchConfig common(const diagnosis::MtuFacts& facts) const {
    path::MtuSearchConfig config;
    config.current = facts.tunnel_mtu + facts.overhead;
    config.floor = outer_floor();
    config.round_trip = facts.round_trip;
    config.proofs = options_.quick ? path::kFewProofs : path::kProofs;
    config.repeats = path::kRepeats;
    return config;
  }

  [[nodiscard]] std::size_t outer_floor() const {
    return session_.gateway().address.family == Family::v4 ? path::kSmallestIpv4
                                                           : path::kSmallestIpv6;
  }

  /// Of the sizes that replies can have: multiples of 16 inside. A path that takes hardly more than
  /// outer_floor() takes the multiple below.
  [[nodiscard]] std::size_t smallest(const diagnosis::MtuFacts& facts) const {
    const std::size_t inner = outer_floor() - facts.overhead;
    return inner - inner % wire::kPaddingMultiple + facts.overhead;
  }

  /// When a phase ends that may take this share of the time that is left, in percent.
  [[nodiscard]] Instant until(int share) const {
    const Instant now = os::boot_now();
    return now + (deadline_ - now) * share / 100;
  }

  Run& run_;
  Session& session_;
  IpAddress target_;
  const MtuOptions& options_;
  Instant deadline_;
  MtuService service_;
  std::optional<MtuProbing> forward_;
  std::optional<MtuProbing> replies_;
  std::size_t largest_request_ = 0;  ///< of `replies_`
  std::optional<os::DontFragmentTap> tap_;
  std::optional<bool> after_losses_;  ///< MtuProbing::fragments_after_losses()
};

}  // namespace

diagnosis::MtuFacts mtu(Run& run, Session& session, const Target& target,
                        const MtuOptions& options) {
  diagnosis::MtuFacts facts;
  facts.gateway = session.gateway();
  facts.local_port = session.endpoint().listen_port();
  facts.tunnel_mtu = target.mtu;
  facts.overhead = tunnel_overhead(session.gateway().address.family);
  facts.ipv6_inside = std::ranges::any_of(
      target.addresses, [](const Prefix& address) { return address.address.family == Family::v6; });
  facts.target_guessed = !options.target;
  facts.target = options.target ? options.target : guess_inner_target(target);
  if (!facts.target || !session.host().source_for(*facts.target)) return facts;
  static_cast<void>(session.endpoint().set_fragmentation(os::Fragmentation::probe));
  MtuSearches searches(run, session, *facts.target, options);
  if (options.read_headers) searches.read_headers();
  searches.forward(facts);
  const std::size_t full = facts.tunnel_mtu + facts.overhead;
  if (facts.forward->mtu < full) searches.end_forward(facts);
  // What passes at times is no matter of fragments or of a hop.
  const bool fits = facts.forward->mtu >= full || facts.forward->size_loss.has_value();
  if (facts.forward->mtu && !fits && !run.interrupted()) searches.fragments(facts);
  if (facts.forward->mtu && !run.interrupted()) searches.backward(facts);
  searches.end_forward(facts);
  if (facts.forward->mtu && !fits && !options.quick && !run.interrupted())
    searches.find_drop(facts);
  const bool mute = !facts.forward->mtu && facts.forward->controls <= facts.forward->controls_lost;
  if (mute && !options.quick && !run.interrupted())
    searches.trace(facts, session.mark_refused() ? std::nullopt : target.fwmark);
  searches.conclude_cutting(facts);
  if (options.tcp_port && !run.interrupted())
    facts.tcp =
        ask_mss(run, session, {options.tcp_address.value_or(*facts.target), 0, *options.tcp_port},
                searches.deadline());
  facts.interrupted = run.interrupted();
  return facts;
}

}  // namespace wgscope::checks
