#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "wgscope/base/time.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/path/mtu_search.hpp"

// The search for the hop of a path that drops packets of one size and forwards slightly smaller
// ones. No sockets, no clock. Source of the method: M. Luckie, K. Cho, B. Owens, "Inferring and
// Debugging Path MTU Discovery Failures", IMC 2005. Probes are those of traceroute, which routers
// answer with "time exceeded" (RFC 792, RFC 4443).

namespace wgscope::path {

struct HopSearchConfig {
  /// Bytes of a whole packet that is proven to arrive at the far end.
  std::size_t passing_size = 0;
  /// Bytes of a whole packet that is proven not to.
  std::size_t failing_size = 0;
  std::uint8_t most_hops = 30;
  std::optional<Nanoseconds> round_trip;  ///< to the far end and back; nothing: unknown
  std::size_t controls = 0;  ///< packets sent by earlier measurements that should have passed
  /// How many of these were lost, so for reasons other than their size.
  std::size_t controls_lost = 0;
  /// The search ends after this many probes. Chosen: without loss, 30 silent hops take 150 probes,
  /// and the hop that drops takes 14.
  std::size_t most_probes = 200;
};

/// The configuration of a search for the hop that limits the MTU which was found. @returns nothing
/// where `found` has no exact limit to look for.
std::optional<HopSearchConfig> hop_search_for(const MtuResult& found,
                                              std::optional<Nanoseconds> round_trip);

struct HopProbe {
  std::uint32_t id = 0;
  std::size_t size = 0;  ///< HopSearchConfig::passing_size or ::failing_size
  std::uint8_t hop_limit = 1;
};

/// A place on the path, counted from this host.
struct PathHop {
  std::uint8_t number = 0;  ///< routers from this host to here, this one included; 0: this host
  std::optional<IpAddress> address;  ///< source of its ICMP errors; nothing: it sent none
  bool is_end = false;               ///< this hop is the far end, not a router
  bool small_seen = false;  ///< a packet of HopSearchConfig::passing_size bytes reached this hop
  bool large_seen = false;  ///< a packet of HopSearchConfig::failing_size bytes reached this hop

  friend bool operator==(const PathHop&, const PathHop&) = default;
};

struct HopSearchResult {
  /// The last hop that the large size came to, and the first hop beyond it that only the small size
  /// came to: packets are dropped behind `last` and not behind `first`. Hops between them, if there
  /// are any, are silent. Nothing: unknown.
  std::optional<PathHop> last;
  std::optional<PathHop> first;
  bool reported = false;       ///< `last` has sent ICMP "too big" about the large size
  bool path_changed = false;   ///< the path is no longer as it was, so the rest is unknown
  bool large_arrived = false;  ///< a packet of the large size arrived at the far end after all
  std::vector<PathHop> hops;   ///< all hops that were probed, from number 1 on
  std::size_t probes = 0;      ///< how many packets were sent
};

/// Sends pairs of a large and a small packet whose life ends at the same router, which answers
/// those that came to it. It goes on hop after hop while the large ones are answered. At the first
/// hop that answers only the small one it sends more pairs, until chance would lose the large ones
/// less often than once in a million times; then the silent hops before it are asked once more, and
/// it is made certain that large packets still come as far, and not to the far end. One
/// probe is under way at a time, so that the sender of an answer is enough to tell which probe it
/// is about: most routers quote nothing of the payload.
///
/// Routers ration such answers (Linux: 6 at once, then one a second to each host; others have no
/// reserve at all), which must not look like a drop because of size. So a pause before each large
/// packet is as long as a pause before a small packet that was answered, and both begin with an
/// answer of that hop.
///
/// It is used as MtuSearch is. Without loss it takes one probe for each hop that answers large
/// ones, 36 at the boundary and 5 for each silent hop.
class HopSearch {
 public:
  /// Needs passes < fails.
  explicit HopSearch(const HopSearchConfig& config);

  /// What is to be sent now; call until there is nothing, after each handle_…() and
  /// at the beginning.
  std::optional<HopProbe> poll_probe(Instant now);

  /// "Time exceeded" came. @param id  of the probe, where the quote tells it. Nothing: it is taken
  /// for the probe under way, unless the sender is known to be another hop.
  void handle_exceeded(Instant now, std::optional<std::uint32_t> id, const IpAddress& from);
  /// The far end answered. @param id  likewise.
  void handle_arrived(Instant now, std::optional<std::uint32_t> id);
  /// ICMP "too big" came about a probe. It may be untrue, so an answer to the probe is waited for
  /// all the same. @param id likewise.
  void handle_too_big(std::optional<std::uint32_t> id, const IpAddress& from);
  void handle_timeout(Instant now);
  /// When to call handle_timeout(). Nothing: the search is done, or poll_probe() has something.
  [[nodiscard]] std::optional<Instant> next_timeout() const;

  [[nodiscard]] bool done() const { return done_; }
  [[nodiscard]] HopSearchResult result() const;

 private:
  enum class Phase : std::uint8_t { scan, confirm, narrow, prove };
  enum class Fate : std::uint8_t { flying, seen, lost };

