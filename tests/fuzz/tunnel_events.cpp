// A byte string as a script of what happens to two interfaces: packets, loss, duplication,
// damage, reordering, time, peers that come and go. What must hold whatever happens is checked
// at each step.

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <utility>
#include <vector>

#include "wgscope/base/bytes.hpp"
#include "wgscope/base/time.hpp"
#include "wgscope/tunnel/event.hpp"
#include "wgscope/tunnel/interface.hpp"
#include "wgscope/wire/message.hpp"

#include "fuzz.hpp"
#include "tunnel_pair.hpp"

namespace wgscope::fuzz {
namespace {

using wire::MessageType;

constexpr std::size_t kMaxScript = 400;
constexpr std::size_t kMaxFlights = 64;

class Script {
 public:
  void run(std::span<const std::byte> script) {
    while (!script.empty()) {
      const auto operation = std::to_integer<unsigned>(script[0]);
      script = script.subspan(1);
      const std::size_t side = operation & 1U;
      switch ((operation >> 1U) % 12) {
        case 0:
        case 1: send(side); break;
        case 2:
        case 3:
        case 4: deliver(side); break;
        case 5: lose(side); break;
        case 6: duplicate(side); break;
        case 7: postpone(side); break;
        case 8: damage(side, take(script)); break;
        case 9: pass_time(take(script)); break;
        case 10: toggle_peer(side); break;
        default: ask(side, take(script)); break;
      }
      for (const std::size_t from : {0U, 1U}) collect(from);
    }
  }

 private:
  struct Flight {
    Bytes bytes;
    bool damaged = false;
  };
  struct SideState {
    std::deque<Flight> flights;                       ///< from here
    std::set<std::uint32_t> under_way;                ///< packets sent from here and not delivered
    std::optional<Instant> initiated;                 ///< since the peer was added
    std::map<std::uint32_t, std::uint64_t> counters;  ///< the next, by receiver index
  };

  static unsigned take(std::span<const std::byte>& script) {
    if (script.empty()) return 0;
    const auto value = std::to_integer<unsigned>(script[0]);
    script = script.subspan(1);
    return value;
  }

  void send(std::size_t from) {
    const std::uint32_t number = next_number_++;
    const auto sent = pair_.sides[from].interface.send(pair_.now(), pair_.packet(from, number));
    WGSCOPE_PROMISE(sent != tunnel::Sent::blocked && sent != tunnel::Sent::malformed);
    state_[from].under_way.insert(number);
  }

  void deliver(std::size_t from) {
    auto& flights = state_[from].flights;
    if (flights.empty()) return;
    Flight flight = std::move(flights.front());
    flights.pop_front();
    const auto received = pair_.sides[1 - from].interface.handle_datagram(
        pair_.now(), pair_.sides[from].address, flight.bytes);
    WGSCOPE_PROMISE(received.peer.has_value() == !received.packet.empty());
    if (!received.peer) return;
    WGSCOPE_PROMISE(!flight.damaged);
    WGSCOPE_PROMISE(received.peer == pair_.sides[1 - from].peer);
    const std::uint32_t number = load_le32(std::span<const std::byte>(received.packet).last<4>());
    WGSCOPE_PROMISE(std::ranges::equal(received.packet, pair_.packet(from, number)));
    WGSCOPE_PROMISE(state_[from].under_way.erase(number) == 1);  // once
  }

  void lose(std::size_t from) {
    if (!state_[from].flights.empty()) state_[from].flights.pop_front();
  }
  void duplicate(std::size_t from) {
    auto& flights = state_[from].flights;
    if (!flights.empty()) flights.push_back(Flight(flights.front()));
  }
  void postpone(std::size_t from) {
    auto& flights = state_[from].flights;
    if (!flights.empty()) std::ranges::rotate(flights, flights.begin() + 1);
  }
  void damage(std::size_t from, unsigned where) {
    auto& flights = state_[from].flights;
    if (flights.empty()) return;
    // Twice in the same place heals.
    Flight& flight = flights.front();
    if (flight.damaged) return;
    flight.bytes[(where >> 3U) * 7 % flight.bytes.size()] ^= std::byte{1} << (where & 7U);
    flight.damaged = true;
  }

