#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "wgscope/base/time.hpp"
#include "wgscope/model/address.hpp"

// Where on a path packets of one size are dropped and slightly smaller ones are not. No sockets, no
// clock. Source of the method: M. Luckie, K. Cho, B. Owens, "Inferring and Debugging Path MTU
// Discovery Failures", IMC 2005; the probes are traceroute's (RFC 792, RFC 4443: time exceeded).

namespace wgscope::path {

struct HopSearchConfig {
  std::size_t passes = 0;  ///< bytes of a whole packet that arrives at the far end …
  std::size_t fails = 0;   ///< … and of one that does not, as is proven already
  std::uint8_t most_hops = 30;
  std::optional<Nanoseconds> round_trip;  ///< to the far end, where it is known
  // What is known of loss that has nothing to do with size.
  std::size_t controls = 0;
  std::size_t controls_lost = 0;
  std::size_t most_probes = 200;
};

struct HopProbe {
  std::uint32_t id = 0;
  std::size_t size = 0;  ///< one of the two
  std::uint8_t hop_limit = 1;
};

/// A place on the path, counted from this host.
struct PathHop {
  std::uint8_t number = 0;           ///< 0: this host
  std::optional<IpAddress> address;  ///< as it signs its ICMP errors; nothing: it says nothing
  bool is_end = false;               ///< the far end
  bool small_seen = false;           ///< the size that passes came here
  bool large_seen = false;           ///< the size that does not came here

  friend bool operator==(const PathHop&, const PathHop&) = default;
};

struct HopSearchResult {
  /// The last place where the large size came, and the first one beyond it where only the small one
  /// did: it is dropped behind `last` and not behind `first`. What lies between them, if anything,
  /// says nothing. Nothing: not told.
  std::optional<PathHop> last;
  std::optional<PathHop> first;
  bool reported = false;      ///< ICMP "too big" came about the large size, from `last`
  bool path_changed = false;  ///< the large size arrived at the far end: nothing is told
  std::vector<PathHop> hops;  ///< that were looked at, from 1 on
  std::size_t probes = 0;     ///< that were sent
};

/// Pairs of a large and a small packet whose life ends at the same router, which says so about what
/// came to it. Hop after hop while the large ones are seen; then pairs at the first hop that saw
/// only the small one, until losing the large ones by chance is less likely than one in 100 000;
/// then the silent hops before it once more. One probe is under way at a time, so that answers need
/// no more than their sender to be told apart: most routers quote nothing of the payload.
///
/// Routers ration such answers (Linux: 6 at once, then one a second to each host; others have no
/// reserve at all), which must not look like a size. So a pause before each large packet is as long
/// as one before a small packet that was answered, and both come after an answer of that hop.
///
/// In the grammar of MtuSearch. Without loss a probe for each hop that sees large ones, 14 at the
/// boundary, 5 for each silent hop.
class HopSearch {
 public:
  /// passes < fails, and both have been proven at the far end.
  explicit HopSearch(const HopSearchConfig& config);

  /// What is to be sent now; call until there is nothing, after each handle_…() and at the
  /// beginning.
  std::optional<HopProbe> poll_probe(Instant now);

  /// "Time exceeded" came. @param id  of the probe, where the quote tells; nothing: the one under
  /// way, unless the sender is another hop of those known.
  void handle_exceeded(Instant now, std::optional<std::uint32_t> id, const IpAddress& from);
  /// The far end answered. @param id  likewise.
  void handle_arrived(Instant now, std::optional<std::uint32_t> id);
  /// ICMP "too big" came about a probe. A hint: it may be untrue, so the large one is waited for
  /// all the same.
  void handle_too_big(std::optional<std::uint32_t> id, const IpAddress& from);
  void handle_timeout(Instant now);
  /// Nothing: done, or poll_probe() has something.
  [[nodiscard]] std::optional<Instant> next_timeout() const;

  [[nodiscard]] bool done() const { return done_; }
  [[nodiscard]] HopSearchResult result() const;

 private:
  enum class Phase : std::uint8_t { scan, confirm, narrow };
  enum class Fate : std::uint8_t { flying, seen, lost };

  struct Hop {
    std::optional<IpAddress> address;
    bool is_end = false;
    std::size_t arrivals = 0;           ///< answers of the far end
    bool unusable = false;              ///< answers too seldom to tell anything
    std::optional<IpAddress> reporter;  ///< of the large one as too big
    std::size_t large_sent = 0;
    std::size_t large_seen = 0;  ///< what is believed of the next
    std::size_t sightings = 0;   ///< of large ones
    std::size_t small_seen = 0;
    std::size_t small_lost = 0;
    std::size_t lost_in_row = 0;      ///< small ones
    std::size_t lost_again = 0;       ///< large ones, after one was seen
    std::size_t losses = 0;           ///< large ones that count, with a small one behind them
    bool owes_small = false;          ///< a large one was lost: a small one tells whether it counts
    bool keeps_pace = false;          ///< a small one was answered after as short a pause …
    bool kept_pace = false;           ///< … and another one after all the losses
    std::size_t off_pace = 0;         ///< small ones in a row that were not
    std::optional<Instant> answered;  ///< the last answer
    std::optional<Instant> untrusted;  ///< a late answer may come until then
  };

  struct Shot {
    std::uint8_t hop = 0;
    bool large = false;
    Fate fate = Fate::flying;
    Instant sent;
    Nanoseconds pause{};  ///< since the hop's last answer
  };

  /// What to send next, and not before when.
  struct Step {
    std::uint8_t hop;
    bool large;
    Instant at;
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
  void leave_candidate();
  void look_again();
  void ask(std::uint8_t number, bool large, Instant now);
  [[nodiscard]] std::uint8_t furthest_seen() const;
  [[nodiscard]] bool is_certain(const Hop& hop) const;
  [[nodiscard]] bool may_be_end(const Hop& hop) const;
  [[nodiscard]] bool is_doubtful(const Hop& hop) const;
  [[nodiscard]] std::size_t losses_needed() const;
  [[nodiscard]] Nanoseconds patience() const;
  [[nodiscard]] Nanoseconds pause() const;
  [[nodiscard]] PathHop told(std::uint8_t number) const;

  HopSearchConfig config_;
  std::vector<Hop> hops_;  ///< by number
  std::vector<Shot> shots_;
  std::optional<Step> step_;
  std::optional<std::uint32_t> flying_;
  Phase phase_ = Phase::scan;
  std::uint8_t at_ = 1;         ///< scan: the hop that is looked at
  std::uint8_t candidate_ = 0;  ///< confirm: likewise
  bool looked_beyond_ = false;  ///< confirm: whether the next hop sees large ones
  std::uint8_t last_ = 0;
  std::optional<std::uint8_t> first_;
  Nanoseconds longest_{};  ///< round trip
  Nanoseconds stretch_{};  ///< of pauses, for routers that answer seldom
  bool identified_ = false;
  std::optional<Instant> lost_;  ///< when the last of those was sent that were lost
  bool path_changed_ = false;
  bool done_ = false;
};

}  // namespace wgscope::path
