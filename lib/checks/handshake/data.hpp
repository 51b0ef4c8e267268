#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "wgscope/base/random.hpp"
#include "wgscope/base/time.hpp"
#include "wgscope/checks/run.hpp"
#include "wgscope/checks/session.hpp"
#include "wgscope/diagnosis/handshake.hpp"
#include "wgscope/model/address.hpp"

namespace wgscope::checks {

inline constexpr std::size_t kDataEchoes = 3;
/// From one echo request to the next while a session is held.
inline constexpr std::chrono::milliseconds kHoldInterval{500};

struct DataOptions {
  Random& random;
  IpAddress target;          ///< inside the tunnel
  bool guessed = false;      ///< nobody named it
  Nanoseconds round_trip{};  ///< As long as the handshake's: slow paths get more patience.
  bool witnesses = true;     ///< where nothing answers: wait for what the peer's timers tell
  std::optional<Nanoseconds> hold;
  std::optional<std::uint32_t> mark;  ///< of what is sent outside the session
  Instant deadline;
};

/// Whether data crosses a session that was made just now, and no other since: echo requests, and
/// where they are not answered, silence, in which the peer's own timers tell what it received.
diagnosis::DataFacts try_data(Run& run, Session& session, const DataOptions& options);

}  // namespace wgscope::checks