  /// Up to 13 minutes. Every timeout is called when it is due, or all late.
  void pass_time(unsigned how) {
    const bool late = (how & 1U) != 0;
    const Instant end = pair_.boot + std::chrono::milliseconds(12 * how * how);
    if (late) pair_.boot = end;
    while (const auto side = next_due(end)) {
      tunnel::Interface& interface = pair_.sides[*side].interface;
      pair_.boot = std::max(pair_.boot, *interface.next_timeout());
      interface.handle_timeout(pair_.now());
      WGSCOPE_PROMISE(!interface.next_timeout() || *interface.next_timeout() > pair_.boot);
      collect(*side);
    }
    pair_.boot = end;
  }

  /// The side whose timeout comes first, if one comes until `end`.
  [[nodiscard]] std::optional<std::size_t> next_due(Instant end) const {
    std::optional<std::size_t> first;
    for (const std::size_t side : {0U, 1U}) {
      const auto due = pair_.sides[side].interface.next_timeout();
      if (!due || *due > end) continue;
      if (!first || *due < *pair_.sides[*first].interface.next_timeout()) first = side;
    }
    return first;
  }

  void toggle_peer(std::size_t side) {
    auto& peer = pair_.sides[side].peer;
    if (peer) {
      pair_.sides[side].interface.remove_peer(*peer);
      peer.reset();
      WGSCOPE_PROMISE(!pair_.sides[side].interface.next_timeout());
    } else {
      pair_.add_peer(side);
      state_[side].initiated.reset();
    }
  }

  void ask(std::size_t side, unsigned what) {
    const auto peer = pair_.sides[side].peer;
    if (!peer) return;
    if (what % 2 == 0) {
      pair_.sides[side].interface.initiate(pair_.now(), *peer);
    } else {
      pair_.sides[side].interface.send_keepalive(pair_.now(), *peer);
    }
  }

  void collect(std::size_t from) {
    for (Bytes& datagram : pair_.take(from)) {
      check(state_[from], datagram);
      if (state_[from].flights.size() < kMaxFlights)
        state_[from].flights.push_back({std::move(datagram)});
    }
    tunnel::Interface& interface = pair_.sides[from].interface;
    while (interface.poll_event()) {
    }
    WGSCOPE_PROMISE(interface.dropped(tunnel::DropReason::no_resources) == 0);
    WGSCOPE_PROMISE(interface.dropped(tunnel::DropReason::inner_malformed) == 0);
    WGSCOPE_PROMISE(interface.dropped(tunnel::DropReason::source_not_allowed) == 0);
  }

  void check(SideState& state, std::span<const std::byte> datagram) const {
    const auto type = wire::classify(datagram);
    WGSCOPE_PROMISE(type.has_value());
    if (*type == MessageType::initiation) {
      WGSCOPE_PROMISE(!state.initiated || pair_.boot - *state.initiated >= std::chrono::seconds(5));
      state.initiated = pair_.boot;
    }
    if (*type == MessageType::transport) {
      const std::uint64_t counter = load_le64(datagram.subspan(8).first<8>());
      auto& next = state.counters[load_le32(datagram.subspan(4).first<4>())];
      WGSCOPE_PROMISE(counter >= next);  // no nonce twice
      next = counter + 1;
    }
  }

  TunnelPair pair_;
  SideState state_[2];
  std::uint32_t next_number_ = 0;
};

}  // namespace
}  // namespace wgscope::fuzz

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace wgscope::fuzz;
  Script().run(as_bytes(data, std::min(size, kMaxScript)));
  return 0;
}
