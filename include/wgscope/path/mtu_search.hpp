#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string_view>
#include <vector>

#include "wgscope/base/time.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/path/size_ladder.hpp"

// The search for a path's MTU by packets of chosen sizes, of which the path lets pass what it lets
// pass. One direction, no sockets, no clock. Sizes are bytes of whole IP packets, as an MTU counts.
// Source of the method: RFC 8899 (DPLPMTUD) §5, RFC 4821 §7.

namespace wgscope::path {

inline constexpr std::size_t kMaxProbes =
    3;  ///< losses that a size needs to fail (RFC 8899 §5.1.2)
inline constexpr std::size_t kSmallestIpv4 = 576;   ///< what every host takes (RFC 791 §3.1)
inline constexpr std::size_t kSmallestIpv6 = 1280;  ///< what every link takes (RFC 8200 §5)
inline constexpr std::size_t kLargest = 9000;       ///< of jumbo frames

struct MtuSearchConfig {
  /// The size that the setting in use makes: tried first, and what the verdict is about.
  std::size_t current = 1500;
  std::size_t floor = kSmallestIpv4;    ///< nothing below is tried
  std::size_t ceiling = kLargest;       ///< nor above; a size by itself, also where `step` skips it
  std::size_t step = 1;                 ///< between the sizes that can be made, from `floor` on
  std::optional<std::size_t> expected;  ///< an MTU that is likely, tried as a report of it would be
  bool only_current = false;            ///< whether `current` passes, and nothing more
  bool until_current = false;  ///< likewise, but where it does not, what does is searched for
  bool dont_fragment = true;   ///< how the owner sends: only for the verdict's name
  std::optional<Nanoseconds> round_trip;  ///< where it is known
  std::size_t most_probes = 300;          ///< then the path is too lossy to tell; controls aside
  /// Between rounds, of up to two answers each, at least: for far ends that ration their answers.
  Nanoseconds pace{};
  // What is known of loss that has nothing to do with size.
  std::size_t known_sent = 0;
  std::size_t known_lost = 0;
};

struct MtuProbe {
  std::uint32_t id = 0;
  std::size_t size = 0;  ///< nothing (0): a control, as small as the owner can make it
};

enum class MtuVerdict : std::uint8_t {
  ok,             ///< `current` passes
  refused_here,   ///< it is larger than this host's own interface takes
  ptb_reported,   ///< it does not, and somebody on the way says so, rightly
  black_hole,     ///< it does not, and nobody says so
  frag_dropped,   ///< likewise, though it might be cut into fragments: those do not arrive
  loss_not_size,  ///< packets are lost, but not for their size
  inconclusive,   ///< nothing answers, or not for long enough to tell
};
std::string_view to_string(MtuVerdict verdict);

/// An ICMP "too big" about a probe.
struct TooBig {
  IpAddress from;
  std::size_t mtu = 0;    ///< as it claims
  std::size_t about = 0;  ///< size of the probe

  friend bool operator==(const TooBig&, const TooBig&) = default;
};

/// What became of the probes of one size.
struct MtuTrial {
  std::size_t size = 0;
  std::size_t sent = 0;
  std::size_t answered = 0;
  bool reported = false;  ///< as too big
  bool refused = false;   ///< by this host: larger than its interface's MTU
};

struct MtuResult {
  MtuVerdict verdict = MtuVerdict::inconclusive;
  std::optional<std::size_t> mtu;        ///< the largest size that passes
  std::optional<std::size_t> not_above;  ///< the MTU is `mtu` … this; nothing: `ceiling` passes
  std::optional<std::size_t> own_limit;  ///< of this host's interface, where something was above it
  std::optional<bool> current_fits;      ///< known long before the rest, on a path without faults
  bool exact = false;            ///< the search came to its end: `mtu` and `not_above` are final
  bool path_changed = false;     ///< while it was being searched, which began anew
  std::optional<TooBig> report;  ///< that turned out right
  std::vector<TooBig> wrong_reports;
  std::size_t probes = 0;                 ///< that were sent; controls, and their like, not counted
  std::size_t controls = 0;               ///< that were sent
  std::size_t controls_lost = 0;          ///< for no reason of size
  bool lossy = false;                     ///< so many of those that they are worth a word
  std::optional<Nanoseconds> round_trip;  ///< the shortest
  std::vector<MtuTrial> trials;           ///< in the order of first trying
};

/// Finds the largest size that passes. In the grammar of sans-IO protocols: poll_probe() says what
/// to send now, handle_…() is told what came of it.
///
/// One loss tells the search where to look next; only the boundary at which it arrives is made
/// certain, by losses of that size while the size below and small controls pass. How many it takes
/// depends on how much else is lost: kMaxProbes at least, and so many that they are no chance (one
/// in a million). A size that passes after all moves the search up. So a path without loss costs at
/// most 24 probes for any MTU of 576 … 9000 (a test tries each), and a path with loss costs more,
/// but no wrong answer.
///
/// Reports of routers speed it up, and are believed in nothing: what they claim is tried.
class MtuSearch {
 public:
  /// floor <= ceiling.
  explicit MtuSearch(const MtuSearchConfig& config);

