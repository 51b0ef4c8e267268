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
#include "wgscope/path/size_loss.hpp"

// The search for a path's MTU, by packets of chosen sizes and whether they pass. It measures one
// direction, and owns no sockets and no clock. Sizes are bytes of whole IP packets, as an MTU
// counts. Source of the method: RFC 8899 (DPLPMTUD) §5, RFC 4821 §7.

namespace wgscope::path {

/// A size fails after so many losses at least (MAX_PROBES, RFC 8899 §5.1.2).
inline constexpr std::size_t kMaxProbes = 3;
inline constexpr std::size_t kSmallestIpv4 = 576;   ///< what every host takes (RFC 791 §3.1)
inline constexpr std::size_t kSmallestIpv6 = 1280;  ///< what every link takes (RFC 8200 §5)
inline constexpr std::size_t kLargest = 9000;       ///< the usual MTU of jumbo frames
/// The most probes that a search between these takes where nothing is lost; a test tries each MTU.
inline constexpr std::size_t kMostWithoutLoss = 24;

struct MtuSearchConfig {
  /// The size that the setting in use makes: tried first, and what the verdict is about.
  std::size_t current = 1500;
  std::size_t floor = kSmallestIpv4;  ///< the smallest size that is tried
  /// The largest size that is tried, even where `step` would skip it.
  std::size_t ceiling = kLargest;
  std::size_t step = 1;  ///< distance between the sizes that can be made, counted from `floor`
  std::optional<std::size_t> expected;  ///< a likely MTU, tried as if a router had reported it
  bool only_current = false;            ///< finds out whether `current` passes, and nothing more
  /// Finds out whether `current` passes; only if it does not, which size does.
  bool until_current = false;
  bool dont_fragment = true;              ///< how the owner sends: it decides the verdict's name
  std::optional<Nanoseconds> round_trip;  ///< of a small packet; nothing: unknown
  /// The search ends after this many probes, controls not counted: the path is too lossy to tell.
  /// Chosen: more than ten times what a path without loss needs.
  std::size_t most_probes = 300;
  /// The least time between rounds of up to two answers each, for far ends that limit how often
  /// they answer.
  Nanoseconds pace{};
  std::size_t known_sent = 0;  ///< packets sent by earlier measurements that should have passed
  /// How many of these were lost, so for reasons other than their size.
  std::size_t known_lost = 0;
  /// So many packets above a limit that no router reports have to be lost, and none to pass, before
  /// it counts as one: a path may lose large packets at random, or let so many bytes a second pass.
  /// 0: as many as tell a limit from loss of every size.
  std::size_t proofs = 0;
  /// Sends them in a few large batches, which takes half as long and loads the path more.
  bool large_batches = false;
  /// Sends no single packets above the limit before them: where each round takes long, and something
  /// else has come to that limit already.
  bool proofs_at_once = false;
  /// So many more packets of `current` are sent as soon as it has passed, because the first one may
  /// have passed by luck. If one of them is lost, more follow, `proofs` in all.
  std::size_t repeats = 0;
  /// The repeats go with the first packet of `current`, and not behind its answer. This saves a round
  /// trip where it passes; where it does not, they are lost for nothing, and reported for nothing.
  bool repeats_at_once = false;
};

/// MtuSearchConfig::repeats of a search through a tunnel. Chosen: as many as TCP sends at once at
/// its beginning (RFC 6928), so that no path that carries TCP has to drop them. Where 30 % of large
/// packets are lost, all of so many pass once in 35 times; where 70 % are, once in 170 000 times.
inline constexpr std::size_t kRepeats = 10;

/// MtuSearchConfig::proofs. Chosen: where 90 % of all large packets are lost at random, none of so
/// many passes once in 2.5 million times.
inline constexpr std::size_t kProofs = 140;
/// Where nothing but a line of evidence rests on them. Chosen: where 80 % are lost, once in 7 000
/// times.
inline constexpr std::size_t kFewProofs = 40;

struct MtuProbe {
  std::uint32_t id = 0;
  std::size_t size = 0;  ///< 0 is a control: as small as the owner can make it
};

enum class MtuVerdict : std::uint8_t {
  ok,             ///< `current` passes
  refused_here,   ///< `current` is larger than this host's own interface takes
  ptb_reported,   ///< `current` does not pass, and a router reports so rightly ("packet too big")
  black_hole,     ///< `current` does not pass, and no router says so
  frag_dropped,   ///< `current` may be cut into fragments, and its fragments do not arrive
  loss_not_size,  ///< packets are lost, but as far as is known not because of their size
  loss_by_size,   ///< larger packets are lost more often than small ones, and pass at times
  inconclusive,   ///< nothing answered, or not for long enough to tell
};
std::string_view to_string(MtuVerdict verdict);

/// An ICMP "too big" about a probe.
struct TooBig {
  IpAddress from;
  std::size_t mtu = 0;    ///< the MTU of the next link, as the router claims
  std::size_t about = 0;  ///< the size of the probe that was too big

