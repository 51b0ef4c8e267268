#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <unordered_map>

#include "wgscope/base/time.hpp"
#include "wgscope/base/token_bucket.hpp"
#include "wgscope/model/address.hpp"

namespace wgscope::tunnel {

/// Whether handshakes come faster than we want to pay for. A queue's length tells that where there
/// is one (whitepaper §5.3: "under load"); without a queue their rate does. Stays so for a second
/// after the last that was too much.
class LoadMeter {
 public:
  LoadMeter(std::uint32_t per_second, std::uint32_t burst) : bucket_(per_second, burst) {}

  /// Notes a handshake message. @returns whether we are under load.
  bool note(Instant now);

 private:
  TokenBucket bucket_;
  std::optional<Instant> until_;
};

/// How often each source may handshake while we are under load: 20 a second, 5 at once, as the
/// kernel allows (ratelimiter.c). A source is an IPv4 address or an IPv6 /64, for whoever has one
/// address of those has all.
class SourceLimiter {
 public:
  static constexpr std::uint32_t kPerSecond = 20;
  static constexpr std::uint32_t kBurst = 5;
  /// More sources than this at once are refused: their state would be the attack.
  static constexpr std::size_t kMaxSources = 8192;

  /// @param seed  random, so that senders cannot choose addresses that collide.
  explicit SourceLimiter(std::uint64_t seed);
  bool allow(Instant now, const IpAddress& source);

 private:
  struct Hash {
    std::uint64_t seed;
    std::size_t operator()(std::uint64_t source) const;
  };

  void forget_idle(Instant now);

  std::unordered_map<std::uint64_t, TokenBucket, Hash> sources_;
  Instant swept_;
};

}  // namespace wgscope::tunnel
