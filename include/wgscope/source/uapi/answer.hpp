#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "wgscope/base/result.hpp"
#include "wgscope/base/time.hpp"
#include "wgscope/model/device.hpp"

namespace wgscope::uapi {

inline constexpr std::string_view kGetRequest = "get=1\n\n";

/// Longer lines are refused. The longest real one has about 100 characters.
inline constexpr std::size_t kMaxLineSize = 1024;
/// More peers are refused, as by the kernel (MAX_PEERS_PER_DEVICE).
inline constexpr std::size_t kMaxPeers = 1U << 20U;
/// More allowed IPs, those of all peers together, are refused.
inline constexpr std::size_t kMaxAllowedIps = 1U << 22U;

/// Reads the answer to get=1, piece by piece as it arrives; owns no socket and no clock.
/// The private key is turned into the public one and forgotten, preshared keys are only compared
/// with zero, and no error repeats a value. BoringTun keeps its private key to itself and names
/// own_public_key instead. Source: https://www.wireguard.com/xplatform/ "Configuration Protocol";
/// wireguard-go device/uapi.go; boringtun device/api.rs, api_get.
class AnswerReader {
 public:
  /// @param into  name, netns and link stay as they are; the rest is filled.
  /// @param now  tells a handshake's age from its time: BoringTun reports the age (boringtun issue
  /// 447).
  AnswerReader(Device& into, WallTime now) : device_(&into), now_(now) {}

  /// Reads all whole lines at the start of `bytes`.
  /// @returns how many bytes they were; the caller keeps the rest and brings it again, with more
  /// behind it. Or truncated
  ///          (bytes after the end), bad_value (naming the key; of values of the interface, and of
  ///          peers' public keys), too_large, missing_key; or the errno the daemon answered.
  Result<std::size_t> feed(std::span<const char> bytes);

  /// How many peers are left out because one of their values is malformed or out of range: they
  /// cost nothing but themselves.
  [[nodiscard]] std::size_t left_out() const { return left_out_; }
  /// Why the first of them is left out: names the key.
  [[nodiscard]] const std::string& fault() const { return fault_; }

  /// Whether the answer is complete. An answer that ends before is truncated.
  [[nodiscard]] bool done() const { return state_ == State::done; }

 private:
  enum class State : std::uint8_t { lines, blank_line, done };

  Result<> line(std::string_view text);
  Result<> device_line(std::string_view text);
  Result<> peer_line(std::string_view text);
  Result<> other_line(std::string_view text);
  Result<> peer_value(std::string_view text);
  Result<> allowed_ip(std::string_view value);
  Result<> endpoint(std::string_view value);
  Result<> preshared_key(std::string_view value);
  Result<> begin_peer(std::string_view hex);
  Result<> end(std::string_view value);
  void finish_peer();
  Result<> private_key(std::string_view hex);
  Result<> own_public_key(std::string_view hex);

  Device* device_;
  WallTime now_;
  std::int64_t handshake_seconds_ = 0;
  std::int64_t handshake_nanoseconds_ = 0;
  bool spoiled_ = false;  ///< the peer has a malformed value
  std::size_t left_out_ = 0;
  std::string fault_;
  State state_ = State::lines;
};

}  // namespace wgscope::uapi
