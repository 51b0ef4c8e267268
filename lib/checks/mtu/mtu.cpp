#include "wgscope/checks/mtu.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <optional>
#include <utility>

#include "wgscope/base/time.hpp"
#include "wgscope/checks/run.hpp"
#include "wgscope/checks/session.hpp"
#include "wgscope/checks/target.hpp"
#include "wgscope/diagnosis/mtu.hpp"
#include "wgscope/diagnosis/text.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/os/clock.hpp"
#include "wgscope/os/dont_fragment.hpp"
#include "wgscope/os/udp_socket.hpp"
#include "wgscope/path/hop_search.hpp"
#include "wgscope/path/mtu_search.hpp"
#include "wgscope/wire/message.hpp"

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

/// Chosen: more than any search takes.
constexpr Nanoseconds kLong = 5min;
/// Chosen: an answer of a measuring service is waited for so long at least after the forward
/// search, and longer where packets are lost.
constexpr Nanoseconds kService = 100ms;
constexpr Nanoseconds kServiceWhereLossy = 1s;
/// IPv4 cuts at multiples of 8 bytes (RFC 791 §3.1), IPv6 likewise (RFC 8200 §4.5).
constexpr std::size_t kFragmentUnit = 8;

class MtuSearches {
 public:
  /// @param target  inside. All outlive the searches.
  MtuSearches(Run& run, Session& session, const IpAddress& target, const MtuOptions& options)
      : run_(run),
        session_(session),
        target_(target),
        options_(options),
        deadline_(options.deadline.value_or(os::boot_now() + kLong)),
        service_(session, target) {}

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
    run_.say(diagnosis::text("searching for the MTU towards {}", session_.gateway()));
    path::MtuSearchConfig config = common(facts);
    config.until_current = options_.quick;
    config.expected = options_.expected_forward;
    config.ceiling = kLargestTunnelMtu + facts.overhead;
    MtuProbing probing(run_, session_, target_, MtuWay::forward, service_);
    service_.ask(os::boot_now());
    facts.forward = probing.search(config, deadline_);
    facts.round_trip = facts.forward->round_trip;
  }

  /// Whether a full datagram passes that may be cut.
  void fragments(diagnosis::MtuFacts& facts) {
    run_.say("checking whether fragments pass");
    path::MtuSearchConfig config = common(facts);
    config.only_current = true;
    config.dont_fragment = false;
    static_cast<void>(session_.endpoint().set_fragmentation(os::Fragmentation::allow));
    MtuProbing probing(run_, session_, target_, MtuWay::forward, service_);
    facts.fragments_pass = probing.search(config, deadline_).current_fits;
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

  void backward(diagnosis::MtuFacts& facts) {
    run_.say(
        diagnosis::text("searching for the MTU of the reverse path from {}", session_.gateway()));
    await_service(facts);
    const auto& service = service_.first();
    const bool is_able = service && service->largest_answer >= facts.tunnel_mtu + facts.overhead;
    is_able ? by_answers(facts) : by_replies(facts);
  }

 private:
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
    config.expected = options_.expected_backward;
    // Most ways back are as wide as the way there.
    if (!config.expected && facts.forward->not_above) config.expected = facts.forward->mtu;
    MtuProbing probing(run_, session_, target_, MtuWay::answered, service_);
    facts.backward = probing.search(config, deadline_);
    facts.largest_fragment = probing.largest_fragment();
  }

  /// The setting's size, or the largest of which requests arrive; where its replies do not, what
  /// does, in steps of 16.
  void by_replies(diagnosis::MtuFacts& facts) {
    const std::size_t full = facts.tunnel_mtu + facts.overhead;
    path::MtuSearchConfig config = common(facts);
    config.floor = smallest(facts);
    if (*facts.forward->mtu <= config.floor) return;
    // Below the setting, a size between two steps would be padded beyond what is known to pass.
    const bool forward_fits = *facts.forward->mtu >= full;
    const std::size_t most = forward_fits ? full : step_below(config.floor, *facts.forward->mtu);
    config.current = most;
    config.step = wire::kPaddingMultiple;
    config.ceiling = most;
    config.expected = options_.expected_backward;
    config.until_current = options_.quick;
    MtuProbing probing(run_, session_, target_, MtuWay::backward, service_);
    facts.backward = probing.search(config, deadline_);
    facts.largest_fragment = probing.largest_fragment();
    facts.inner_fragments = probing.inner_fragments();
    after_losses_ = probing.fragments_after_losses();
    widen(facts, config);
    narrow(facts);
  }

  [[nodiscard]] path::MtuSearchConfig common(const diagnosis::MtuFacts& facts) const {
    path::MtuSearchConfig config;
    config.current = facts.tunnel_mtu + facts.overhead;
    config.floor = outer_floor();
    config.round_trip = facts.round_trip;
    return config;
  }

  [[nodiscard]] std::size_t outer_floor() const {
    return session_.gateway().address.family == Family::v4 ? path::kSmallestIpv4
                                                           : path::kSmallestIpv6;
  }

  /// Of the sizes that replies can have: multiples of 16 inside.
  [[nodiscard]] std::size_t smallest(const diagnosis::MtuFacts& facts) const {
    const std::size_t inner = outer_floor() - facts.overhead;
    const std::size_t unit = wire::kPaddingMultiple;
    return (inner + unit - 1) / unit * unit + facts.overhead;
  }

  static std::size_t step_below(std::size_t floor, std::size_t size) {
    return size - (size - floor) % wire::kPaddingMultiple;
  }

  /// A reply of the largest size may have been padded to the next step above.
  static void widen(diagnosis::MtuFacts& facts, const path::MtuSearchConfig& config) {
    path::MtuResult& back = *facts.backward;
    if (!back.not_above || *back.not_above + 1 != config.ceiling) return;
    const std::size_t step = step_below(config.floor, config.ceiling);
    if (step != config.ceiling) back.not_above = step + wire::kPaddingMultiple - 1;
  }

  /// A fragment tells the link that made it, nearly.
  static void narrow(diagnosis::MtuFacts& facts) {
    path::MtuResult& back = *facts.backward;
    if (!facts.largest_fragment || !back.not_above) return;
    back.mtu = std::max(back.mtu.value_or(0), *facts.largest_fragment);
    back.not_above = std::min(*back.not_above, *facts.largest_fragment + kFragmentUnit - 1);
  }

  Run& run_;
  Session& session_;
  IpAddress target_;
  const MtuOptions& options_;
  Instant deadline_;
  MtuService service_;
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
  const bool fits = facts.forward->mtu >= facts.tunnel_mtu + facts.overhead;
  if (facts.forward->mtu && !fits && !run.interrupted()) searches.fragments(facts);
  if (facts.forward->mtu && !run.interrupted()) searches.backward(facts);
  if (facts.forward->mtu && !fits && !options.quick && !run.interrupted())
    searches.find_drop(facts);
  searches.conclude_cutting(facts);
  if (options.tcp_port && !run.interrupted())
    facts.tcp =
        ask_mss(run, session, {options.tcp_address.value_or(*facts.target), 0, *options.tcp_port},
                options.deadline.value_or(os::boot_now() + kLong));
  facts.interrupted = run.interrupted();
  return facts;
}

}  // namespace wgscope::checks
