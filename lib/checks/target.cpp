#include "wgscope/checks/target.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <fmt/core.h>

#include "wgscope/base/result.hpp"
#include "wgscope/base/text.hpp"
#include "wgscope/config/wg_quick.hpp"
#include "wgscope/diagnosis/text.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/model/public_key.hpp"
#include "wgscope/wire/ip.hpp"

namespace wgscope::checks {
namespace {

std::size_t width(const IpAddress& address) { return address.octets().size() * 8; }
bool is_host(const Prefix& prefix) { return prefix.bits == width(prefix.address); }

/// Of RFC 1918, RFC 4193 or RFC 6598. Allowed IPs that cover the Internet in pieces begin with hosts
/// of strangers.
bool is_private(const Prefix& prefix) {
  static const std::array ranges{Prefix::parse("10.0.0.0/8"), Prefix::parse("172.16.0.0/12"),
                                 Prefix::parse("192.168.0.0/16"), Prefix::parse("100.64.0.0/10"),
                                 Prefix::parse("fc00::/7")};
  return std::ranges::any_of(ranges, [&](const Result<Prefix>& range) {
    return prefix.bits >= range->bits && wire::contains(*range, prefix.address);
  });
}

/// Which addresses may be guessed to be a host at the other side.
struct Guesses {
  const Target& target;
  std::optional<Family> family;

  /// Whether the tunnel carries packets to it, from an address of ours of the same family.
  [[nodiscard]] bool fits(const IpAddress& address) const {
    const auto is_own = [&](const Prefix& own) { return own.address == address; };
    const auto speaks = [&](const Prefix& own) { return own.address.family == address.family; };
    return (!family || address.family == *family) && !wire::is_unspecified(address) &&
           !wire::is_multicast(address) && is_allowed(target, address) &&
           std::ranges::none_of(target.addresses, is_own) &&
           std::ranges::any_of(target.addresses, speaks);
  }