  friend bool operator==(const TooBig&, const TooBig&) = default;
};

/// What became of the probes of one size.
struct MtuTrial {
  std::size_t size = 0;
  std::size_t sent = 0;
  std::size_t answered = 0;
  bool reported = false;  ///< a router said that this size is too big
  bool refused = false;   ///< this host did not send it: larger than the MTU of its interface
};

struct MtuResult {
  MtuVerdict verdict = MtuVerdict::inconclusive;
  std::optional<std::size_t> mtu;  ///< the largest size that passes; nothing: none is known to
  /// The MTU lies between `mtu` and this. Nothing: `ceiling` passes.
  std::optional<std::size_t> not_above;
  /// The MTU of this host's interface, where a size above it was tried.
  std::optional<std::size_t> own_limit;
  std::optional<bool> current_fits;  ///< whether `current` passes; nothing: not known yet
  bool exact = false;                ///< the search is complete: `mtu` and `not_above` are final
  bool path_changed = false;     ///< a size that had passed no longer did, so the search began anew
  std::optional<TooBig> report;  ///< what a router said, if the search confirms it
  std::vector<TooBig> wrong_reports;  ///< what routers said, where the search contradicts it
  std::size_t probes = 0;             ///< probes sent, not counting `controls`
  std::size_t controls = 0;           ///< small packets sent beside the probes
  /// How many of `controls` were lost, so for a reason other than size.
  std::size_t controls_lost = 0;
  bool lossy = false;  ///< enough of `controls` were lost to be worth mentioning
  /// Packets of the size `current` whose fate is known, once `current` had passed.
  std::size_t repeated = 0;
  std::size_t repeated_lost = 0;      ///< how many of `repeated` were lost
  std::optional<SizeLoss> size_loss;  ///< nothing: not seen
  /// The shortest that was seen; nothing: nothing was answered.
  std::optional<Nanoseconds> round_trip;
  /// One for each size, in the order in which they were first tried.
  std::vector<MtuTrial> trials;
};

/// Between which sizes a search looks now, in bytes.
struct MtuBounds {
  std::optional<std::size_t> passes;  ///< the largest size that passed; nothing: none did yet
  std::optional<std::size_t> lost;    ///< the smallest size above it that was lost; nothing: none

  friend bool operator==(const MtuBounds&, const MtuBounds&) = default;
};

/// Finds the largest size that passes. poll_probe() says what to send now, and the owner says in
/// handle_…() what came of it.
///
/// One loss tells the search where to look next, or two on a path that loses controls as well. Only
/// the boundary that it arrives at is made certain, by losses of that size while the size below and
/// small controls pass. It takes kMaxProbes losses at least, and so many that chance would make them
/// once in a million, at the ratio in which other packets are lost. A size that passes after all
/// moves the search up. So a path without loss costs at most 24 probes for any MTU of 576 … 9000 (a
/// test tries each), and a path with loss costs more, but gives no wrong answer. A size of which
/// some packets pass does not count as a limit: see MtuSearchConfig::proofs and
/// MtuResult::size_loss.
///
/// Reports of routers speed the search up, but are not believed: what they claim is tried.
class MtuSearch {
 public:
  /// floor <= ceiling.
  explicit MtuSearch(const MtuSearchConfig& config);

