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
// over the datagrams that come in.

namespace wgscope::path {

/// How the outer address and port of a socket depend on the destination (RFC 4787 §4.1).
enum class NatMapping : std::uint8_t {
  not_known,
  none,  ///< servers see the socket's own address and port, so there is no NAT
  endpoint_independent,
  /// All servers see one outer port, which is the socket's own. The NAT is endpoint-independent, or
  /// it maps each flow by itself and keeps ports where it can, as Linux does; both look the same.
  same_as_ports_are_kept,
  /// Servers see different ports, and none showed whether the port of the destination matters.
  endpoint_dependent,
  address_dependent,
  address_and_port_dependent,
};

/// Whose datagrams a NAT lets in to a mapping (RFC 4787 §5).
enum class NatFiltering : std::uint8_t {
  not_known,
  endpoint_independent,
  address_dependent,
  address_and_port_dependent,
};

/// Whether the NAT keeps the port numbers of the sockets; mixed: of some of them.
enum class PortKeeping : std::uint8_t { not_known, kept, changed, mixed };

/// What a server's OTHER-ADDRESS was worth.
enum class OtherAddress : std::uint8_t {
  none,    ///< the server names none, so it can only show mappings
  same,    ///< the server names its own address or its own port, which shows nothing
  silent,  ///< nothing answers at the address that the server names
  /// Asked to answer from the address that it names, the server answered from another one.
  ignored,
  refused,  ///< asked to answer from the address that it names, the server replied with an error
  unused,   ///< the address answers; whether the server also sends from it on request is unknown
  proven,   ///< on request the server answered from the address that it names
};

/// The sockets that are used. The caller opens them with ports of their own.
enum class NatSocket : std::uint8_t {
  main,     ///< sends to every server and every other address
  filter,   ///< sends to one address and port only
  hairpin,  ///< sends to one server, and to the mapping of `main`
};
inline constexpr std::size_t kNatSockets = 3;

struct NatBehaviourConfig {
  /// They are of one family. Mappings are found with two servers that have different addresses.
  std::vector<Endpoint> servers;
  /// By NatSocket, the address and port that each socket sends from.
  std::array<Endpoint, kNatSockets> local;
  /// First time to wait for an answer, doubled for each retransmission (RFC 8489 §6.2.1).
  Nanoseconds first_timeout = std::chrono::milliseconds(500);
};

/// Rc and Rm of RFC 8489 §6.2.1, which lets both be configured; its defaults are 7 and 16. Chosen:
/// so a silent server costs 11.5 s instead of 39.5 s.
inline constexpr int kStunTransmissions = 5;
inline constexpr int kStunLastWaitFactor = 8;

/// Rounds of probes, each with a control beside it, tell silence from loss. Chosen: with 7, 14 or
/// 21 of each, loss looks like a filter less often than once in 10 000 times (nat_result.cpp).
inline constexpr std::size_t kProbesInRound = 7;
inline constexpr std::size_t kMostRounds = 3;

/// A run sends no more datagrams than this, whatever answers: an exchange with each server, three
/// with its other address, all of these once more, one of another socket, and the rounds.
constexpr std::size_t most_datagrams(std::size_t servers) {
  return (2 + 8 * servers) * kStunTransmissions + 12 * kProbesInRound * kMostRounds;
}
/// A run takes no longer than this: three exchanges that fail one after the other, and the rounds.
inline constexpr Nanoseconds kLongestNatBehaviour = std::chrono::seconds(46);

struct StunServerSeen {
  Endpoint server;
  /// Where the server saw NatSocket::main; nothing: it did not answer.
  std::optional<Endpoint> mapped;
  std::optional<Endpoint> other;  ///< what it names as its OTHER-ADDRESS; nothing: none
  OtherAddress other_is = OtherAddress::none;
  /// The STUN error (RFC 8489 §14.8) that it answered with.
  std::optional<std::uint16_t> error_code;
  bool unreachable = false;  ///< instead of an answer came an ICMP error
  /// The server named an address that cannot be ours, of another family or all zeros. That does not
  /// count as an answer.
  std::optional<Endpoint> untrue;
  /// STUN answers came from the server that belong to none of our requests. They do not count.
  bool answers_others = false;
};

/// The address and port that one destination saw of a socket.
struct MappingSeen {
  NatSocket socket{};
  Endpoint destination;
  Endpoint mapped;  ///< the outer address and port that `destination` saw
};

struct NatBehaviourResult {
  NatMapping mapping = NatMapping::not_known;
  NatFiltering filtering = NatFiltering::not_known;
  /// Filtering is unknown: nothing came in from addresses that nothing was sent to, but the server
  /// was not seen to send from there either.
  bool nothing_let_in = false;
  PortKeeping ports = PortKeeping::not_known;
  /// Whether a host behind the NAT reaches a mapping of it; nothing: unknown.
  std::optional<bool> hairpin;
  bool changed_meanwhile = false;  ///< one server saw another mapping later: `mapping` is unknown
  bool several_addresses = false;  ///< the NAT has more than one outer address
  /// One for each server, in the order of the configuration.
  std::vector<StunServerSeen> servers;
  std::vector<MappingSeen> mappings;  ///< one for each answer, in the order in which they came
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
  /// @param random  makes transactions; it is used during construction and calls, so it outlives
  /// this.
  NatBehaviour(NatBehaviourConfig config, Random& random, Instant now);

