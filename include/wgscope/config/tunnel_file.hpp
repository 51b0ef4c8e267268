#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "wgscope/base/keys.hpp"
#include "wgscope/base/secret_string.hpp"
#include "wgscope/config/networkd.hpp"
#include "wgscope/config/wg_quick.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/model/public_key.hpp"

// A WireGuard interface as a file describes it, or several of systemd-networkd, with the place of
// each value. Nothing is merged or corrected: what WireGuard makes of the file is the subject of
// parse_wg_quick() and to_wg_quick().

namespace wgscope::config {

/// A part of a line. Line and column count from 1, and columns count characters. Line 0: nowhere.
struct Spot {
  std::uint32_t line = 0;
  std::uint32_t column = 0;
  std::uint32_t length = 0;  ///< characters; 0: not known
  std::uint32_t file = 0;    ///< index of the file; a wg-quick file has no others

  friend auto operator<=>(const Spot&, const Spot&) = default;
};

template <class T>
struct Located {
  T value{};
  Spot at;
};

struct LocatedPrefix {
  Prefix value;            ///< as written, with host bits
  bool has_length = true;  ///< false: an address alone
  Spot at;
};

struct TunnelPeer {
  Spot at;           ///< its header
  std::string name;  ///< from a comment; docs/names.md
  Located<PublicKey> public_key;
  std::optional<Located<PresharedKey>> preshared_key;  ///< may be all zeros
  std::vector<LocatedPrefix> allowed_ips;
  std::optional<Located<EndpointName>> endpoint;
  std::optional<Located<std::chrono::seconds>> persistent_keepalive;  ///< 0: off
  /// Of networkd: where the preshared key is, until somebody reads it.
  std::optional<Located<KeySource>> preshared_key_source = {};
  std::optional<Located<std::string>> table = {};  ///< of networkd: RouteTable; "off": no routes
};

/// PreUp, PostUp, PreDown or PostDown.
struct TunnelCommand {
  std::string_view key;  ///< "PostUp"
  SecretString text;     ///< what the shell gets
  bool was_cut = false;  ///< a '#' ends the line, as a comment, and something stood behind it
  Spot at;
};

enum class TunnelProgram : std::uint8_t { wg_quick, networkd };

/// What networkd takes from other lines than those that wg-quick's files have too.
struct NetworkdPart {
  std::string interface;
  std::optional<Located<KeySource>> private_key_source;  ///< until somebody reads it
  bool has_network = false;  ///< there is a .network file for the interface
  std::vector<Located<NetworkRoute>> routes;
  std::vector<Located<NetworkRule>> rules;
};

struct TunnelFile {
  TunnelProgram program = TunnelProgram::wg_quick;
  NetworkdPart networkd;                           ///< empty for wg-quick
  std::optional<Located<PrivateKey>> private_key;  ///< may be all zeros
  std::vector<LocatedPrefix> addresses;
  std::optional<Located<std::uint16_t>> listen_port;  ///< 0: any port
  std::optional<Located<std::uint16_t>> mtu;
  std::optional<Located<std::uint32_t>> fwmark;  ///< 0: off
  std::vector<Located<std::string>> dns;
  std::optional<Located<std::string>> table;
  std::vector<TunnelCommand> commands;
  std::optional<Located<bool>> save_config;
  std::vector<TunnelPeer> peers;  ///< one for each section that has a PublicKey
};

enum class TunnelErrorKind : std::uint8_t {
  malformed,    ///< a line for which the program refuses the file, or a file that is not its own
  key_exposed,  ///< a PublicKey is the PrivateKey of the file
};

/// What keeps a file from being taken.
struct TunnelError {
  TunnelErrorKind kind = TunnelErrorKind::malformed;
  Spot at;           ///< line 0: the file as a whole
  std::string text;  ///< what is expected; nothing from the file
};

inline constexpr std::size_t kMaxTunnelErrors = 50;  ///< that are kept

struct TunnelWarning {
  WarningKind kind = WarningKind::remark;
  Spot at;
  std::string text;         ///< never a secret from the file
  bool costs_peer = false;  ///< networkd ignores the whole peer for it
};

struct TunnelFileRead {
  TunnelFile tunnel;
  /// In the order of the file. Those about several peers at once are not among them.
  std::vector<TunnelWarning> warnings;
  std::vector<TunnelError> errors;  ///< in the order of the file, up to kMaxTunnelErrors
  std::size_t error_count = 0;      ///< how many there are
};

/// Reads a wg-quick file as parse_wg_quick() does, but goes on behind errors: a line with an error
/// counts as if it were not there, and all errors are found.
/// @param text  not retained. Secrets in it are copied only to memory that is wiped.
TunnelFileRead read_wg_quick_file(std::string_view text);

/// A .netdev file and the .network file for its interface, each with its drop-ins, as one tunnel.
/// What networkd ignores is not in it. Spots count the files from the .netdev file on, and those of
/// the .network file behind its drop-ins.
/// @param network  the texts of the .network file; empty: there is none.
TunnelFileRead read_networkd_files(std::span<const UnitText> netdev,
                                   std::span<const UnitText> network);

}  // namespace wgscope::config
