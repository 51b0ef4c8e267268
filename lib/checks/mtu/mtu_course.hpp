#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>

#include "wgscope/base/time.hpp"
#include "wgscope/diagnosis/mtu.hpp"
#include "wgscope/diagnosis/text.hpp"
#include "wgscope/path/hop_search.hpp"
#include "wgscope/path/mtu_search.hpp"
#include "wgscope/wire/measuring.hpp"

// What `wgscope mtu` measures through a tunnel, and in which order, without sockets and without a
// clock.

namespace wgscope::checks {

/// What makes a datagram of a probe's size.
enum class MtuWay : std::uint8_t {
  forward,   ///< a small echo request, padded behind its end
  backward,  ///< the reply to an echo request of that size
  answered,  ///< an answer of the measuring service, which pads it to that size
};

/// One search, whose packets somebody sends.
class MtuSearching {
 public:
  MtuSearching() = default;
  MtuSearching(const MtuSearching&) = delete;
  MtuSearching& operator=(const MtuSearching&) = delete;
  virtual ~MtuSearching() = default;

  /// Runs a search until it is done, the deadline comes or the user ends it.
  /// @returns what it found.
  path::MtuResult search(const path::MtuSearchConfig& config, Instant deadline);
  /// Begins a search, and ends sooner: when it knows all sizes, while repeats of the size in use may
  /// still be in flight. Their answers are taken while something else runs, until go_on().
  path::MtuResult search_sizes(const path::MtuSearchConfig& config, Instant deadline);
  /// Begins a search, and ends sooner: with the first packet that counts as lost.
  path::MtuResult search_until_loss(const path::MtuSearchConfig& config, Instant deadline);
  /// Runs a search that was begun to its end.
  path::MtuResult go_on(Instant deadline);
  [[nodiscard]] bool knows_sizes() const { return search_->knows_sizes(); }
  /// MtuSearch::doubt()
  void doubt(Instant now) { search_->doubt(now); }

  /// Shows what is known so far, beside what the search is for, while it runs.
  virtual void announce(const diagnosis::Text& what) = 0;
  /// From now on no request is larger than that, in bytes of whole datagrams: larger ones are cut
  /// inside the tunnel, and the other side puts them together.
  virtual void limit_requests(std::size_t largest) = 0;

  /// Bytes of the largest fragment of a reply; nothing: no reply came in fragments. A reply in
  /// fragments does not count as an answer, because the path did not let it pass whole.
  [[nodiscard]] virtual std::optional<std::size_t> largest_fragment() const = 0;
  /// Whether replies at least as large were lost before the first reply in fragments, as happens
  /// where their sender must first learn that they are too big. Nothing: no reply came in
  /// fragments.
  [[nodiscard]] virtual std::optional<bool> fragments_after_losses() const = 0;
  /// Whether the replies that did not come have left gaps in the numbers of the gateway's packets,
  /// so that they were lost on their way. If not, the gateway did not send them.
  [[nodiscard]] virtual bool replies_were_sent() const = 0;
  /// Whether replies came in fragments inside the tunnel.
  [[nodiscard]] virtual bool inner_fragments() const = 0;

 protected:
  /// Sends what the search wants to be sent, and tells it what came of it, until is_over(), the
  /// deadline or the user ends it.
  virtual void drive(Instant deadline) = 0;
  [[nodiscard]] bool is_over() const;
  [[nodiscard]] bool has_begun() const { return search_.has_value(); }
  [[nodiscard]] path::MtuSearch& engine() { return *search_; }
  [[nodiscard]] const path::MtuSearch& engine() const { return *search_; }

 private:
  enum class Until : std::uint8_t { done, sizes, loss };
  path::MtuResult run(Until until, Instant deadline);

  std::optional<path::MtuSearch> search_;
  Until until_ = Until::done;
};

/// The packets of a measurement, and the time that it takes.
class MtuPackets {
 public:
  MtuPackets() = default;
  MtuPackets(const MtuPackets&) = delete;
  MtuPackets& operator=(const MtuPackets&) = delete;
  virtual ~MtuPackets() = default;

  [[nodiscard]] virtual Instant now() const = 0;
  [[nodiscard]] virtual bool interrupted() const = 0;
  virtual std::unique_ptr<MtuSearching> begin(MtuWay way) = 0;
  /// Whether our datagrams may be cut on their way.
  virtual void allow_fragments(bool may) = 0;
  virtual void ask_service() = 0;
  /// The first answer of the measuring service. Nothing: it is not there, as far as is known by
  /// `until`.
  virtual std::optional<wire::MeasuringAnswer> await_service(Instant until) = 0;
  virtual path::HopSearchResult find_hop(const path::HopSearchConfig& config, Instant until) = 0;
  /// How far the tunnel's data gets at all.
  virtual std::optional<diagnosis::DataTrace> trace(Instant until) = 0;
};

struct MtuCourseOptions {
  bool quick = false;  ///< MtuOptions::quick
  Instant end;         ///< when everything has to be over
  std::optional<std::size_t> expected_forward;
  std::optional<std::size_t> expected_backward;
};

/// Measures, and writes what was seen into `facts`, whose gateway, target and settings are known
/// already.
/// @returns MtuSearching::fragments_after_losses() of the reverse path.
std::optional<bool> run_mtu_course(MtuPackets& packets, const MtuCourseOptions& options,
                                   diagnosis::MtuFacts& facts);

}  // namespace wgscope::checks
