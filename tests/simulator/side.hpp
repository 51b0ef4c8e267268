#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "chance.hpp"
#include "clock.hpp"

namespace wgscope::simulator {

struct Address {
  std::uint32_t host = 0;
  std::uint16_t port = 0;
  bool operator==(const Address&) const = default;
};

/// Data of an application, as much as is sent at one moment. Empty: a keepalive.
struct Payload {
  std::int64_t bytes = 0;
  std::int64_t packets = 0;
  std::int64_t reply = 0;  ///< bytes that the receiver's application sends back at once
  int flow = 0;            ///< carried back by the reply
};

enum class Kind { initiation, response, data };

struct Packet {
  Kind kind = Kind::data;
  std::uint64_t session = 0;
  std::int64_t stamp = 0;  ///< of an initiation: the sender's wall clock, in milliseconds
  Payload payload;
  Address from;

  /// On the wire, without IP and UDP.
  [[nodiscard]] std::int64_t size() const;
};

/// One side of WireGuard between two peers: sessions and timers as in section 6 of the whitepaper,
/// and where that leaves it open as Linux has it (drivers/net/wireguard/timers.c, send.c,
/// receive.c). Nothing is encrypted: a session is a number that both sides know.
class Side {
 public:
  struct Surroundings {
    std::function<void(const Packet&)> transmit;
    std::function<void(const Payload&)> deliver;  ///< to the application; never a keepalive
    std::function<std::int64_t()> stamp;          ///< the wall clock, in milliseconds
  };

  Side(Clock& clock, Chance& chance, Surroundings around);

  void send(const Payload& payload);
  void receive(const Packet& packet);

  /// Sends a keepalive at once and then after each such silence; 0 is off.
  void set_keepalive(Time interval);
  /// Timers of Linux, which come late by up to an eighth of their time (measured: a keepalive of
  /// 25 s every 26.6 s), on a machine that booted so long before the simulation began.
  void use_timer_wheel(Time booted) { booted_ = booted; }
  void set_endpoint(std::optional<Address> endpoint) { endpoint_ = endpoint; }
  /// As a responder with another preshared key looks to its initiator.
  void set_responses_fail(bool fail) { responses_fail_ = fail; }
  /// Linux forgets sessions when it suspends; timers stand still.
  void suspend();
  void resume();
  /// The interface was deleted and made again.
  void restart();

  [[nodiscard]] std::int64_t received() const { return received_; }
  [[nodiscard]] std::int64_t sent() const { return sent_; }
  /// By the wall clock, as WireGuard keeps it.
  [[nodiscard]] std::optional<Time> last_handshake() const { return last_handshake_; }
  /// Initiations with an older timestamp are ignored (whitepaper section 5.1).
  [[nodiscard]] std::optional<Time> ignores_until() const {
    return greatest_stamp_ ? std::optional(Time(*greatest_stamp_)) : std::nullopt;
  }
  [[nodiscard]] std::optional<Address> endpoint() const { return endpoint_; }

 private:
  struct Session {
    std::uint64_t id;
    Time born;
    bool initiator;
  };

  [[nodiscard]] bool usable(const std::optional<Session>& session) const;
  void transmit(Kind kind, std::uint64_t session, const Payload& payload = {});
  void send_in_session(const Payload& payload);
  void send_staged();
  void send_keepalive();
  void initiate(bool is_retry);
  void receive_initiation(const Packet& packet);
  void receive_response(const Packet& packet);
  void receive_data(const Packet& packet);
  void authenticated(const Packet& packet);
  void handshake_complete();
  void retransmit_expired();
  void keepalive_expired();
  void cancel_timers();
  void arm_persistent();
  void set(Timer& timer, Time delay);
  Time jitter();

  Clock* clock_;
  Chance* chance_;
  Surroundings around_;

  std::optional<Session> current_, previous_, next_;
  std::optional<std::uint64_t> pending_;
  std::optional<Time> last_sent_handshake_;
  std::optional<Time> last_handshake_;
  std::optional<std::int64_t> greatest_stamp_;
  std::vector<Payload> staged_;
  int attempts_ = 0;
  bool another_keepalive_ = false;
  bool last_minute_sent_ = false;
  bool responses_fail_ = false;
  bool suspended_ = false;

  std::optional<Address> endpoint_;
  Time persistent_{0};
  std::optional<Time> booted_;
  std::int64_t received_ = 0;
  std::int64_t sent_ = 0;

  Timer retransmit_timer_;
  Timer keepalive_timer_;
  Timer new_handshake_timer_;
  Timer persistent_timer_;
};

}  // namespace wgscope::simulator
