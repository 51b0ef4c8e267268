#pragma once

#include <string>

#include "wgscope/checks/ping.hpp"

namespace wgscope::probe {

/// "    3  tunnel 12.3 ms    outside 11.9 ms", without a line break.
/// @param ended  no answer is waited for any more: what has none shows a dash instead of dots.
std::string ping_line(const checks::PingRound& round, bool ended);

/// Pings as they happen, on a terminal: a line a round, the last of which changes as answers come.
class PingView final : public checks::PingObserver {
 public:
  /// What is to be written, as pieces of text with escape sequences.
  using Write = void (*)(const std::string& piece);

  explicit PingView(Write write) : write_(write) {}

  void on_round(const checks::PingRound& round) override;
  /// Finishes the last line, as nothing more comes.
  void end();

 private:
  Write write_;
  checks::PingRound shown_;  ///< the round on the last line; its number is 0 while there is none
};

}  // namespace wgscope::probe
