#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "wgscope/base/random.hpp"
#include "wgscope/base/time.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/path/outbox.hpp"
#include "wgscope/wire/stun.hpp"

// What the NATs on the way do to UDP, in the terms of RFC 4787, found out with STUN servers as RFC
// 5780 §4 describes. No sockets, no clock: the caller sends what poll_transmit() gives and hands
// over what comes in.

namespace wgscope::path {

/// How the outer address and port of a socket depend on where it sends to (RFC 4787 §4.1).
enum class NatMapping : std::uint8_t {
  not_known,
  none,  ///< the servers see the socket's own address and port: no NAT
  endpoint_independent,
  /// One outer port for all, and it is the socket's own: endpoint-independent, or a NAT that maps
  /// each flow by itself and keeps ports where it can, as Linux does. What is seen is the same.
  same_as_ports_are_kept,
  /// Different ones; no server showed whether the port of the destination matters.
  endpoint_dependent,
  address_dependent,
  address_and_port_dependent,
};

/// From whom a datagram may come in to a mapping (RFC 4787 §5).
enum class NatFiltering : std::uint8_t {
  not_known,
  endpoint_independent,
  address_dependent,
  address_and_port_dependent,
};

enum class PortKeeping : std::uint8_t { not_known, kept, changed, mixed };

/// What a server's OTHER-ADDRESS was worth.
enum class OtherAddress : std::uint8_t {
  none,     ///< it has none: it can show mappings only
  same,     ///< it names its own address, or its own port: nothing could be told from it
  silent,   ///< nobody answers there
  ignored,  ///< asked to answer from there, the server answered from elsewhere
  refused,  ///< asked to answer from there, it said no
  unused,   ///< it answers; whether the server sends from it was not seen
  proven,   ///< the server was seen to answer from there
};

/// The sockets that are used. The caller opens them with ports of their own.
enum class NatSocket : std::uint8_t {
  main,     ///< sends to everybody
  filter,   ///< sends to one address and port only
  hairpin,  ///< sends to the mapping of `main` also
};
inline constexpr std::size_t kNatSockets = 3;

struct NatBehaviourConfig {
  /// Of one family, each with an address of its own where mappings are to be told: two do for that.
  std::vector<Endpoint> servers;
  /// The sockets as they are bound, by NatSocket, with the address that they send from.
  std::array<Endpoint, kNatSockets> local;
  /// First time to wait for an answer, doubled for each retransmission (RFC 8489 §6.2.1).
  Nanoseconds first_timeout = std::chrono::milliseconds(500);
};

/// RFC 8489 lets both be configured. Here each silent server costs 11.5 s instead of 39.5 s.
inline constexpr int kStunTransmissions = 5;   // Rc; the RFC's default is 7
inline constexpr int kStunLastWaitFactor = 8;  // Rm; the RFC's default is 16

/// Silence is told from loss by rounds of probes, each with controls beside it.
inline constexpr std::size_t kProbesInRound = 7;
inline constexpr std::size_t kMostRounds = 3;

/// Not more datagrams than this, whatever answers: each server three exchanges of its own and with
/// its other address three more, and the rounds.
constexpr std::size_t most_datagrams(std::size_t servers) {
  return (2 + 4 * servers) * kStunTransmissions + 8 * kProbesInRound * kMostRounds;
}
/// Nor more time than this: three exchanges one after the other that fail late, and the rounds.
inline constexpr Nanoseconds kLongestNatBehaviour = std::chrono::seconds(46);

struct StunServerSeen {
  Endpoint server;
  std::optional<Endpoint> mapped;  ///< of NatSocket::main; nothing: it did not answer
  std::optional<Endpoint> other;   ///< as it said
  OtherAddress other_is = OtherAddress::none;
  std::optional<std::uint16_t> error_code;  ///< it answered with this error
  bool unreachable = false;                 ///< an ICMP error came instead
  /// It said that we look like this, which cannot be: of another family, or none. No answer then.
  std::optional<Endpoint> untrue;
};

/// One destination, and what a socket looked like to it.
struct MappingSeen {
  NatSocket socket{};
  Endpoint destination;
  Endpoint mapped;
};

struct NatBehaviourResult {
  NatMapping mapping = NatMapping::not_known;
  NatFiltering filtering = NatFiltering::not_known;
  /// Filtering: nothing came in from where nothing was sent to, but neither was it seen that the
  /// server sends from there.
  bool nothing_let_in = false;
  PortKeeping ports = PortKeeping::not_known;
  std::optional<bool> hairpin;     ///< whether a mapping is reached from behind the same NAT
  bool changed_meanwhile = false;  ///< the same server saw another mapping later: nothing is told
  bool several_addresses = false;  ///< the NAT has more than one outer address
  std::vector<StunServerSeen> servers;  ///< in the order of the configuration
  std::vector<MappingSeen> mappings;    ///< in the order of seeing
  std::size_t datagrams_sent = 0;
};

struct NatSend {
  NatSocket from{};
  Endpoint to;
  std::vector<std::byte> bytes;
};

/// One run. For one thread at a time.
///
///     NatBehaviour nat(config, random, now);
///     while (!nat.done()) {
///       while (auto send = nat.poll_transmit()) …
///       … handle_datagram() for what comes in, handle_timeout() at next_timeout()
///     }
class NatBehaviour {
 public:
  /// @param random  for transactions; used during construction and calls, must outlive this.
  NatBehaviour(NatBehaviourConfig config, Random& random, Instant now);

