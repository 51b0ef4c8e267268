#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "wgscope/base/time.hpp"
#include "wgscope/diagnosis/handshake.hpp"
#include "wgscope/diagnosis/session.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/os/udp_socket.hpp"
#include "wgscope/tunnel/event.hpp"

namespace wgscope::checks {

/// Keeps what diagnosis::SessionFacts tells, in bounded memory. What comes before the first
/// handshake is not kept: that is the handshake's own.
class SessionRecord {
 public:
  /// Errors of more kinds than this are counted with the last: whoever forges them may vary them.
  static constexpr std::size_t kMostKinds = 16;

  /// A new session stands.
  void begin(Instant now);
  /// The same, and it is the gateway's response to our last initiation that made it.
  void respond(Instant now);
  /// An initiation leaves. @param attempt  which of this handshake, from 1. @param sent  packets
  /// with content that were sent so far; kNotAwaited: silence is what was wanted of the session.
  void initiate(Instant now, std::uint64_t attempt, std::uint64_t sent);
  static constexpr std::uint64_t kNotAwaited = 0;
  /// An authentic packet of the gateway came. @param uses_session  it was sent under the session's
  /// keys, and no handshake message. @param sent  as above.
  void hear(Instant now, bool uses_session, std::uint64_t sent = 0);
  /// A datagram came and was refused, before the handshake or after it.
  void refuse(const tunnel::Event& event);
  /// A measurement whose session was silent on purpose has seen that the gateway had lost it.
  void lose(const diagnosis::LostSession& lost);
  /// A packet came from the gateway's address for a session that was never ours.
  void take_foreign(Instant now);
  void take_error(Instant now, const os::SocketError& error);
  void take_failure(const os::SendFailure& failure);

  /// From now on a search has routers report that packets lived too long: such errors are its own.
  void expect_time_exceeded() { expects_time_exceeded_ = true; }
  /// How many sessions have been made.
  [[nodiscard]] std::size_t sessions() const { return facts_.sessions; }
  /// What was refused before the first handshake; afterwards it counts in facts().
  [[nodiscard]] const diagnosis::Refused& refused_at_first() const { return refused_at_first_; }

  /// @param own  this host's address towards the gateway.
  [[nodiscard]] diagnosis::SessionFacts facts(Instant now, const Endpoint& gateway,
                                              const std::optional<IpAddress>& own) const;

 private:
  /// Fewer can be left over from a packet that was overtaken.
  static constexpr std::size_t kForeignEnough = 2;

  [[nodiscard]] bool begun() const { return facts_.sessions > 0; }
  void close(diagnosis::Takeover& taken) const;

  Instant since_{};  ///< the first session stood
  diagnosis::SessionFacts facts_;
  diagnosis::Refused refused_at_first_;
  bool expects_time_exceeded_ = false;
  // Of the session in use:
  bool used_ = false;        ///< the gateway has sent under it
  std::size_t foreign_ = 0;  ///< since the gateway's last packet under it
  Nanoseconds first_foreign_{};
  Instant begun_{};                  ///< when it stood
  Instant last_used_{};              ///< when the gateway last sent under it
  std::uint64_t sent_at_heard_ = 0;  ///< packets with content that we had sent by then
  /// What would be said of it if the initiation under way is answered at once.
  std::optional<diagnosis::LostSession> lost_;
};

}  // namespace wgscope::checks
