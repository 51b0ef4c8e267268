#include "probe/commands/generate.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "wgscope/base/keys.hpp"
#include "wgscope/base/random.hpp"
#include "wgscope/base/result.hpp"
#include "wgscope/config/wg_quick.hpp"
#include "wgscope/crypto/x25519.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/model/public_key.hpp"

namespace wgscope::probe {
namespace {

Prefix prefix(std::string_view text) { return Prefix::parse(text).value(); }

Result<PublicKey> make_key(Random& random, config::WgQuickConfig& config) {
  config.private_key.emplace();
  random.fill(config.private_key->secret.bytes());
  const auto derived = crypto::derive_public_key(config.private_key->secret);
  if (!derived) return tl::unexpected(derived.error());
  return PublicKey{*derived};
}

config::WgQuickPeer make_peer(const PublicKey& key, const PresharedKey& preshared_key) {
  config::WgQuickPeer peer;
  peer.public_key = key;
  peer.preshared_key.emplace();
  peer.preshared_key->secret = preshared_key.secret.clone();
  return peer;
}

}  // namespace

Result<OwnAddress> parse_own_address(std::string_view text) {
  std::string_view bare = text;
  if (bare.starts_with('[') && bare.ends_with(']')) bare = bare.substr(1, bare.size() - 2);
  if (IpAddress::parse(bare)) return OwnAddress{std::string(bare), std::nullopt};
  // A host alone is valid where it is one with some port.
  const bool has_port = text.find(':') != std::string_view::npos;
  auto parsed =
      config::EndpointName::parse(has_port ? std::string(text) : std::string(text) + ":1");
  if (!parsed)
    return fail(Errc::bad_value,
                "expected HOST or HOST:PORT, such as gateway.example.net, 192.0.2.1:51820 or "
                "[2001:db8::1]:51820");
  return OwnAddress{std::move(parsed->host),
                    has_port ? std::optional(parsed->port) : std::optional<std::uint16_t>()};
}

Result<GeneratedPair> generate_pair(Random& random) {
  GeneratedPair pair;
  const auto own = make_key(random, pair.own);
  if (!own) return tl::unexpected(own.error());
  const auto other = make_key(random, pair.other);
  if (!other) return tl::unexpected(other.error());
  PresharedKey preshared_key;
  random.fill(preshared_key.secret.bytes());

  pair.own.addresses = {prefix("10.95.86.1/24"), prefix("fd95:86::1/64")};
  config::WgQuickPeer to_other = make_peer(*other, preshared_key);
  to_other.name = "the other side";
  to_other.allowed_ips = {prefix("10.95.86.2/32"), prefix("fd95:86::2/128")};
  pair.own.peers.push_back(std::move(to_other));

  pair.other.addresses = {prefix("10.95.86.2/24"), prefix("fd95:86::2/64")};
  config::WgQuickPeer to_own = make_peer(*own, preshared_key);
  to_own.name = "wgscope listen";
  to_own.allowed_ips = {prefix("10.95.86.0/24"), prefix("fd95:86::/64")};
  pair.other.peers.push_back(std::move(to_own));
  return pair;
}

}  // namespace wgscope::probe
