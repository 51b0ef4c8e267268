#pragma once

#include <memory>
#include <optional>
#include <span>

#include "wgscope/base/random.hpp"
#include "wgscope/base/time.hpp"
#include "wgscope/checks/handshake.hpp"
#include "wgscope/checks/run.hpp"
#include "wgscope/checks/session.hpp"
#include "wgscope/checks/stamps.hpp"
#include "wgscope/checks/target.hpp"
#include "wgscope/diagnosis/handshake.hpp"
#include "wgscope/model/address.hpp"

#include "silence.hpp"

namespace wgscope::checks {

/// What all attempts of a handshake share. It outlives them.
struct Surroundings {
  Run& run;
  const Target& target;
  Stamps& stamps;
  const HandshakeOptions& options;
  Random& random;
};

/// The handshake with one address of the endpoint, in the protocol's own rhythm.
class Attempt {
 public:
  Attempt(const Surroundings& around, const Endpoint& endpoint);

  /// Opens a socket and initiates; once more for a session that replaces the one before.
  void start();
  /// Looks at what happened since the last time.
  void look();
  /// Where nothing answers for a while: asks around, beside the initiations.
  void question_silence();

  [[nodiscard]] bool responded() const { return facts_.response_after.has_value(); }
  /// Nothing more is to be expected: it responded, or something told why it will not.
  [[nodiscard]] bool settled(Instant now) const;
  /// When it will be, if nothing else happens.
  [[nodiscard]] std::optional<Instant> settles_at() const;
  /// Whether questions about silence are still open.
  [[nodiscard]] bool questions_open() const { return silence_ && !silence_->done(); }
  /// When its last initiation went out.
  [[nodiscard]] std::optional<Instant> last_initiation() const;

  /// The configuration's firewall mark, where the system lets us set it.
  [[nodiscard]] std::optional<std::uint32_t> mark() const {
    return session_ && session_->mark_refused() ? std::nullopt : around_.target.fwmark;
  }
  [[nodiscard]] const Endpoint& endpoint() const { return facts_.endpoint; }
  diagnosis::AttemptFacts& facts() { return facts_; }
  Session* session() { return session_.get(); }
  std::unique_ptr<Session> take_session() { return std::move(session_); }
  /// The session is not used any longer: what it refused since the handshake is the attempt's.
  void keep_refused();
  /// No retries any more, and no more questions.
  void rest();

 private:
  void look_at_errors();
  void look_at_late_responses();
  void take_late_response(Instant at);
  void look_at_response();
  void try_preshared_keys();

  const Surroundings& around_;
  diagnosis::AttemptFacts facts_;
  std::unique_ptr<Session> session_;
  std::unique_ptr<SilenceProbe> silence_;
  std::size_t errors_seen_ = 0;
  std::size_t events_seen_ = 0;
  std::size_t initiations_before_ = 0;  ///< of sessions that were replaced
  diagnosis::Refused refused_before_;   ///< by sessions that were replaced, or are kept no longer
  std::optional<Instant> icmp_since_;
  std::optional<IpAddress> own_address_;
};

}  // namespace wgscope::checks