  /// What is to be sent now; call until there is nothing, after each handle_…() and
  /// at the beginning.
  std::optional<MtuProbe> poll_probe(Instant now);

  /// The other side answered a probe; late answers count too.
  void handle_answer(Instant now, std::uint32_t id);
  /// An ICMP "too big" came about a probe. One that fits no probe in flight is ignored: its MTU is
  /// not below the probe's size, or it is below `floor` (RFC 8899 §4.6).
  void handle_too_big(Instant now, const IpAddress& from, std::size_t mtu);
  /// This host did not send a probe.
  /// @param limit  its interface's MTU, above which nothing is tried any more. Absent: there was
  /// another reason, which counts as a loss.
  void handle_refused(Instant now, std::uint32_t id, std::optional<std::size_t> limit);
  void handle_timeout(Instant now) { advance(now); }
  /// When to call handle_timeout(). Nothing: the search is done, or poll_probe() has something.
  [[nodiscard]] std::optional<Instant> next_timeout() const;

  [[nodiscard]] bool done() const { return done_; }
  /// Whether no other size has to be tried. Repeats of `current` may still be under way.
  [[nodiscard]] bool knows_sizes() const { return done_ || (has_found() && waiting_.empty()); }
  /// Whether a packet counts as lost by now, for whatever reason.
  [[nodiscard]] bool has_losses() const { return lost_ > 0 || ladder_.hi() <= ladder_.top(); }
  /// Something else has seen packets of `current` lost, perhaps on this search's way: repeats it as
  /// if one of its own was. Nothing is done where one was, or where `current` does not pass.
  void doubt(Instant now);
  [[nodiscard]] MtuBounds bounds() const;
  /// At any time: what is known so far.
  [[nodiscard]] MtuResult result() const;

 private:
  /// A proof is a packet above a limit that is made certain, sent with others in one batch. A repeat
  /// has the size `current`, and no round.
  enum class Role : std::uint8_t { probe, proof, below, control, repeat };
  enum class Fate : std::uint8_t { waiting, flying, answered, lost, refused };

  struct Shot {
    Role role = Role::probe;
    Rung rung{};           ///< place of the size in ladder_; unused for controls
    std::size_t size = 0;  ///< bytes; 0: a control
    Fate fate = Fate::waiting;
    Instant sent = {};
    Instant answered = {};
    bool reported = false;  ///< a router said that this packet is too big
    bool counted = false;   ///< ladder_ counts it as a loss of its size
  };

  struct Round {
    bool confirms = false;  ///< the round repeats a size whose loss is to be made certain
    std::size_t probe = 0;  ///< index into shots_, as `below` and `control`
    std::size_t count = 1;  ///< so many shots from `probe` on have the size of the round
    std::optional<std::size_t> below;
    std::size_t control = 0;
  };

  enum class Outcome : std::uint8_t { pending, passed, lost, smaller, silent, refused };

