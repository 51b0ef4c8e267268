#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "wgscope/base/keys.hpp"
#include "wgscope/base/random.hpp"
#include "wgscope/base/time.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/model/public_key.hpp"
#include "wgscope/tunnel/event.hpp"
#include "wgscope/tunnel/interface.hpp"
#include "wgscope/wire/message.hpp"

// Interfaces on a simulated network and virtual time: nothing is waited for, and a seed repeats a
// run exactly.

namespace wgscope::tunnel::testing {

using Bytes = std::vector<std::byte>;

class SeededRandom final : public Random {
 public:
  explicit SeededRandom(std::uint64_t seed) : engine_(seed) {}
  void fill(std::span<std::byte> out) override;
  /// True with this probability.
  bool chance(double probability);
  std::uint64_t below(std::uint64_t bound) { return engine_() % bound; }

 private:
  std::mt19937_64 engine_;
};

/// What the way between any two nodes does to datagrams.
struct Link {
  Nanoseconds delay = std::chrono::milliseconds(10);
  Nanoseconds spread{0};  ///< added at random, which reorders
  double loss = 0;
  double duplication = 0;
  double corruption = 0;  ///< one bit
};

/// A datagram that a node sent, with what its header says.
struct Logged {
  Instant at;
  std::size_t from;  ///< node
  Endpoint to;
  std::optional<wire::MessageType> type;
  std::uint32_t sender = 0;    ///< of initiations and responses
  std::uint32_t receiver = 0;  ///< of all others
  std::uint64_t counter = 0;   ///< of transport messages
  Bytes bytes;                 ///< empty unless Net::keep_bytes
  std::size_t size = 0;
};

struct Delivered {
  Instant at;
  PeerId peer;
  Bytes packet;
};

/// One interface, and what came out of it.
struct Node {
  std::unique_ptr<SeededRandom> random;
  std::optional<Interface> interface;
  Endpoint address;
  IpAddress inner;  ///< 10.0.0.(number + 1)
  Nanoseconds wall_offset{0};
  bool deaf = false;   ///< what is sent to it is lost
  bool mute = false;   ///< what it sends is lost
  bool polled = true;  ///< false: its outbox is left alone
  std::vector<Event> events;
  std::vector<Delivered> delivered;

  [[nodiscard]] std::size_t count(EventKind kind) const;
  [[nodiscard]] std::size_t count(DropReason reason) const;
  /// The last event of a kind.
  [[nodiscard]] std::optional<Event> last(EventKind kind) const;
};

/// How a node knows another.
struct Acquaintance {
  std::uint8_t preshared = 0;  ///< 0: none; else a key made of this byte
  bool endpoint = true;        ///< whether the address is known from the start
  std::chrono::seconds persistent_keepalive{0};
};

class Net {
 public:
  explicit Net(std::uint64_t seed = 1);

  struct NodeOptions {
    std::uint32_t handshakes_per_second = 100'000;
    std::uint32_t handshake_burst = 100'000;
    std::size_t mtu = kDefaultMtu;
    noise::Tai64n last_stamp{};
  };
  std::size_t add_node() { return add_node(NodeOptions{}); }
  std::size_t add_node(const NodeOptions& options);
  /// Another interface of the same key, as a restarted program has it; peers are to be added.
  void restart(std::size_t node, const NodeOptions& options);
  /// Makes `known` a peer of `knower`.
  PeerId introduce(std::size_t knower, std::size_t known, const Acquaintance& how = {});
  void forget(std::size_t knower, std::size_t known);

  Node& operator[](std::size_t node) { return *nodes_[node]; }
  Interface& interface(std::size_t node) { return *nodes_[node]->interface; }
  [[nodiscard]] PeerId id(std::size_t knower, std::size_t known) const {
    return ids_.at({knower, known});
  }
  [[nodiscard]] Instant boot() const { return now_; }
  [[nodiscard]] Now now(std::size_t node) const;

  /// A node's interface after something was asked of it: sends what it has, notes its events.
  void flush(std::size_t node);
  /// Sends an inner packet with `payload` from one node to another.
  Sent send(std::size_t from, std::size_t to, std::string_view payload = "data");
  Sent send_raw(std::size_t from, Bytes packet);
  bool initiate(std::size_t from, std::size_t to);
  /// Hands bytes to a node as if they came from `source`.
  void inject(std::size_t to, const Endpoint& source, Bytes bytes);
  /// Lets time pass, delivering what arrives and calling timeouts exactly when they are due.
  void advance(Nanoseconds duration) { run_until(now_ + duration); }
  void run_until(Instant end);
  /// Time stands still for the interfaces: they sleep, and wake up late.
  void sleep(Nanoseconds duration) { now_ = now_ + duration; }
  void move_node(std::size_t node, const Endpoint& address);

  /// Payloads that a node's peers sent to it, in order.
  [[nodiscard]] std::vector<std::string> received(std::size_t node) const;
  /// What a node sent since `mark`, of one type.
  [[nodiscard]] std::vector<Logged> sent(std::size_t node, wire::MessageType type,
                                         std::size_t mark = 0) const;
  [[nodiscard]] std::size_t count(std::size_t node, wire::MessageType type,
                                  std::size_t mark = 0) const {
    return sent(node, type, mark).size();
  }

  Link link;
  bool keep_bytes = false;
  std::vector<Logged> log;
  std::uint64_t corrupted = 0;  ///< datagrams that arrived damaged

 private:
  struct Flight {
    std::size_t from;
    Endpoint source;
    Endpoint to;
    Bytes bytes;
    bool damaged = false;
  };
  struct Identity {
    PrivateKey key;
    PublicKey public_key;
  };

  void make_interface(std::size_t node, const NodeOptions& options);
  void transmit(std::size_t from, const Transmit& batch);
  void launch(Flight flight);
  void arrive(Flight flight);

  std::unique_ptr<SeededRandom> random_;  // what does not move has a place of its own
  std::uint64_t seed_;
  Instant now_{std::chrono::hours(1)};
  std::vector<std::unique_ptr<Node>> nodes_;
  std::vector<Identity> identities_;
  std::map<Endpoint, std::size_t> addresses_;
  std::map<std::pair<std::size_t, std::size_t>, PeerId> ids_;
  std::multimap<Instant, Flight> flights_;
};

/// An IPv4 packet. @param size  of the whole packet; 0: as the payload needs.
Bytes ipv4(const IpAddress& source, const IpAddress& destination, std::string_view payload,
           std::size_t size = 0);
std::string payload_of(std::span<const std::byte> packet);

/// Nodes 0 and 1 that know each other, of which only node 0 knows the other's address.
Net make_pair(const Acquaintance& initiator = {},
              const Acquaintance& responder = {.endpoint = false}, std::uint64_t seed = 1);

}  // namespace wgscope::tunnel::testing
