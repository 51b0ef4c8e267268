#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "wgscope/base/time.hpp"
#include "wgscope/crypto/aead.hpp"
#include "wgscope/noise/handshake.hpp"
#include "wgscope/noise/replay_window.hpp"

namespace wgscope::noise {

enum class Role : std::uint8_t { initiator, responder };

/// The keys of one session in both directions, its counters and its replay window (whitepaper
/// §5.4.5, §5.4.6). A session is too old to send or receive 180 s after its handshake; the caller
/// knows the time, `created` tells since when.
class KeyPair {
 public:
  struct Indices {
    std::uint32_t local;   ///< our index, which the peer writes into the receiver field
    std::uint32_t remote;  ///< the peer's index, which we write into the receiver field
  };
  KeyPair(const TransportKeys& keys, Indices indices, Role role, Instant created);

  [[nodiscard]] Indices indices() const { return indices_; }
  [[nodiscard]] Role role() const { return role_; }
  [[nodiscard]] Instant created() const { return created_; }
  [[nodiscard]] std::uint64_t sent() const { return sent_; }  ///< the counter of the next message

  /// Writes a whole transport message for `plain`, padded already. `out` has plain.size() +
  /// wire::kTransportOverhead bytes; `plain` may lie where its ciphertext goes (out +
  /// wire::kTransportHeaderSize), nowhere else in it.
  /// @returns false, and nothing written, once REJECT_AFTER_MESSAGES were sent.
  [[nodiscard]] bool seal(std::span<const std::byte> plain, std::span<std::byte> out);

  enum class Opened : std::uint8_t { ok, not_authentic, replayed, exhausted };
  /// Decrypts a transport message in place: the content is then at wire::kTransportHeaderSize,
  /// without the tag. `exhausted` is a counter of REJECT_AFTER_MESSAGES or more.
  Opened open(std::span<std::byte> message);

  /// What became of the messages that the peer has sealed in this session.
  [[nodiscard]] ReplayWindow::Tally received() const { return window_.tally(); }

 private:
  crypto::Aead send_;
  crypto::Aead receive_;
  Indices indices_;
  Role role_;
  Instant created_;
  std::uint64_t sent_ = 0;
  ReplayWindow window_;
};

}  // namespace wgscope::noise