  /// @param bytes  any; what is no answer to what was asked is let fall.
  void handle_datagram(Instant now, NatSocket at, const Endpoint& from,
                       std::span<const std::byte> bytes);
  /// An ICMP error said that `destination` is unreachable (RFC 8489 §6.2.1: hard errors end a
  /// transaction).
  void handle_unreachable(Instant now, NatSocket at, const Endpoint& destination);
  void handle_timeout(Instant now);
  std::optional<NatSend> poll_transmit() { return outbox_.poll(); }
  [[nodiscard]] std::optional<Instant> next_timeout() const;  ///< nothing: done

  [[nodiscard]] bool done() const { return phase_ == Phase::done; }
  /// What is known so far.
  [[nodiscard]] NatBehaviourResult result() const;

 private:
  enum class Phase : std::uint8_t { servers, others, again, rounds, done };
  enum class State : std::uint8_t { waiting, answered, failed };

  /// A request and its retransmissions.
  struct Exchange {
    NatSocket socket{};
    std::size_t server = 0;  ///< index, of the server that it is about
    Endpoint to;
    wire::StunTransaction transaction{};
    int sent = 0;
    Instant next{};
    State state = State::waiting;
    bool unreachable = false;
    std::optional<Endpoint> untrue{};
    wire::StunMessage answer{};
  };

  /// What is sent again and again in rounds, where silence would mean something.
  struct Probe {
    NatSocket from{};
    NatSocket expected_at{};  ///< where something comes in if it comes in
    Endpoint to;
    std::optional<wire::StunChange> change;
    wire::StunTransaction transaction{};
    bool seen = false;
    bool wanted = false;
  };
  enum ProbeIndex : std::uint8_t {
    kFilterBoth,  ///< to `filter`, from another address
    kFilterPort,  ///< to `filter`, from another port
    kProofBoth,   ///< to `main`, which has sent there: shows that the server does it
    kProofPort,
    kHairpin,
    kHairpinBack,
    kProbes,
  };

  struct Controls {
    std::vector<wire::StunTransaction> waiting;
    std::size_t sent = 0;
    std::size_t answered = 0;
  };

  wire::StunTransaction new_transaction();
  void start(NatSocket socket, std::size_t server, const Endpoint& to, Instant now);
  void transmit(Exchange& exchange, Instant now);
  void queue(NatSocket from, const Endpoint& to, const wire::StunTransaction& transaction,
             std::optional<wire::StunChange> change = {});
  void advance(Instant now);
  void start_others(Instant now);
  void start_again(Instant now);
  void start_rounds(Instant now);
  void tick(Instant now);
  void send_control(NatSocket from);
  void handle_answer(NatSocket at, const Endpoint& from, const wire::StunMessage& message);
  void handle_probe_answer(Probe& probe, const Endpoint& from, const wire::StunMessage& message);
  [[nodiscard]] bool all_settled() const;
  [[nodiscard]] bool nothing_to_ask() const;
  [[nodiscard]] bool is_open(const Probe& probe) const;
  [[nodiscard]] const Exchange* find(NatSocket socket, const Endpoint& to) const;
  [[nodiscard]] bool answers(std::size_t server) const;
  [[nodiscard]] bool silence_counts(const Controls& controls) const;
  [[nodiscard]] NatFiltering filtering() const;
  [[nodiscard]] std::optional<bool> hairpin(NatMapping mapping) const;
  [[nodiscard]] std::vector<MappingSeen> seen() const;

  NatBehaviourConfig config_;
  Random* random_;
  Phase phase_ = Phase::servers;
  std::vector<Exchange> exchanges_;
  std::vector<OtherAddress> others_;    ///< by server
  std::size_t again_ = SIZE_MAX;        ///< index of the exchange that asks once more
  std::optional<std::size_t> tester_;   ///< the server whose other address answers
  std::optional<std::size_t> control_;  ///< the server that answers controls
  std::array<Probe, kProbes> probes_{};
  Controls filter_controls_;
  Controls main_controls_;
  std::size_t ticks_ = 0;
  bool round_judged_ = false;
  bool changed_meanwhile_ = false;
  Instant next_tick_;
  Outbox<NatSend> outbox_;
  std::size_t sent_ = 0;
};

/// From what several destinations saw, how a NAT maps. Pure.
/// @param local  of NatSocket::main; only its mappings are looked at.
NatMapping mapping_of(const Endpoint& local, std::span<const MappingSeen> seen);
PortKeeping port_keeping_of(const std::array<Endpoint, kNatSockets>& local,
                            std::span<const MappingSeen> seen);

/// What addresses tell of NATs behind one another.
struct NatAddresses {
  IpAddress local;                        ///< that the socket sends from
  std::optional<IpAddress> mapped;        ///< as servers saw it
  std::optional<IpAddress> router_outer;  ///< what the router says of itself
};
struct NatSigns {
  bool local_shared = false;  ///< local is of 100.64.0.0/10 (RFC 6598): a carrier's NAT follows
  bool mapped_not_public = false;  ///< even the servers are behind the next NAT
  bool carrier_grade = false;      ///< the router's own outer address is of 100.64.0.0/10
  bool double_nat = false;         ///< the router's own outer address is not what the servers saw
};
NatSigns nat_signs(const NatAddresses& addresses);

/// 100.64.0.0/10 (RFC 6598).
bool is_shared_address(const IpAddress& address);
/// Private, shared, loopback, link-local or unique local: not to be met on the internet (RFC 6890).
bool is_inner_address(const IpAddress& address);

}  // namespace wgscope::path
