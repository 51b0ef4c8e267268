#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <random>

#include "wgscope/diagnosis/mtu.hpp"
#include "wgscope/path/mtu_search.hpp"

// Random paths, and what the engine finds of them: facts as a run makes them, beside what became
// of every packet. Only the latter knows what was measured, so it is what claims are held against.

namespace wgscope::diagnosis::testing {

class Random {
 public:
  explicit Random(std::uint32_t seed) : random_(seed) {}
  std::size_t below(std::size_t limit) { return random_() % limit; }
  std::size_t between(std::size_t least, std::size_t most) {
    return least + below(most + 1 - least);
  }
  bool chance(std::size_t one_in) { return below(one_in) == 0; }
  bool percent(std::size_t percent) { return below(100) < percent; }

 private:
  std::mt19937 random_;
};

/// One direction as it is.
struct Way {
  std::size_t mtu = 1500;
  std::optional<std::size_t> own_limit;  ///< MTU of the sender's interface
  bool reports = false;                  ///< a router says "too big"
  std::size_t router_mtu = 0;            ///< of what that router takes; 0: `mtu`
  std::optional<std::size_t> lie;        ///< a claim of this MTU about whatever is larger
  std::size_t lost = 0;                  ///< percent of all packets that are lost
  std::size_t large = 0;                 ///< of what is larger than this …
  std::size_t large_lost = 0;            ///< … so many percent are lost
};

/// What became of the packets of one direction.
struct Ledger {
  struct Fate {
    std::size_t sent = 0;
    std::size_t arrived = 0;
  };
  std::map<std::size_t, Fate> sizes;  ///< bytes; small packets sent beside are not among them
  std::size_t small_lost = 0;

  [[nodiscard]] bool has_arrived(std::size_t size) const {
    const auto found = sizes.find(size);
    return found != sizes.end() && found->second.arrived > 0;
  }
  [[nodiscard]] std::size_t largest_arrived() const;
  /// The smallest size of which so many were sent and none arrived; 0: there is none.
  [[nodiscard]] std::size_t smallest_lost(std::size_t times) const;
};

/// What the engine finds of a way. @param steps  it is ended early, after so many; nothing: it is not.
path::MtuResult search_over(Random& random, const Way& way, Ledger& ledger,
                            const path::MtuSearchConfig& config, std::optional<std::size_t> steps);

struct MtuWorld {
  Way forward;
  Way backward;
  /// The MTU of the gateway's tunnel where it is smaller than ours; nothing: it is not.
  std::optional<std::size_t> gateway_mtu;
  Ledger there;
  Ledger back;
  MtuFacts facts;

  [[nodiscard]] std::size_t full() const { return facts.tunnel_mtu + facts.overhead; }
};

MtuWorld any_mtu_world(std::uint32_t seed);

}  // namespace wgscope::diagnosis::testing
