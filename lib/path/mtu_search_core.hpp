#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

#include "wgscope/base/time.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/path/mtu_search.hpp"

#include "size_ladder.hpp"

namespace wgscope::path {

// A round is a probe and, sent right behind it, what must come back if the path carries anything at
// all: a small control and, while a boundary is made certain, a packet of the size below it. Which
// of them return tells size from loss:
//
//   probe   size below   control
//   back                           passes
//   lost    back         back      lost for its size, or by chance: counted
//   lost    lost         back      the path has become smaller: after some of these, begin anew
//   lost                 lost      the path lost everything for a moment: tried again
//
// While the search looks for the boundary one round is under way, and a probe is given up as soon
// as the control behind it has come back and some grace is over: what comes later is counted all
// the same. At the boundary several rounds are under way, each with the full second of RFC 8899
// §5.1.1 to come back.

class MtuSearch::Core {
 public:
  explicit Core(const MtuSearchConfig& config);

  std::optional<MtuProbe> poll_probe(Instant now);
  void handle_answer(Instant now, std::uint32_t id);
  void handle_too_big(Instant now, const IpAddress& from, std::size_t mtu);
  void handle_refused(Instant now, std::uint32_t id, std::optional<std::size_t> limit);
  void advance(Instant now);
  [[nodiscard]] std::optional<Instant> next_timeout() const;
  [[nodiscard]] bool done() const { return done_; }
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
