#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "wgscope/base/result.hpp"
#include "wgscope/base/time.hpp"
#include "wgscope/checks/attendance.hpp"
#include "wgscope/checks/run.hpp"
#include "wgscope/checks/session_record.hpp"
#include "wgscope/checks/stamps.hpp"
#include "wgscope/checks/target.hpp"
#include "wgscope/crypto/random.hpp"
#include "wgscope/diagnosis/handshake.hpp"
#include "wgscope/diagnosis/session.hpp"
#include "wgscope/endpoint/attachment.hpp"
#include "wgscope/endpoint/embedded_endpoint.hpp"
#include "wgscope/endpoint/measuring_service.hpp"
#include "wgscope/inner/event.hpp"
#include "wgscope/inner/host.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/os/udp_socket.hpp"
#include "wgscope/tunnel/event.hpp"

namespace wgscope::checks {

/// A tunnel to one address of the gateway, on a socket and port of its own, with a record of what
/// happened in it.
class Session final : private endpoint::Observer {
 public:
  /// Sends nothing yet. @param run, stamps  outlive the session.
  /// @returns as EmbeddedEndpoint::open() and tunnel::Interface::add_peer().
  static Result<std::unique_ptr<Session>> open(Run& run, const Target& target,
                                               const Endpoint& gateway, Stamps& stamps);
  ~Session() override;

  [[nodiscard]] const Endpoint& gateway() const { return gateway_; }
  endpoint::EmbeddedEndpoint& endpoint() { return *endpoint_; }
  inner::Host& host() { return endpoint_->host(); }
  tunnel::Interface& interface() { return endpoint_->interface(); }
  [[nodiscard]] tunnel::PeerId peer() const { return peer_; }
  [[nodiscard]] bool established() const;

  void initiate();
  void send_keepalive();
  /// Sends what host() and interface() were asked to send.
  void pump();
  /// Reads errors of the socket into socket_errors, without waiting for the loop.
  void read_errors();
  /// Stops all timers, or starts them again. Without timers the session sends nothing unasked, no
  /// retry and no keepalive; it still takes what comes.
  void run_timers(bool wanted);
  /// Moves to a socket on another port, as if a NAT had forgotten the old one.
  Result<> rebind();

  /// What to do about what happens in the session. Each may be left out, `next` and
  /// `expired` only together.
  struct Attendant {
    /// Called for each event inside the tunnel; they are not kept. May use host().
    std::function<void(const inner::Event&)> on_inner = {};
    /// Called for each packet that comes out of the tunnel, before host(), until one attendant
    /// takes it. May use interface(), but not pump(). @returns whether it takes the packet: then
    /// neither host() nor the attendants behind get it.
    std::function<bool(const endpoint::Arrived&)> on_arrival = {};
    /// When this attendant has something due by itself. Nothing: not now.
    std::function<std::optional<Instant>()> next = {};
    /// Called once that time has come; pump() follows.
    std::function<void(Instant)> expired = {};
  };
  using Attention = Attendance<Attendant>::Attention;
  /// Calls the attendant until the Attention ends, which may outlive the session. Declare it behind
  /// everything that the handlers use, so that it ends first.
  [[nodiscard]] Attention attend(Attendant attendant) {
    return attendance_.add(std::move(attendant));
  }

  /// Why datagrams go without the configuration's firewall mark, where it could not be set.
  [[nodiscard]] const std::optional<std::string>& mark_refused() const { return mark_refused_; }

  /// When each initiation left. That is later than its EventKind::handshake_sent, because its stamp
  /// is kept first, which may wait for a disk.
  std::vector<Instant> initiations_sent;

  // What happened, in the order in which it did.
  std::vector<tunnel::Event> events;
  std::vector<os::SocketError> socket_errors;
  std::vector<os::SendFailure> send_failures;
  std::vector<endpoint::Fragmented> fragmented;  ///< datagrams that came in fragments

  /// What was seen since the first handshake, errors that wait at the socket included.
  [[nodiscard]] diagnosis::SessionFacts facts();
  /// What came before the first handshake, and was refused. Responses that come too late and
  /// cookies that nothing asked for are not in it: `events` has them.
  [[nodiscard]] const diagnosis::Refused& refused_at_first() const {
    return record_.refused_at_first();
  }
  /// How long the last handshake's initiation and response took; nothing: none was made from here.
  [[nodiscard]] std::optional<Nanoseconds> round_trip() const { return round_trip_; }
  /// How many sessions have been made.
  [[nodiscard]] std::size_t sessions() const { return record_.sessions(); }
  /// As SessionRecord::lose().
  void note_lost(const diagnosis::LostSession& lost) { record_.lose(lost); }
  /// A search is about to shorten packets' lives: errors about that are its own.
  void expect_time_exceeded() { record_.expect_time_exceeded(); }

  [[nodiscard]] std::size_t count(tunnel::EventKind kind) const;
  /// The first event of a kind from `since` on.
  [[nodiscard]] const tunnel::Event* find(tunnel::EventKind kind, Instant since = {}) const;

 private:
  Session(Run& run, Stamps& stamps, const Endpoint& gateway);
  void on_tunnel_event(const tunnel::Event& event) override;
  void record(const tunnel::Event& event);
  void hear(Instant now, bool uses_session);
  void on_inner_event(const inner::Event& event) override;
  void on_socket_error(const os::SocketError& error) override;
  void on_send_failure(const os::SendFailure& failure) override;
  void on_fragments(const endpoint::Fragmented& fragmented) override;
  bool take_arrived(const endpoint::Arrived& arrived) override;
  bool on_stamp(const noise::Tai64n& stamp) override;
  Result<> open_endpoint(const Target& target);
  Result<> watch();
  [[nodiscard]] std::optional<Instant> next_of_attendants() const;
  void expire_attendants(Instant now);

  Run& run_;
  Stamps& stamps_;
  Endpoint gateway_;
  crypto::SystemRandom random_;
  std::unique_ptr<endpoint::EmbeddedEndpoint> endpoint_;
  tunnel::PeerId peer_;
  std::optional<std::string> mark_refused_;
  bool timers_ = true;
  SessionRecord record_;
  std::optional<Nanoseconds> round_trip_;
  std::optional<Endpoint> speaks_from_;  ///< where the gateway's last authentic packet came from
  Attendance<Attendant> attendance_;
  std::vector<os::PollLoop::Watch> watches_;
};

}  // namespace wgscope::checks
