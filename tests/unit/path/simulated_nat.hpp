#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <random>
#include <span>
#include <vector>

#include "wgscope/base/random.hpp"
#include "wgscope/base/time.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/path/nat_behaviour.hpp"

namespace wgscope::path::testing {

/// How a NAT really is.
struct NatTruth {
  NatMapping mapping = NatMapping::endpoint_independent;  ///< none, or one of the three kinds
  NatFiltering filtering = NatFiltering::address_and_port_dependent;
  bool keeps_ports = false;  ///< where it can; each flow by itself unless endpoint-independent
  bool hairpin = false;
  Nanoseconds lifetime = std::chrono::minutes(5);         ///< nothing but outbound yet
  Nanoseconds stream_lifetime = std::chrono::minutes(5);  ///< both ways, for more than 2 s
  bool inbound_refreshes = true;
  double drops = 0;  ///< of what comes from inside: the NAT does not even see it
  /// It has so many outer addresses, one after the other, and takes any of them for a new mapping.
  std::size_t addresses = 1;
  /// So long after the first packet both lifetimes are `lifetime_then`; nothing: never.
  std::optional<Nanoseconds> changes = {};
  Nanoseconds lifetime_then{};
};

/// How many worlds a test tries; WGSCOPE_WORLDS has more of them tried.
std::uint64_t worlds_to_try(std::uint64_t in_the_suite);

/// A random source with a seed.
class SeededRandom : public Random {
 public:
  explicit SeededRandom(std::uint64_t seed) : engine_(seed) {}
  void fill(std::span<std::byte> out) override;
  bool chance(double probability);
  std::size_t below(std::size_t bound);
  Nanoseconds between(Nanoseconds least, Nanoseconds most);

 private:
  std::mt19937_64 engine_;
};

class SimulatedNat {
 public:
  SimulatedNat(const NatTruth& truth, const IpAddress& outer, SeededRandom& random)
      : truth_(truth), outer_(outer), random_(&random) {}

  /// What a datagram's source becomes; nothing: the NAT drops it.
  std::optional<Endpoint> outbound(Instant now, const Endpoint& inner, const Endpoint& to);
  /// Who gets a datagram; nothing: nobody.
  std::optional<Endpoint> inbound(Instant now, const Endpoint& from, const Endpoint& outer);
  [[nodiscard]] bool is_outer(const Endpoint& endpoint) const;

 private:
  struct Mapping {
    Endpoint inner;
    Endpoint key;  ///< the part of the destination that it depends on
    Endpoint outer;
    Instant made;
    Instant last;
    bool replied = false;
    bool stream = false;
    std::vector<Endpoint> sent_to;
  };

  void expire(Instant now);
  [[nodiscard]] Endpoint key_of(const Endpoint& to) const;
  [[nodiscard]] Nanoseconds lifetime_of(Instant now, const Mapping& mapping) const;
  [[nodiscard]] Endpoint outer_for(const Endpoint& inner, const Endpoint& key) const;
  [[nodiscard]] bool lets_in(const Mapping& mapping, const Endpoint& from) const;

  NatTruth truth_;
  IpAddress outer_;
  SeededRandom* random_;
  std::optional<Instant> first_;  ///< when the first packet came from inside
  std::vector<Mapping> mappings_;
};

/// What a server makes of OTHER-ADDRESS and CHANGE-REQUEST.
enum class ServerKind : std::uint8_t {
  honest,
  plain,           ///< has no other address
  dead,            ///< never answers
  same_address,    ///< names its own address with another port
  other_dead,      ///< names an address where nobody answers, and answers change requests itself
  ignores_change,  ///< answers there, and change requests from where they came to
  never_changes,   ///< answers there, and change requests not at all
  refuses_change,  ///< answers change requests with an error
  other_stranger,  ///< names another server that is honest, and answers change requests itself
  other_is_ours,   ///< names the address and port that it sees, where our NAT is
};

struct SimulatedServer {
  Endpoint primary;
  Endpoint other;
  ServerKind kind = ServerKind::honest;
  Nanoseconds late{};                 ///< answers come later by up to so long, at random
  bool changes_late = false;          ///< of answers from elsewhere only
  double wrong_transaction = 0;       ///< so many answers have another one than their request
  std::optional<double> ration = {};  ///< answers a second at most; twice as many at once
};

struct Scenario {
  NatTruth nat;
  std::vector<SimulatedServer> servers;
  double loss = 0;  ///< of each datagram, each way
  std::uint64_t seed = 1;
  /// A datagram takes 10 ms, and up to so long more.
  Nanoseconds jitter = std::chrono::milliseconds(30);
};

struct Outcome {
  NatBehaviourResult result;
  Nanoseconds took{};
};

/// One whole run on virtual time.
Outcome run(const Scenario& scenario);

/// "198.51.100.<last>:3478" and another address of the same server.
SimulatedServer server(unsigned last, ServerKind kind = ServerKind::honest);

}  // namespace wgscope::path::testing