  /// What is to be sent now; call until there is nothing, after each handle_…() and at the
  /// beginning.
  std::optional<MtuProbe> poll_probe(Instant now);

  /// The other side answered a probe; late answers count too.
  void handle_answer(Instant now, std::uint32_t id);
  /// An ICMP "too big" about something of ours. What does not fit a probe in flight is ignored: an
  /// MTU not below its size, or below `floor` (RFC 8899 §4.6).
  void handle_too_big(Instant now, const IpAddress& from, std::size_t mtu);
  /// This host did not send a probe.
  /// @param limit  its interface's MTU: nothing above it is tried any more; absent: another reason,
  /// which is like a loss.
  void handle_refused(Instant now, std::uint32_t id, std::optional<std::size_t> limit);
  void handle_timeout(Instant now) { advance(now); }
  /// Nothing: done, or poll_probe() has something.
  [[nodiscard]] std::optional<Instant> next_timeout() const;

  [[nodiscard]] bool done() const { return done_; }
  /// At any time: what is known so far.
  [[nodiscard]] MtuResult result() const;

 private:
  enum class Role : std::uint8_t { probe, below, control };
  enum class Fate : std::uint8_t { waiting, flying, answered, lost, refused };

  struct Shot {
    Role role = Role::probe;
    Rung rung{};           ///< of probe and below
    std::size_t size = 0;  ///< 0: a control
    Fate fate = Fate::waiting;
    Instant sent = {};
    Instant answered = {};
    bool reported = false;  ///< as too big
    bool counted = false;   ///< as a loss of its size
  };

  struct Round {
    bool confirms = false;
    std::size_t probe = 0;  ///< indices of shots_
    std::optional<std::size_t> below;
    std::size_t control = 0;
  };

  enum class Outcome : std::uint8_t { pending, passed, lost, smaller, silent, refused };

  void advance(Instant now);
  void begin_round(Rung rung, bool confirms);
  std::size_t add_shot(Role role, Rung rung);
  void expire(Instant now);
  [[nodiscard]] Outcome judge(const Round& round, Instant now) const;
  [[nodiscard]] Outcome judge_confirming(const Round& round) const;
  void settle(const Round& round, Outcome outcome);
  void go_on(Instant now);
  void confirm(Instant now, Rung rung);
  void begin_anew();
  void finish() { done_ = true; }
  void slow_down();

  [[nodiscard]] bool is_back(std::size_t shot) const { return shots_[shot].fate == Fate::answered; }
  [[nodiscard]] Nanoseconds patience() const;
  [[nodiscard]] Instant deadline(const Round& round) const;
  [[nodiscard]] std::size_t losses_needed() const;
  [[nodiscard]] MtuVerdict verdict(const MtuResult& result) const;
  void tell_reports(MtuResult& result) const;
  void tell_trials(MtuResult& result) const;

  MtuSearchConfig config_;
  SizeLadder ladder_;
  std::vector<Shot> shots_;
  std::deque<std::size_t> waiting_;  ///< for poll_probe()
  std::vector<Round> rounds_;        ///< under way
  std::vector<TooBig> reports_;
  std::optional<std::size_t> own_limit_;
  Instant next_round_;  ///< not before this
  Nanoseconds gap_{};   ///< between rounds; grows where packets are lost by chance
  Nanoseconds grace_;   ///< for what may come behind a control
  std::optional<Nanoseconds> shortest_;
  std::optional<Nanoseconds> longest_;  ///< round trip
  std::size_t probes_ = 0;
  std::size_t trusted_sent_ = 0;  ///< what should have come back, and is settled
  std::size_t trusted_lost_ = 0;
  std::size_t silent_ = 0;   ///< rounds in a row of which nothing came back
  std::size_t smaller_ = 0;  ///< rounds in a row of which the size below did not
  bool answered_ = false;    ///< anything, ever
  bool lied_to_ = false;     ///< something reported as too big came back
  bool changed_ = false;
  bool out_of_probes_ = false;
  bool done_ = false;
};

}  // namespace wgscope::path
