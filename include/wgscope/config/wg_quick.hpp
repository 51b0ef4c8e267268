#pragma once

#include <array>
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
  /// address without brackets, of which the last colon begins the port, and brackets around
  /// anything. The port is a number above 0.
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

/// What a line gave cause for. All but `remark` should be mended.
enum class WarningKind : std::uint8_t {
  remark,          ///< it means what it says, to wg too
  not_known,       ///< a key or a section that means nothing here, nor to wg
  refused,         ///< wg or wg-quick refuses the file for it, although it is clear what is meant
  name_unclear,    ///< a name in a comment that could be of one peer or of another
  header_missing,  ///< two peers in one section: most likely a [Peer] is missing
  overridden,      ///< two peers have one key or one prefix, and only one of them has its effect
  single_address,  ///< an address without a length where the prefix of all addresses is meant
  obfuscated,      ///< AmneziaWG's, with values that plain WireGuard does not understand
  obfuscating,     ///< AmneziaWG's, with values that a plain WireGuard gateway understands
  reserved,        ///< sets the reserved bytes of messages, as Cloudflare's WARP wants
};

struct Warning {
  std::size_t line = 0;  ///< from 1
  std::string text;      ///< never a secret from the file
  WarningKind kind = WarningKind::remark;
};

/// The three bytes behind a message's type, which WireGuard leaves zero (whitepaper §5.4).
using ReservedBytes = std::array<std::byte, 3>;

struct WgQuickPeer {
  PublicKey public_key;
  std::optional<PresharedKey> preshared_key;  ///< nothing also for the key of zeros
  std::vector<Prefix> allowed_ips;            ///< host bits are zero
  std::optional<EndpointName> endpoint;
  std::optional<std::chrono::seconds> persistent_keepalive;  ///< nothing where it is off
  std::optional<ReservedBytes> reserved;  ///< its own, or else the interface's; see `kept` for both
  std::string name;                       ///< from a comment; docs/names.md
  std::vector<KeptLine> kept;             ///< keys that wg does not know
  std::size_t line = 0;                   ///< of its [Peer]; 0 where it does not come from a file
};

/// A WireGuard interface as wg(8) and wg-quick(8) write it down.
struct WgQuickConfig {
  std::optional<PrivateKey> private_key;     ///< nothing also for the key of zeros
  bool private_key_is_zero = false;          ///< there is one, which is none
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

/// Reads a whole file, as wg and wg-quick do: keys in any case, comments and blanks anywhere, lists
/// by commas or by repeating the key, the last of what can be there once. What wg accepts is
/// accepted and means the same, with few exceptions, which tests/netns/wg_parity_test.cpp lists
/// with their reasons. What wg refuses is refused, or where its meaning is plain, warned of. Unknown
/// keys are kept, with a warning.
/// @param text  not retained. Secrets in it are copied only to memory that is wiped.
/// @returns bad_value with the line's number and what belongs there, never the line's text: a
/// malformed value, a key in the wrong section, a [Peer] without PublicKey, a peer with our private
/// key for its public one; a file that is not text, or has no [Interface] or [Peer] at all.
/// Source: wg(8) "CONFIGURATION FILE FORMAT", wg-quick(8) "CONFIGURATION".
Result<WgQuickConfig> parse_wg_quick(std::string_view text);

/// What keeps a file from being text, with what to do: UTF-16, or a byte of zero. Nothing where it
/// is text.
std::optional<std::string> why_not_text(std::string_view file);

/// For who cannot go on without. @returns missing_key, saying how to make one.
Result<> require_private_key(const WgQuickConfig& config);

/// The file that parse_wg_quick() reads as this. Line breaks inside texts become blanks; texts must
/// not have a '#', names aside. Comments other than names are not kept.
SecretString write_wg_quick(const WgQuickConfig& config);

}  // namespace wgscope::config
