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

/// The endpoint of a peer as it was written. A host name is not resolved yet.
struct EndpointName {
  std::string host;  ///< a name, an IPv4 address, or an IPv6 address without brackets
  std::uint16_t port = 0;

  /// Parses "gw.example.net:51820", "192.0.2.1:51820" or "[2001:db8::1]:51820". Like wg, it also
  /// accepts brackets around any host, and an IPv6 address without them, whose last colon then
  /// precedes the port. The port is a number above 0.
  /// @returns bad_value, which does not repeat the text.
  static Result<EndpointName> parse(std::string_view text);
  [[nodiscard]] std::string to_string() const;
  /// The address; nothing if the host is a name.
  [[nodiscard]] std::optional<Endpoint> address() const;

  friend bool operator==(const EndpointName&, const EndpointName&) = default;
};

/// A line that is kept as it is, so that writing the file again does not change it. It is treated
/// as a secret, because the value of a mistyped key, or a command, may contain one.
struct KeptLine {
  SecretString key;  ///< empty in an unknown section, whose lines are kept whole
  SecretString text;
  std::size_t line = 0;
};

struct KeptSection {
  SecretString header;  ///< "[Name]"
  std::vector<KeptLine> lines;
  std::size_t line = 0;
};

/// Why a line gets a warning. All kinds but `remark` should be fixed.
enum class WarningKind : std::uint8_t {
  remark,          ///< the line has the same meaning to wg
  value_unclear,   ///< a remark: the value means something else to wg than it seems to
  set_again,       ///< a remark: a setting that a line above has already set
  of_value,        ///< a remark that read_wg_quick_file() does without: it keeps the value as it is
  not_known,       ///< neither this program nor wg knows the key or section
  refused,         ///< wg or wg-quick refuses the file for this line, but its meaning is clear
  name_unclear,    ///< a name in a comment could belong to either of two peers
  header_missing,  ///< two peers in one section: most likely a [Peer] is missing
  overridden,      ///< two peers share a key or a prefix, and only one of them takes effect
  single_address,  ///< 0.0.0.0 or :: without a length, where all addresses are meant
  obfuscated,      ///< AmneziaWG keys, with values that plain WireGuard does not understand
  obfuscating,     ///< AmneziaWG keys, with values that a plain gateway understands
  reserved,        ///< sets the reserved bytes of messages, as Cloudflare WARP wants
  ignored,         ///< systemd-networkd ignores the line, or the section that it belongs to
};

struct Warning {
  std::size_t line = 0;  ///< from 1; 0: of another file, which the text names
  std::string text;      ///< never a secret from the file
  WarningKind kind = WarningKind::remark;
  std::uint32_t column = 0;  ///< from 1; 0: not known, as parse_wg_quick() does not ask for it
};

/// The three bytes after a message's type, which are zero in WireGuard (whitepaper §5.4).
using ReservedBytes = std::array<std::byte, 3>;

struct WgQuickPeer {
  PublicKey public_key;
  std::optional<PresharedKey> preshared_key;  ///< nothing also for a key that is all zeros
  std::vector<Prefix> allowed_ips;            ///< host bits are zero
  std::optional<EndpointName> endpoint;
  std::optional<std::chrono::seconds> persistent_keepalive;  ///< nothing: off
  /// The peer's own, otherwise the interface's. The lines of both are in `kept`.
  std::optional<ReservedBytes> reserved;
  std::string name;            ///< from a comment; docs/names.md
  std::vector<KeptLine> kept;  ///< lines with keys that wg does not know
  std::size_t line = 0;        ///< line of its [Peer]; 0: not from a file
};

/// The configuration of a WireGuard interface, in the format of wg(8) and wg-quick(8).
struct WgQuickConfig {
  std::optional<PrivateKey> private_key;     ///< nothing also for a key that is all zeros
  bool private_key_is_zero = false;          ///< PrivateKey is set to all zeros, which means no key
  std::vector<Prefix> addresses;             ///< host bits are kept
  std::optional<std::uint16_t> listen_port;  ///< nothing: not set, or 0 (any port)
  std::optional<std::uint16_t> mtu;
  std::optional<std::uint32_t> fwmark;  ///< nothing: not set, 0 or off
  std::vector<std::string> dns;         ///< addresses and search domains
  std::optional<std::string> table;     ///< "off", "auto", a number or a name
  std::vector<KeptLine> kept;  ///< PreUp, PostUp, PreDown, PostDown, SaveConfig and unknown keys
  std::vector<WgQuickPeer> peers;
  std::vector<KeptSection> sections;  ///< sections with unknown names
  std::vector<Warning> warnings;      ///< in the order of the file
};

/// Reads a whole file as wg and wg-quick do: keys are not case-sensitive, comments and blanks may
/// be anywhere, a list is separated by commas or repeats its key, and of other keys that are
/// repeated the last one counts. What wg accepts is accepted with the same meaning, except for the
/// few cases that tests/netns/wg_parity_test.cpp lists with their reasons. What wg refuses is
/// refused or, if its meaning is clear, accepted with a warning. Unknown keys are kept, with a
/// warning.
/// @param text  not retained. Secrets in it are copied only to memory that is wiped.
/// @returns bad_value with the number of the line and what is expected there, never its text: for a
/// malformed value, a key in the wrong section, a [Peer] without PublicKey, or a peer whose public
/// key is our private key. Also bad_value for a file that is not text, or has neither [Interface]
/// nor [Peer].
/// Source: wg(8) "CONFIGURATION FILE FORMAT", wg-quick(8) "CONFIGURATION".
Result<WgQuickConfig> parse_wg_quick(std::string_view text);

/// A firewall mark as wg(8) takes it: a number, 0x before hexadecimal digits, or "off", which is 0.
std::optional<std::uint32_t> parse_fwmark(std::string_view text);

/// Says why a file is not text (it is UTF-16, or contains a zero byte), and what to do.
/// @returns nothing if it is text.
std::optional<std::string> why_not_text(std::string_view file);

/// For callers that need a private key. @returns missing_key, which says how to make one.
Result<> require_private_key(const WgQuickConfig& config);

/// Writes the file that parse_wg_quick() reads as `config`. Line breaks inside texts become blanks.
/// No text but a name may contain a '#'. Comments other than names are lost.
SecretString write_wg_quick(const WgQuickConfig& config);

}  // namespace wgscope::config