  struct Hop {
    std::optional<IpAddress> address;
    bool is_end = false;
    std::size_t arrivals = 0;  ///< answers of the far end to probes of this hop limit
    bool unusable = false;  ///< the hop answers too seldom to show whether large packets reach it
    /// Who sent "too big" about a large packet of this hop limit.
    std::optional<IpAddress> reporter;
    std::size_t large_sent = 0;
    /// Large packets answered; 0 again once those answers are not believed.
    std::size_t large_seen = 0;
    /// Large packets answered, whether the answers are believed or not.
    std::size_t sightings = 0;
    std::size_t small_seen = 0;
    std::size_t small_lost = 0;
    std::size_t lost_in_row = 0;  ///< small packets in a row that got no answer
    std::size_t lost_again = 0;   ///< large packets that were lost after one was answered
    /// Large packets lost although the small packet after each was answered.
    std::size_t losses = 0;
    /// A large packet was lost, so a small one must follow as its control.
    bool owes_small = false;
    /// The hop answered a small packet after as short a pause as large ones had.
    bool answers_at_pace = false;
    /// As `answers_at_pace`, and after all losses that are needed had been seen.
    bool answered_at_pace = false;
    /// Small packets in a row that the hop did not answer at this pace.
    std::size_t off_pace = 0;
    std::optional<Instant> answered;   ///< when the hop's last answer came in
    std::optional<Instant> untrusted;  ///< until then an answer may belong to an earlier packet
  };

  struct Shot {
    std::uint8_t hop = 0;
    /// The packet has HopSearchConfig::failing_size bytes; else ::passing_size.
    bool large = false;
    Fate fate = Fate::flying;
    Instant sent;
    Nanoseconds pause{};  ///< time between the hop's last answer and this packet
    bool proves = false;  ///< sent in Phase::prove
  };

  /// What became of packets that Phase::prove sent to one hop.
  struct Recheck {
    bool large_seen = false;
    bool owes_small = false;  ///< a large packet was lost, so a small one follows
    std::size_t lost = 0;     ///< large packets lost, where the small one behind was answered
    std::size_t asked = 0;    ///< packets sent
  };

  struct Proof {
    Recheck last;
    Recheck first;
    bool done = false;  ///< the place is certain
  };

  /// The next probe.
  struct Step {
    std::uint8_t hop;
    bool large;
    Instant at;  ///< when to send the probe at the earliest
  };

  Hop& hop(std::uint8_t number) { return hops_[number]; }
  [[nodiscard]] const Hop& hop(std::uint8_t number) const { return hops_[number]; }
  [[nodiscard]] std::optional<std::uint32_t> match(std::optional<std::uint32_t> id,
                                                   const IpAddress* from) const;
  void settle_seen(Instant now, std::uint32_t id, const IpAddress* from);
  void settle_lost(Instant now, std::uint32_t id);
  void settle_small_seen(const Shot& shot, Hop& seen, bool late);
  void settle_small_lost(const Shot& shot, Hop& asked);
  void decide(Instant now);
  void scan(Instant now);
  void confirm(Instant now);
  void narrow(Instant now);
  void verify(Instant now);
  void prove(Instant now);
  void settle_proof(const Shot& shot, bool seen);
  void forget_losses();
  void give_up(bool path_changed);
  void leave_candidate();
  void look_again();
  void ask(std::uint8_t number, bool large, Instant now);
  [[nodiscard]] std::uint8_t furthest_seen() const;
  [[nodiscard]] bool is_certain(const Hop& hop) const;
  [[nodiscard]] bool may_be_end(const Hop& hop) const;
  [[nodiscard]] bool is_doubtful(const Hop& hop) const;
  [[nodiscard]] std::size_t losses_needed() const;
  [[nodiscard]] std::size_t losses_beyond(double chance) const;
  [[nodiscard]] Nanoseconds patience() const;
  [[nodiscard]] Nanoseconds patience_for(const Shot& shot) const;
  [[nodiscard]] Nanoseconds pause() const;
  /// A hop limit that lets packets come to the far end.
  [[nodiscard]] std::uint8_t far_end() const {
    return static_cast<std::uint8_t>(config_.most_hops + 1);
  }
  [[nodiscard]] PathHop told(std::uint8_t number) const;

  HopSearchConfig config_;
  std::vector<Hop> hops_;  ///< the hop at index N is N routers away
  std::vector<Shot> shots_;
  std::optional<Step> step_;
  std::optional<std::uint32_t> flying_;
  Phase phase_ = Phase::scan;
  std::uint8_t at_ = 1;                ///< the hop that Phase::scan probes now
  std::uint8_t candidate_ = 0;         ///< the hop that Phase::confirm probes now
  bool looked_beyond_ = false;         ///< Phase::confirm has asked the hop behind `candidate_`
  std::uint8_t last_ = 0;              ///< number of PathHop `last` in the result
  std::optional<std::uint8_t> first_;  ///< number of PathHop `first` in the result
  Nanoseconds longest_{};              ///< the longest round trip of any probe so far
  Nanoseconds stretch_{};  ///< what is added to each pause, for routers that answer seldom
  Proof proof_;
  bool arrivals_identified_ = false;  ///< answers of the far end tell their probe
  bool identified_ = false;           ///< the answers of this path quote enough to tell their probe
  std::optional<Instant> lost_;       ///< when the last probe that got no answer was sent
  bool path_changed_ = false;
  bool large_arrived_ = false;
  bool done_ = false;
};

}  // namespace wgscope::path
