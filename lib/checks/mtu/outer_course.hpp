#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "wgscope/base/time.hpp"
#include "wgscope/diagnosis/outer.hpp"
#include "wgscope/diagnosis/text.hpp"
#include "wgscope/path/hop_search.hpp"
#include "wgscope/path/mtu_search.hpp"

#include "echo_replies.hpp"

// What `wgscope mtu --outer` measures, and in which order, without sockets and without a clock.

namespace wgscope::checks {

/// All of a measurement without a tunnel is over by then, whatever the host does.
inline constexpr Nanoseconds kOuterLimit = std::chrono::seconds{30};

/// The packets of a measurement, and the time that it takes.
class OuterPackets {
 public:
  OuterPackets() = default;
  OuterPackets(const OuterPackets&) = delete;
  OuterPackets& operator=(const OuterPackets&) = delete;
  virtual ~OuterPackets() = default;

  enum class Kind : std::uint8_t { udp, echo };
  struct Greeted {
    std::size_t udp = 0;   ///< answers to kGreetings datagrams
    std::size_t echo = 0;  ///< answers to as many echo requests
    std::optional<Nanoseconds> round_trip;
  };
  static constexpr std::uint32_t kGreetings = 8;  ///< more than Linux answers at once

  [[nodiscard]] virtual Instant now() const = 0;
  [[nodiscard]] virtual bool interrupted() const = 0;
  virtual void pass_until(Instant until) = 0;
  virtual void say(const diagnosis::Text& what, Instant until) = 0;
  /// Sends small packets of both kinds. It ends by `until` at the latest.
  virtual Greeted greet(Instant until) = 0;
  /// @param hop_limit  asks the router so far away instead of the host; 0: the host.
  /// An echo request counts as answered by whatever reply proves that it arrived.
  virtual path::MtuResult search(Kind kind, const path::MtuSearchConfig& config,
                                 std::uint8_t hop_limit, Instant until) = 0;
  virtual path::HopSearchResult search(Kind kind, const path::HopSearchConfig& config,
                                       Instant until) = 0;
  /// Nothing is sent by echo where this is nothing.
  [[nodiscard]] virtual const EchoReplies* replies() const = 0;
};

struct OuterCourseOptions {
  bool quick = false;  ///< leaves out where larger packets are dropped
  Instant end;         ///< when everything has to be over
};

/// Measures, and writes what was seen into `facts`, whose host is known already.
void run_outer_course(OuterPackets& packets, const OuterCourseOptions& options,
                      diagnosis::OuterFacts& facts);

}  // namespace wgscope::checks
