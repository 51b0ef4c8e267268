#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "wgscope/checks/handshake.hpp"
#include "wgscope/checks/prepare.hpp"
#include "wgscope/checks/run.hpp"
#include "wgscope/checks/session.hpp"
#include "wgscope/checks/target.hpp"
#include "wgscope/diagnosis/finding.hpp"
#include "wgscope/diagnosis/handshake.hpp"
#include "wgscope/diagnosis/report.hpp"
#include "wgscope/diagnosis/route.hpp"
#include "wgscope/diagnosis/text.hpp"

namespace wgscope::checks {

/// A tunnel to one gateway, for everything that is asked about it. The handshake is made when the
/// first question needs it, once, and reported once.
class Tunnel {
 public:
  /// @param options  for now without data and for the handshake alone; questions ask for more.
  Tunnel(Prepared prepared, HandshakeOptions options);

  [[nodiscard]] const Target& target() const { return prepared_.target; }
  /// What was noticed while the target's files were read.
  [[nodiscard]] const std::vector<diagnosis::Check>& noticed() const { return prepared_.noticed; }
  /// What was noticed that keeps anything from being sent; nothing where something is sent.
  [[nodiscard]] const std::optional<diagnosis::FindingId>& obstacle() const {
    return prepared_.obstacle;
  }
  /// How the handshake is made. Questions change this before the first use().
  HandshakeOptions& options() { return options_; }
  [[nodiscard]] const HandshakeOptions& options() const { return options_; }

  /// What the handshake sends, and what that changes at the gateway.
  [[nodiscard]] std::vector<diagnosis::Text> plan() const;

  /// Handshakes, unless that was done, and adds to the report what that showed. Then hands over the
  /// session, and amends the report by what that has recorded (diagnosis::amend). There is no other
  /// way to a session, so that nothing that came to it is left out.
  /// @param run  outlives the session: this tunnel, or the next begin_again().
  /// @param ask  not called where no session stands, or the user has ended the run.
  /// @returns whether it was called.
  bool use(Run& run, diagnosis::Report& report, const std::function<void(Session&)>& ask);
  /// What the handshake showed; nothing before use().
  [[nodiscard]] const std::optional<diagnosis::HandshakeFacts>& facts() const { return facts_; }

  /// The way that the session's packets take; nullptr: unknown.
  [[nodiscard]] const diagnosis::RouteFacts* route() const;
  /// Whether the session's packets leave through another tunnel that nobody asked for: what is
  /// measured of the path is then that tunnel's.
  [[nodiscard]] bool is_astray() const;

  /// Ends the session. The next use() handshakes and reports anew, from the same local port where
  /// that is free.
  void begin_again();

 private:
  Session* stand(Run& run, diagnosis::Report& report);

  Prepared prepared_;
  HandshakeOptions options_;
  std::optional<diagnosis::HandshakeFacts> facts_;
  std::unique_ptr<Session> session_;
};

}  // namespace wgscope::checks
