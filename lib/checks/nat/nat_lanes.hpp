#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <vector>

#include "wgscope/base/random.hpp"
#include "wgscope/base/result.hpp"
#include "wgscope/base/time.hpp"
#include "wgscope/checks/run.hpp"
#include "wgscope/diagnosis/nat.hpp"
#include "wgscope/diagnosis/report.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/path/keepalive.hpp"
#include "wgscope/path/mapping_lifetime.hpp"
#include "wgscope/wire/stun.hpp"

#include "nat_sockets.hpp"

namespace wgscope::checks {

/// Measures lifetimes with a STUN server that has RESPONSE-PORT (RFC 5780 §4.6), which stands in for
/// the service of path::MappingLifetime. One more socket, `control`, gets the server's answers while
/// a lane must not hear anything, and later asks the server to answer to the lane:
///
///     lane    -> server: "answer to control's port"    shows that the request arrived, and
///                                                      the lane's outer port
///                … silence …
///     control -> server: "answer to the lane's port"   comes from where the lane has sent to: no
///                                                      filter drops it, only a lost mapping
class NatLanes {
 public:
  /// @param mark  the firewall mark of what is sent.
  NatLanes(Run& run, Random& random, const IpAddress& local, const Endpoint& server,
           std::optional<std::uint32_t> mark);

  /// Measures both states side by side, and beside them tries an interval on another flow, until all
  /// is known, the user ends it, or it took kLongestLanes or as long as `longest` needs, whichever is
  /// longer: trials of a long interval are then cut short.
  /// @param keepalive  the interval. Nothing, or zero: none is tried.
  void measure(std::chrono::seconds longest, std::optional<std::chrono::seconds> keepalive,
               diagnosis::LifetimeFacts& facts);

  [[nodiscard]] const std::vector<diagnosis::SentTo>& sent() const { return sockets_.sent(); }

  // While it measures, for drive().
  [[nodiscard]] std::optional<Instant> next_timeout() const;
  void handle_timeout(Instant now);
  [[nodiscard]] bool done() const;

 private:
  enum class Purpose : std::uint8_t {
    control,
    greeting,
    asking,
    answer,
    warm_up,
    trial,
    trial_answer
  };
  struct Asked {
    Purpose purpose{};
    std::size_t engine = 0;  ///< index of the lifetime in measured_
    std::size_t lane = 0;
    std::uint32_t serial = 0;
    Instant answer_at{};
    bool every_second = false;
  };
  struct Lane {
    std::size_t socket = 0;             ///< index of the lane's socket in sockets_
    std::uint32_t serial = 0;           ///< the serial of the lane's latest request
    std::optional<std::uint16_t> port;  ///< the outer port that the latest request came from
  };
  struct Measured {
    path::MappingLifetime engine;
    std::vector<Lane> lanes;
  };

  bool find_control_port();
  Result<> open_all(std::chrono::seconds longest, std::optional<std::chrono::seconds> keepalive);
  Result<> open_lanes(path::MappingLifetimeConfig config);
  void request(std::size_t engine, const path::LaneRequest& request, Instant now);
  void ask(std::size_t socket, const Asked& asked, std::optional<std::uint16_t> response_port);
  void trigger(const Asked& asked, Instant now);
  void try_keepalive(const path::KeepaliveRequest& request, Instant now);
  void handle_trial(Instant now, const Asked& asked, const Endpoint& mapped);
  [[nodiscard]] bool trials_are_over() const;
  void handle_datagram(Instant now, std::size_t socket, const Endpoint& from,
                       std::span<const std::byte> bytes);
  void handle_arrival(Instant now, const Asked& asked, const Endpoint& mapped);
  void say_so_far();

  Run& run_;
  Random& random_;
  IpAddress local_;
  Endpoint server_;
  std::size_t control_ = 0;  ///< index in sockets_ of the socket that gets answers for lanes
  /// The outer address and port of `control`, as the server sees them.
  std::optional<Endpoint> control_mapped_;
  std::vector<Measured> measured_;
  std::chrono::seconds interval_{};  ///< the keepalive interval that is tried; 0: none
  std::optional<path::KeepaliveTrials> trials_;
  Lane trial_;
  std::map<wire::StunTransaction, Asked> asked_;
  std::multimap<Instant, Asked> triggers_;          ///< what the server is to be asked, and when
  Instant end_;                                     ///< when measuring ends at the latest
  std::optional<std::chrono::seconds> said_alive_;  ///< the bracket that a person was shown last
  NatSockets sockets_;
};

}  // namespace wgscope::checks