  void advance(Instant now);
  void begin_round(Rung rung, bool confirms, std::size_t proofs = 0);
  std::size_t add_shot(Role role, Rung rung);
  void expire(Instant now);
  [[nodiscard]] Outcome judge(const Round& round, Instant now) const;
  [[nodiscard]] Outcome judge_confirming(const Round& round) const;
  template <class Fits>
  [[nodiscard]] bool any(const Round& round, const Fits& fits) const;
  void settle(const Round& round, Outcome outcome);
  void settle_lost(const Round& round);
  void adopt_repeats(const Round& round);
  void go_on(Instant now);
  void confirm(Instant now, Rung rung);
  [[nodiscard]] bool is_doubtful(Rung rung) const;
  [[nodiscard]] bool is_reported(Rung rung) const;
  [[nodiscard]] std::size_t losses_wanted(Rung rung) const;
  [[nodiscard]] std::size_t singles() const;
  [[nodiscard]] std::size_t still_to_send(Rung rung) const;
  [[nodiscard]] std::size_t in_flight() const;
  [[nodiscard]] bool is_limit(Rung rung) const;
  void begin_anew();
  void count_trusted_loss(const Shot& shot, bool lost);
  [[nodiscard]] bool is_unsteady();
  [[nodiscard]] bool is_lost_by_size();
  [[nodiscard]] std::vector<SizedPacket> sized_packets() const;
  void finish() { done_ = true; }
  void repeat_current(Instant now);
  [[nodiscard]] bool has_found() const;
  [[nodiscard]] bool wants_more_repeats() const;
  [[nodiscard]] Rung repeated_rung() const;
  [[nodiscard]] Nanoseconds search_gap() const;
  void slow_down();

  static bool is_trusted(const Shot& shot) {
    return shot.role == Role::control || shot.role == Role::below || shot.role == Role::repeat;
  }
  [[nodiscard]] bool is_back(std::size_t shot) const { return shots_[shot].fate == Fate::answered; }
  [[nodiscard]] Nanoseconds patience() const;
  [[nodiscard]] Instant deadline(const Round& round) const;
  [[nodiscard]] std::size_t losses_needed() const;
  [[nodiscard]] MtuVerdict verdict(const MtuResult& result) const;
  void tell_reports(MtuResult& result) const;
  void tell_trials(MtuResult& result) const;
  void tell_size_loss(MtuResult& result) const;

  MtuSearchConfig config_;
  SizeLadder ladder_;
  std::vector<Shot> shots_;
  /// Indices into shots_ that poll_probe() has not handed out yet.
  std::deque<std::size_t> waiting_;
  std::vector<Round> rounds_;  ///< rounds whose outcome is still pending
  std::vector<TooBig> reports_;
  std::optional<std::size_t> own_limit_;
  Instant next_round_;  ///< when the next round may begin at the earliest
  Nanoseconds gap_{};   ///< pause between rounds; grows when controls are lost
  Nanoseconds grace_;   ///< how much later than its control a probe may be answered
  std::optional<Nanoseconds> shortest_;  ///< the shortest round trip so far
  std::optional<Nanoseconds> longest_;   ///< the longest round trip so far
  std::size_t probes_ = 0;               ///< as MtuResult::probes
  /// Packets that should pass and whose fate is known: controls, those of the size below, repeats.
  std::size_t trusted_sent_ = 0;
  std::size_t trusted_lost_ = 0;    ///< how many of `trusted_sent_` were lost
  std::size_t controls_lost_ = 0;   ///< how many of `trusted_lost_` were controls
  std::size_t lost_ = 0;            ///< packets of any size that did not come back in time
  std::size_t looked_at_ = 0;       ///< `lost_` when is_unsteady() looked last
  std::size_t largest_passed_ = 0;  ///< bytes; before the path changed too
  /// How often a size that had passed was lost from then on, or the other way round.
  std::size_t reversals_ = 0;
  std::size_t silent_ = 0;  ///< rounds in a row in which nothing was answered
  /// Rounds in a row in which the size below was lost, unlike the control.
  std::size_t smaller_ = 0;
  Instant next_repeats_;          ///< when the next repeats may be sent at the earliest
  std::size_t repeats_ = 0;       ///< packets of Role::repeat
  std::size_t repeats_open_ = 0;  ///< how many of these are not known to have passed or to be lost
  std::size_t repeats_lost_ = 0;
  bool doubted_ = false;   ///< doubt() was called
  bool answered_ = false;  ///< at least one packet of the search was answered
  bool lied_to_ = false;   ///< a size that a router called too big was answered all the same
  bool changed_ = false;
  bool out_of_probes_ = false;
  bool done_ = false;
};

}  // namespace wgscope::path