  /// @param bytes  any; datagrams that answer none of the requests are ignored.
  void handle_datagram(Instant now, NatSocket at, const Endpoint& from,
                       std::span<const std::byte> bytes);
  /// An ICMP error said that `destination` is unreachable (RFC 8489 §6.2.1: hard errors
  /// end a transaction).
  void handle_unreachable(Instant now, NatSocket at, const Endpoint& destination);
  void handle_timeout(Instant now);
  std::optional<NatSend> poll_transmit() { return outbox_.poll(); }
  /// When to call handle_timeout(); nothing: done.
  [[nodiscard]] std::optional<Instant> next_timeout() const;

  [[nodiscard]] bool done() const { return phase_ == Phase::done; }
  /// What is known so far.
  [[nodiscard]] NatBehaviourResult result() const;

 private:
  enum class Phase : std::uint8_t { servers, others, again, rounds, done };
  enum class State : std::uint8_t { waiting, answered, failed };

  /// A request and its retransmissions.
  struct Exchange {
    NatSocket socket{};
    std::size_t server = 0;  ///< index of the server that it is about
    Endpoint to;             ///< where the request goes
    wire::StunTransaction transaction{};
    int sent = 0;    ///< transmissions, the first one included
    Instant next{};  ///< when to send the request again, or to give up
    State state = State::waiting;
    bool unreachable = false;
    bool answers_others = false;       ///< as StunServerSeen::answers_others
    std::optional<Endpoint> untrue{};  ///< an address in the answer that cannot be ours
    wire::StunMessage answer{};
  };

  /// A request that is repeated in rounds, because its silence means something.
  struct Probe {
    NatSocket from{};
    NatSocket expected_at{};  ///< the socket at which the answer would come in
    Endpoint to;
    std::optional<wire::StunChange> change;
    wire::StunTransaction transaction{};
    bool seen = false;    ///< an answer came in
    bool wanted = false;  ///< this run sends the probe
  };
  enum ProbeIndex : std::uint8_t {
    kFilterBoth,  ///< asks for an answer to `filter` from another address
    kFilterPort,  ///< asks for an answer to `filter` from another port
    /// As kFilterBoth, but to `main`, which lets it in: shows what the server can do.
    kProofBoth,
    /// As kFilterPort, but to `main`, which lets it in: shows what the server can do.
    kProofPort,
    kHairpin,      ///< sends from `hairpin` to the mapping of `main`
    kHairpinBack,  ///< sends from `main` to the mapping of `hairpin`
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
  void send_proof();
  [[nodiscard]] Controls& controls_of(NatSocket socket);
  bool take_control(Controls& controls, const wire::StunTransaction& transaction);
  [[nodiscard]] bool rounds_are_enough() const;
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
  [[nodiscard]] std::optional<std::vector<MappingSeen>> confirmed() const;
  [[nodiscard]] bool has_several_addresses() const;

  NatBehaviourConfig config_;
  Random* random_;
  Phase phase_ = Phase::servers;
  std::vector<Exchange> exchanges_;
  std::vector<OtherAddress> others_;  ///< one for each server, in the order of the configuration
  /// Index of the first of the exchanges that ask a second time; the next one is of
  /// NatSocket::hairpin.
  std::size_t again_ = SIZE_MAX;
  std::optional<std::size_t> tester_;   ///< index of the server whose other address answers
  std::optional<std::size_t> control_;  ///< index of the server that controls are sent to
  std::array<Probe, kProbes> probes_{};
  Controls filter_controls_;
  Controls main_controls_;
  /// They show that NatSocket::hairpin still has the mapping that is sent to.
  Controls hairpin_controls_;
  /// Requests as kProofBoth, each of which is to be answered from the server's other address: that
  /// such answers come, and in time.
  Controls proof_controls_;
  std::size_t ticks_ = 0;  ///< how often every probe of Phase::rounds was sent
  bool round_judged_ = false;
  bool changed_meanwhile_ = false;
  Instant next_tick_;
  Outbox<NatSend> outbox_;
  std::size_t sent_ = 0;
};

/// How a NAT maps, by the mappings that several destinations saw. Pure.
/// @param local  where NatSocket::main sends from; only mappings of this socket count.
NatMapping mapping_of(const Endpoint& local, std::span<const MappingSeen> seen);
PortKeeping port_keeping_of(const std::array<Endpoint, kNatSockets>& local,
                            std::span<const MappingSeen> seen);

/// Addresses that may show that there is more than one NAT.
struct NatAddresses {
  IpAddress local;                        ///< the address that this host sends from
  std::optional<IpAddress> mapped;        ///< the address that STUN servers saw
  std::optional<IpAddress> router_outer;  ///< the outer address that the router names as its own
};
struct NatSigns {
  bool local_shared = false;  ///< `local` is in 100.64.0.0/10 (RFC 6598): a carrier's NAT follows
  bool mapped_not_public = false;  ///< `mapped` is private: even the servers are behind a NAT
  bool carrier_grade = false;      ///< `router_outer` is in 100.64.0.0/10
  /// `router_outer` differs from `mapped`: another NAT follows the router.
  bool double_nat = false;
};
NatSigns nat_signs(const NatAddresses& addresses);

/// 100.64.0.0/10 (RFC 6598).
bool is_shared_address(const IpAddress& address);
/// Private, shared, loopback, link-local or unique local, so not used on the internet (RFC 6890).
bool is_inner_address(const IpAddress& address);

}  // namespace wgscope::path
