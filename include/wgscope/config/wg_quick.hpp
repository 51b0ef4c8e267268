#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "wgscope/base/keys.hpp"
#include "wgscope/base/result.hpp"
#include "wgscope/base/secret_string.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/model/public_key.hpp"

namespace wgscope::config {

/// Where a peer is to be found, as it was written: its name is still to be resolved.
struct EndpointName {
  std::string host;  ///< a name, an IPv4 address, or an IPv6 address without brackets
  std::uint16_t port = 0;

  /// "gw.example.net:51820", "192.0.2.1:51820", "[2001:db8::1]:51820"; as wg does, also an IPv6
  /// address without brackets, of which the last colon begins the port.
  /// @returns bad_value, without the text.
  static Result<EndpointName> parse(std::string_view text);
  [[nodiscard]] std::string to_string() const;
  /// The address, where the host is one and not a name.
  [[nodiscard]] std::optional<Endpoint> address() const;

  friend bool operator==(const EndpointName&, const EndpointName&) = default;
};

/// A line with an unknown key, kept so that the file can be written again unchanged. A mistyped key
/// may have a secret behind it, and commands may have one inside.
struct KeptLine {
  SecretString key;  ///< empty in a section that is not known, whose lines are kept whole
  SecretString text;
  std::size_t line = 0;
};

struct KeptSection {
  SecretString header;  ///< "[Name]"
  std::vector<KeptLine> lines;
  std::size_t line = 0;
};

struct Warning {
  std::size_t line = 0;    ///< from 1
  std::string text;        ///< never a value from the file
  bool not_known = false;  ///< a key or a section that means nothing here, nor to wg
};

struct WgQuickPeer {
  PublicKey public_key;
  std::optional<PresharedKey> preshared_key;  ///< nothing also for the key of zeros
  std::vector<Prefix> allowed_ips;            ///< host bits are zero
  std::optional<EndpointName> endpoint;
  std::optional<std::chrono::seconds> persistent_keepalive;  ///< nothing where it is off
  std::string name;            ///< from a comment "# friendly_name = …" or "# Name = …"
  std::vector<KeptLine> kept;  ///< keys that are not known
  std::size_t line = 0;        ///< of its [Peer]; 0 where it does not come from a file
};

/// A WireGuard interface as wg(8) and wg-quick(8) write it down.
struct WgQuickConfig {
  std::optional<PrivateKey> private_key;
  std::vector<Prefix> addresses;             ///< with their host bits
  std::optional<std::uint16_t> listen_port;  ///< nothing also for 0: any port
  std::optional<std::uint16_t> mtu;
  std::optional<std::uint32_t> fwmark;  ///< nothing also for 0 and off
  std::vector<std::string> dns;         ///< addresses and search domains
  std::optional<std::string> table;     ///< "off", "auto", a number or a name
  std::vector<KeptLine> kept;  ///< PreUp, PostUp, PreDown, PostDown, SaveConfig; unknown keys
  std::vector<WgQuickPeer> peers;
  std::vector<KeptSection> sections;  ///< sections with unknown names
  std::vector<Warning> warnings;      ///< in the order of the file
};

/// Reads a whole file, as wg and wg-quick do: keys in any case, comments anywhere, lists by
/// commas or by repeating the key, the last of what can be there once. Unknown keys are kept,
/// with a warning.
/// @param text  not retained. Secrets in it are copied only to memory that is wiped.
/// @returns bad_value with the line's number and what belongs there, never the line's text: a
/// malformed value, a key in the wrong section, a [Peer] without PublicKey, a peer given twice, a
/// prefix that two peers have (their traffic would go to one of them), a peer with our private key
/// for its public one; no [Interface] or [Peer] at all.
/// Source: wg(8) "CONFIGURATION FILE FORMAT", wg-quick(8) "CONFIGURATION".
Result<WgQuickConfig> parse_wg_quick(std::string_view text);

/// For who cannot go on without. @returns missing_key, saying how to make one.
Result<> require_private_key(const WgQuickConfig& config);

/// The file that parse_wg_quick() reads as this. Line breaks inside texts become blanks; texts must
/// not have a '#', names aside. Comments other than names are not kept.
SecretString write_wg_quick(const WgQuickConfig& config);

}  // namespace wgscope::config
