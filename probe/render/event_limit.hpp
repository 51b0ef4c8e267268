#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "wgscope/base/time.hpp"
#include "wgscope/tunnel/event.hpp"

namespace wgscope::probe {

/// So many of a kind are let through in a second; the others are counted.
class Ration {
 public:
  static constexpr std::uint32_t kEachSecond = 10;

  /// Whether this one is let through. Take what a second left out before the next one begins.
  bool allow(Instant now);
  /// When take() has something; nothing while all were let through.
  [[nodiscard]] std::optional<Instant> next() const;
  /// How many were left out in a second that is over.
  std::uint64_t take(Instant now);

 private:
  std::optional<Instant> second_;
  std::uint32_t allowed_ = 0;
  std::uint64_t left_out_ = 0;
};

/// Events that are rationed together: refusals by their reason, whoever they came from, for
/// everybody can make them; of other kinds those of one peer, so that none hides another.
struct EventSort {
  tunnel::EventKind kind = tunnel::EventKind::dropped;
  std::optional<tunnel::DropReason> reason = {};
  std::optional<std::uint32_t> peer = {};  ///< tunnel::PeerId

  friend auto operator<=>(const EventSort&, const EventSort&) = default;
};

/// Keeps those who send rubbish, or too much of what is right, from filling the screen or a disk.
class EventLimit {
 public:
  struct LeftOut {
    EventSort sort;
    std::uint64_t count = 0;
  };

  bool allow(const tunnel::Event& event);
  [[nodiscard]] std::optional<Instant> next() const { return due_; }
  /// What was left out of seconds that are over. Call it before allow(), and at next().
  std::vector<LeftOut> take(Instant now);

 private:
  std::map<EventSort, Ration> rations_;
  std::optional<Instant> due_;  ///< of the first that left something out
};

}  // namespace wgscope::probe
