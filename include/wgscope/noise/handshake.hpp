#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <utility>

#include "wgscope/base/keys.hpp"
#include "wgscope/base/random.hpp"
#include "wgscope/base/result.hpp"
#include "wgscope/base/secret.hpp"
#include "wgscope/crypto/blake2s.hpp"
#include "wgscope/crypto/x25519.hpp"
#include "wgscope/model/public_key.hpp"
#include "wgscope/noise/tai64n.hpp"
#include "wgscope/wire/message.hpp"

// Noise_IKpsk2_25519_ChaChaPoly_BLAKE2s as WireGuard uses it (whitepaper §5.4). Pure: messages in,
// messages and keys out. mac1 and mac2 are not written here: cookies.hpp does that.
//
//   initiator                                  responder
//   initiate()          --- initiation --->    open_initiation()   who sent it?
//                                              read_timestamp()    is it newer than the last?
//   consume_response()  <--- response -----    respond()           -> transport keys
//   -> transport keys
//
// open_initiation() costs one X25519 multiplication before the sender is known.

namespace wgscope::noise {

/// Our own static key and what follows from it.
class Identity {
 public:
  /// @returns io when the crypto library cannot.
  static Result<Identity> create(const PrivateKey& key);

  [[nodiscard]] const crypto::X25519Key& key() const { return key_; }
  [[nodiscard]] PublicKey public_key() const { return {key_.public_key()}; }

 private:
  explicit Identity(crypto::X25519Key key) : key_(std::move(key)) {}
  crypto::X25519Key key_;
};

/// A peer's static key and the secret that both static keys share, which is the same
/// in every handshake.
class RemoteStatic {
 public:
  /// @returns bad_value for a low-order public key, with which no handshake can ever succeed.
  static Result<RemoteStatic> create(const Identity& ours, const PublicKey& theirs);

  [[nodiscard]] const PublicKey& public_key() const { return public_key_; }
  [[nodiscard]] const Secret<32>& shared() const { return shared_; }

 private:
  RemoteStatic(const PublicKey& key, Secret<32> shared)
      : public_key_(key), shared_(std::move(shared)) {}
  PublicKey public_key_;
  Secret<32> shared_;
};

struct TransportKeys {
  Secret<32> send;
  Secret<32> receive;
};

/// Chaining key and hash, the state that both sides carry through a handshake.
struct Symmetric {
  Secret<32> chaining_key;
  crypto::Hash hash{};
};

/// What an initiator needs to try other preshared keys on a response later, without sending
/// anything: the state just before the preshared key is mixed in, and the field that only the right
/// one opens.
class PresharedKeyTrial {
 public:
  PresharedKeyTrial(Symmetric before, std::span<const std::byte, 16> sealed_nothing);

  /// Whether the responder used this key. An all-zero key stands for none.
  [[nodiscard]] bool fits(const PresharedKey& key) const;

 private:
  Symmetric before_;
  std::array<std::byte, 16> sealed_nothing_{};
};

/// An initiation that was sent and waits for its response.
class SentInitiation {
 public:
  enum class Verdict : std::uint8_t {
    accepted,
    /// The response's ephemeral key is a low-order point, which would make the keys public.
    low_order,
    /// Another preshared key, or a forgery: mac1 alone proves only that somebody knows our public
    /// key.
    not_decrypted,
  };
  struct Outcome {
    Verdict verdict;
    std::optional<TransportKeys> keys{};       ///< only if `accepted`
    std::optional<PresharedKeyTrial> trial{};  ///< only if `not_decrypted`
  };

  /// Looks at a response without using this initiation up: a forged one must not end the handshake.
  [[nodiscard]] Outcome consume_response(const Identity& ours, const PresharedKey& preshared_key,
                                         wire::Response response) const;

 private:
  friend Result<SentInitiation> initiate(const Identity&, const RemoteStatic&, Tai64n, Random&,
                                         wire::InitiationView<std::byte>);
  SentInitiation(crypto::X25519Key ephemeral, Symmetric state)
      : ephemeral_(std::move(ephemeral)), state_(std::move(state)) {}
  crypto::X25519Key ephemeral_;
  Symmetric state_;
};

/// Writes an initiation to `out`, whose sender index is set already, but for its macs,
/// which become zero.
/// @returns io when the crypto library cannot, bad_value if the peer's key is of low order.
Result<SentInitiation> initiate(const Identity& ours, const RemoteStatic& remote, Tai64n timestamp,
                                Random& random, wire::InitiationView<std::byte> out);

/// An initiation of which so much was opened that its sender is known.
class OpenedInitiation {
 public:
  [[nodiscard]] const PublicKey& initiator() const { return initiator_; }

  /// Opens the timestamp, which proves that the initiator holds its static key.
  /// @returns nothing if it does not. Call once.
  std::optional<Tai64n> read_timestamp(const RemoteStatic& initiator, wire::Initiation initiation);

  /// Writes the response to `out`, whose sender index is set already, but for its macs, which
  /// become zero. Call after read_timestamp() gave one, once. @returns nothing for a low-order
  /// ephemeral key, or when the crypto library cannot.
  std::optional<TransportKeys> respond(const PresharedKey& preshared_key, Random& random,
                                       wire::ResponseView<std::byte> out);

 private:
  friend std::optional<OpenedInitiation> open_initiation(const Identity&, wire::Initiation);
  OpenedInitiation() = default;
  Symmetric state_;
  PublicKey initiator_;
  std::array<std::byte, 32> ephemeral_{};
  std::array<std::byte, 4> sender_{};
};

/// Check mac1 first (cookies.hpp): this costs a multiplication. @returns nothing for what is not
/// encrypted to us.
std::optional<OpenedInitiation> open_initiation(const Identity& ours, wire::Initiation initiation);

}  // namespace wgscope::noise
