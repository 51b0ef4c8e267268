#include "wgscope/noise/handshake.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <optional>
#include <span>
#include <string_view>
#include <utility>

#include "wgscope/base/keys.hpp"
#include "wgscope/base/random.hpp"
#include "wgscope/base/result.hpp"
#include "wgscope/base/secret.hpp"
#include "wgscope/crypto/aead.hpp"
#include "wgscope/crypto/blake2s.hpp"
#include "wgscope/crypto/x25519.hpp"
#include "wgscope/model/public_key.hpp"
#include "wgscope/noise/tai64n.hpp"
#include "wgscope/wire/message.hpp"

#include "kdf.hpp"

namespace wgscope::noise {
namespace {

using Bytes = std::span<const std::byte>;

Bytes as_bytes(std::string_view text) { return std::as_bytes(std::span(text)); }

// whitepaper §5.4: CONSTRUCTION and IDENTIFIER
constexpr std::string_view kConstruction = "Noise_IKpsk2_25519_ChaChaPoly_BLAKE2s";
constexpr std::string_view kIdentifier = "WireGuard v1 zx2c4 Jason@zx2c4.com";

// The steps that both sides take in the same order (whitepaper §5.4.2, §5.4.3).

void mix_hash(Symmetric& state, Bytes data) { state.hash = crypto::hash({state.hash, data}); }

void mix_key(Symmetric& state, Bytes input) { kdf(state.chaining_key, input, state.chaining_key); }

/// Mixes in what a multiplication gave, and gives the key for the next field.
Secret<32> mix_key_for_field(Symmetric& state, Bytes input) {
  Secret<32> key;
  kdf(state.chaining_key, input, state.chaining_key, key);
  return key;
}

/// Encrypts a field; the hash takes it in as it is on the wire.
void seal_field(Symmetric& state, const Secret<32>& key, Bytes plain, std::span<std::byte> out) {
  crypto::seal_once(key, state.hash, plain, out);
  mix_hash(state, out);
}

bool open_field(Symmetric& state, const Secret<32>& key, Bytes sealed, std::span<std::byte> out) {
  if (!crypto::open_once(key, state.hash, sealed, out)) return false;
  mix_hash(state, sealed);
  return true;
}

/// Mixes in the preshared key: a wrong one makes the key of the response's last field another.
Secret<32> mix_preshared_key(Symmetric& state, const PresharedKey& preshared_key) {
  Secret<32> for_hash;
  Secret<32> key;
  kdf(state.chaining_key, preshared_key.secret.bytes(), state.chaining_key, for_hash, key);
  mix_hash(state, for_hash.bytes());
  return key;
}

/// The state before any message: it depends on the responder's key alone.
Symmetric begin(const PublicKey& responder) {
  Symmetric state;
  const crypto::Hash construction = crypto::hash({as_bytes(kConstruction)});
  std::ranges::copy(construction, state.chaining_key.bytes().begin());
  state.hash = crypto::hash({construction, as_bytes(kIdentifier)});
  mix_hash(state, responder.bytes);
  return state;
}

struct Split {
  Secret<32> initiator_sends;
  Secret<32> responder_sends;
};

Split split(const Symmetric& state) {
  Split keys;
  kdf(state.chaining_key, {}, keys.initiator_sends, keys.responder_sends);
  return keys;
}

Symmetric copy(const Symmetric& state) { return {state.chaining_key.clone(), state.hash}; }

/// Stands in each step that derives keys: what they were derived with must not outlive it.
struct ForgetKeys {
  ForgetKeys() = default;
  ForgetKeys(const ForgetKeys&) = delete;
  ForgetKeys& operator=(const ForgetKeys&) = delete;
  ~ForgetKeys() { crypto::forget_hmac_key(); }
};

void zero_macs(std::span<std::byte> message) {
  std::ranges::fill(message.last(2 * wire::kMacSize), std::byte{0});
}

}  // namespace

Result<Identity> Identity::create(const PrivateKey& key) {
  auto made = crypto::X25519Key::from_private(key.secret);
  if (!made) return tl::unexpected(made.error());
  return Identity(std::move(*made));
}

Result<RemoteStatic> RemoteStatic::create(const Identity& ours, const PublicKey& theirs) {
  Secret<32> shared;
  if (!ours.key().agree(theirs.bytes, shared))
    return fail(Errc::bad_value, "the public key " + theirs.base64() +
                                     " is a point of low order, which no handshake can use");
  return RemoteStatic(theirs, std::move(shared));
}

// --- initiator ---

Result<SentInitiation> initiate(const Identity& ours, const RemoteStatic& remote, Tai64n timestamp,
                                Random& random, wire::InitiationView<std::byte> out) {
  const ForgetKeys forget;
  auto ephemeral = crypto::X25519Key::generate(random);
  if (!ephemeral) return tl::unexpected(ephemeral.error());
  wire::write_type(wire::MessageType::initiation, out.bytes.first<4>());

  Symmetric state = begin(remote.public_key());
  std::ranges::copy(ephemeral->public_key(), out.ephemeral().begin());
  mix_key(state, ephemeral->public_key());
  mix_hash(state, ephemeral->public_key());

  Secret<32> shared;
  if (!ephemeral->agree(remote.public_key().bytes, shared))
    return fail(Errc::bad_value, "the peer's public key is a point of low order");
  Secret<32> key = mix_key_for_field(state, shared.bytes());
  seal_field(state, key, ours.public_key().bytes, out.sealed_static());

  key = mix_key_for_field(state, remote.shared().bytes());
  seal_field(state, key, timestamp.bytes, out.sealed_timestamp());
  zero_macs(out.bytes);
  return SentInitiation(std::move(*ephemeral), std::move(state));
}

SentInitiation::Outcome SentInitiation::consume_response(const Identity& ours,
                                                         const PresharedKey& preshared_key,
                                                         wire::Response response) const {
  const ForgetKeys forget;
  Symmetric state = copy(state_);
  mix_key(state, response.ephemeral());
  mix_hash(state, response.ephemeral());
  Secret<32> shared;
  if (!ephemeral_.agree(response.ephemeral(), shared)) return {.verdict = Verdict::low_order};
  mix_key(state, shared.bytes());
  if (!ours.key().agree(response.ephemeral(), shared)) return {.verdict = Verdict::low_order};
  mix_key(state, shared.bytes());

  PresharedKeyTrial trial(copy(state), response.sealed_nothing());
  const Secret<32> key = mix_preshared_key(state, preshared_key);
  if (!open_field(state, key, response.sealed_nothing(), {}))
    return {.verdict = Verdict::not_decrypted, .keys = {}, .trial = std::move(trial)};
  Split keys = split(state);
  return {.verdict = Verdict::accepted,
          .keys = TransportKeys{.send = std::move(keys.initiator_sends),
                                .receive = std::move(keys.responder_sends)},
          .trial = {}};
}

PresharedKeyTrial::PresharedKeyTrial(Symmetric before,
                                     std::span<const std::byte, 16> sealed_nothing)
    : before_(std::move(before)) {
  std::ranges::copy(sealed_nothing, sealed_nothing_.begin());
}

bool PresharedKeyTrial::fits(const PresharedKey& preshared_key) const {
  const ForgetKeys forget;
  Symmetric state = copy(before_);
  const Secret<32> key = mix_preshared_key(state, preshared_key);
  return open_field(state, key, sealed_nothing_, {});
}

// --- responder ---

std::optional<OpenedInitiation> open_initiation(const Identity& ours, wire::Initiation initiation) {
  const ForgetKeys forget;
  OpenedInitiation opened;
  Symmetric& state = opened.state_;
  state = begin(ours.public_key());
  std::ranges::copy(initiation.ephemeral(), opened.ephemeral_.begin());
  std::ranges::copy(initiation.sender(), opened.sender_.begin());
  mix_key(state, initiation.ephemeral());
  mix_hash(state, initiation.ephemeral());

  Secret<32> shared;
  if (!ours.key().agree(initiation.ephemeral(), shared)) return std::nullopt;
  const Secret<32> key = mix_key_for_field(state, shared.bytes());
  if (!open_field(state, key, initiation.sealed_static(), opened.initiator_.bytes))
    return std::nullopt;
  return opened;
}

std::optional<Tai64n> OpenedInitiation::read_timestamp(const RemoteStatic& initiator,
                                                       wire::Initiation initiation) {
  const ForgetKeys forget;
  const Secret<32> key = mix_key_for_field(state_, initiator.shared().bytes());
  Tai64n timestamp;
  if (!open_field(state_, key, initiation.sealed_timestamp(), timestamp.bytes)) return std::nullopt;
  return timestamp;
}

std::optional<TransportKeys> OpenedInitiation::respond(const PresharedKey& preshared_key,
                                                       Random& random,
                                                       wire::ResponseView<std::byte> out) {
  const ForgetKeys forget;
  auto ephemeral = crypto::X25519Key::generate(random);
  if (!ephemeral) return std::nullopt;
  wire::write_type(wire::MessageType::response, out.bytes.first<4>());
  std::ranges::copy(sender_, out.receiver().begin());
  std::ranges::copy(ephemeral->public_key(), out.ephemeral().begin());
  mix_key(state_, ephemeral->public_key());
  mix_hash(state_, ephemeral->public_key());

  Secret<32> shared;
  if (!ephemeral->agree(ephemeral_, shared)) return std::nullopt;
  mix_key(state_, shared.bytes());
  if (!ephemeral->agree(initiator_.bytes, shared)) return std::nullopt;
  mix_key(state_, shared.bytes());

  const Secret<32> key = mix_preshared_key(state_, preshared_key);
  seal_field(state_, key, {}, out.sealed_nothing());
  zero_macs(out.bytes);
  Split keys = split(state_);
  return TransportKeys{.send = std::move(keys.responder_sends),
                       .receive = std::move(keys.initiator_sends)};
}

}  // namespace wgscope::noise
