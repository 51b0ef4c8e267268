#pragma once

#include <cstddef>
#include <map>
#include <optional>

namespace wgscope::path {

/// A size, by its place among the sizes that can be tried.
using Rung = std::ptrdiff_t;

/// Members of the same names in MtuSearchConfig explain these.
struct SizeLadderConfig {
  std::size_t current = 0;
  std::size_t floor = 0;
  std::size_t ceiling = 0;
  std::size_t step = 1;
  std::optional<std::size_t> expected;
};

/// What a search for an MTU knows of each size, and which size it tries next. A part of MtuSearch.
class SizeLadder {
 public:
  explicit SizeLadder(const SizeLadderConfig& config);

  [[nodiscard]] std::size_t size_of(Rung rung) const;
  /// The largest rung whose size is not above `size`.
  [[nodiscard]] Rung rung_of(std::size_t size) const;

  void count_pass(Rung rung);
  void count_loss(Rung rung) { ++tallies_[rung].lost; }
  void take_back_loss(Rung rung) { --tallies_[rung].lost; }
  [[nodiscard]] std::size_t losses(Rung rung) const;
  /// Of all larger sizes.
  [[nodiscard]] std::size_t losses_above(Rung rung) const;
  [[nodiscard]] bool passed(Rung rung) const;
  struct Tally {
    std::size_t passed = 0;
    std::size_t lost = 0;
  };
  /// The sums for all sizes up to the largest one that passed.
  [[nodiscard]] Tally below_boundary() const;

  /// Notes that a router claims this MTU, so that next() tries it early.
  void hint(std::size_t mtu) { hint_ = mtu; }
  /// Notes that this host can send nothing above `size`.
  void limit(std::size_t size);
  /// The path is another one now: nothing is known of it but the hint.
  void forget();

  /// The largest size that passed; -1: none did.
  [[nodiscard]] Rung lo() const { return lo_; }
  /// The smallest size above lo() that was lost; top() + 1: none was.
  [[nodiscard]] Rung hi() const;
  [[nodiscard]] Rung top() const { return top_; }
  [[nodiscard]] Rung current() const;
  /// Whether nothing is left to do but to make the loss of hi() certain.
  [[nodiscard]] bool closed() const { return hi() == lo_ + 1; }

  /// The size to try next. Not to be called when closed().
  [[nodiscard]] Rung next() const;

 private:
  [[nodiscard]] bool untried(Rung rung) const { return !tallies_.contains(rung); }
  [[nodiscard]] std::optional<Rung> next_by_hint(Rung hi) const;
  [[nodiscard]] std::optional<Rung> next_by_plateau(Rung hi) const;

  std::size_t floor_;
  std::size_t ceiling_;
  std::size_t step_;
  std::size_t current_;
  std::optional<std::size_t> hint_;
  Rung top_;
  Rung lo_ = -1;
  std::map<Rung, Tally> tallies_;
};

}  // namespace wgscope::path