  /// The first host of a network that is not ours; of two that share a link (RFC 3021, RFC 6164),
  /// the other one.
  [[nodiscard]] std::optional<IpAddress> first_of(const Prefix& network) const {
    IpAddress base = network.address;
    for (std::size_t bit = network.bits; bit < width(base); ++bit)
      base.bytes[bit / 8] &= ~(std::byte{0x80} >> (bit % 8));
    const bool is_pair = network.bits + 1U >= width(base);
    for (const unsigned host : is_pair ? std::array{0U, 1U} : std::array{1U, 2U}) {
      IpAddress candidate = base;
      candidate.bytes[width(base) / 8 - 1] |= static_cast<std::byte>(host);
      if (fits(candidate)) return candidate;
    }
    return std::nullopt;
  }
};

/// What a file says of names that no peer got.
std::string why_nameless(const config::WgQuickConfig& config) {
  std::string text;
  for (const config::Warning& warning : config.warnings)
    if (warning.kind == config::WarningKind::name_unclear ||
        warning.kind == config::WarningKind::header_missing)
      text += fmt::format("; line {}: {}", warning.line, warning.text);
  return text;
}

/// At most that many, so that the sentence can be read.
constexpr std::size_t kNamesListed = 8;

/// "; the file has: alpha, beta and 3 more", "; no peer of the file has a name".
std::string names_of(const config::WgQuickConfig& config) {
  std::vector<std::string> names;
  for (const config::WgQuickPeer& one : config.peers)
    if (!one.name.empty() && std::ranges::find(names, one.name) == names.end())
      names.push_back(one.name);
  if (names.empty()) return "; no peer of the configuration has a name";
  const std::size_t listed = std::min(names.size(), kNamesListed);
  std::string text = "; the names are";
  for (std::size_t i = 0; i < listed; ++i)
    text += fmt::format("{} '{}'", i == 0 ? "" : ",", printable(names[i]));
  if (names.size() > listed) text += fmt::format(" and {} more", names.size() - listed);
  return text;
}

}  // namespace

diagnosis::Text endpoint_text(const config::EndpointName& endpoint) {
  if (const auto address = endpoint.address()) return diagnosis::text("{}", *address);
  // An IPv6 address whose zone is the name of an interface.
  if (endpoint.host.find(':') != std::string::npos)
    return diagnosis::text("[{}]:{}", diagnosis::Name{endpoint.host}, endpoint.port);
  return diagnosis::text("{}:{}", diagnosis::Name{endpoint.host}, endpoint.port);
}

diagnosis::Text endpoint_text(const Target& target) { return endpoint_text(target.endpoint); }

Result<std::size_t> choose_peer(const config::WgQuickConfig& config, const std::string& peer) {
  if (config.peers.empty())
    return fail(Errc::bad_value, "there is no [Peer]: add one with the gateway's PublicKey");
  if (peer.empty()) {
    if (config.peers.size() == 1) return 0;
    return fail(Errc::bad_value,
                fmt::format("there are {} peers: choose one by public key or name with --peer",
                            config.peers.size()));
  }
  const auto is_meant = [&](const config::WgQuickPeer& one) {
    return one.name == peer || one.public_key.base64() == peer;
  };
  const auto found = std::ranges::find_if(config.peers, is_meant);
  if (found == config.peers.end())
    return fail(Errc::bad_value,
                PublicKey::from_base64(peer)
                    ? "no peer has the public key given with --peer"  // which may be a secret one
                    : fmt::format("no peer has the name '{}'{}{}", printable(peer),
                                  names_of(config), why_nameless(config)));
  if (std::ranges::count_if(config.peers, is_meant) > 1)
    return fail(
        Errc::bad_value,
        fmt::format("several peers have the name '{}': choose one by public key", printable(peer)));
  return static_cast<std::size_t>(found - config.peers.begin());
}

Result<Target> make_target(config::WgQuickConfig config, const std::string& peer) {
  if (auto has_key = config::require_private_key(config); !has_key)
    return tl::unexpected(has_key.error());
  if (config.addresses.empty())
    return fail(Errc::missing_key,
                "[Interface] has no Address, or there is no .network file with one beside the "
                ".netdev file: add this peer's address inside the tunnel");
  const auto chosen = choose_peer(config, peer);
  if (!chosen) return tl::unexpected(chosen.error());
  config::WgQuickPeer& gateway = config.peers[*chosen];
  if (!gateway.endpoint)
    return fail(Errc::missing_key,
                "the peer has no Endpoint: add the gateway's address as HOST:PORT");
  Target target;
  target.private_key = std::move(*config.private_key);
  target.addresses = std::move(config.addresses);
  target.mtu = config.mtu.value_or(target.mtu);
  target.fwmark = config.fwmark;
  for (const std::string& server : config.dns) {
    if (const auto address = IpAddress::parse(server)) target.dns.push_back(*address);
  }
  target.gateway = gateway.public_key;
  target.name = std::move(gateway.name);
  if (gateway.preshared_key) target.preshared_key = std::move(*gateway.preshared_key);
  target.endpoint = std::move(*gateway.endpoint);
  target.allowed_ips = std::move(gateway.allowed_ips);
  target.keepalive = gateway.persistent_keepalive;
  target.reserved = gateway.reserved;
  return target;
}

bool is_allowed(std::span<const Prefix> allowed_ips, const IpAddress& address) {
  return std::ranges::any_of(
      allowed_ips, [&](const Prefix& allowed) { return wire::contains(allowed, address); });
}

Result<> check_inside(const Target& target, const IpAddress& address) {
  if (is_allowed(target, address)) return {};
  return fail(Errc::bad_value,
              fmt::format("{} is not in the gateway's AllowedIPs, so packets to it "
                          "do not enter the tunnel",
                          address.to_string()));
}

/// From what is most likely to answer to what at least may.
std::optional<IpAddress> guess_inner_target(const Target& target, std::optional<Family> family) {
  const Guesses guesses{target, family};
  for (const Prefix& allowed : target.allowed_ips)
    if (is_host(allowed) && guesses.fits(allowed.address)) return allowed.address;
  for (const Prefix& own : target.addresses)
    if (!is_host(own))
      if (const auto first = guesses.first_of(own)) return first;
  for (const IpAddress& server : target.dns)
    if (guesses.fits(server)) return server;
  // Nearly every network inside a tunnel has this size, and its gateway the first address.
  for (const Prefix& own : target.addresses)
    if (const auto first = guesses.first_of(
            {own.address, own.address.family == Family::v4 ? std::uint8_t{24} : std::uint8_t{64}}))
      return first;
  for (const Prefix& allowed : target.allowed_ips)
    if (is_private(allowed))
      if (const auto first = guesses.first_of(allowed)) return first;
  return std::nullopt;
}

}  // namespace wgscope::checks
