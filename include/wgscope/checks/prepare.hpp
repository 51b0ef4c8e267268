#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "wgscope/base/keys.hpp"
#include "wgscope/base/result.hpp"
#include "wgscope/checks/stamps.hpp"
#include "wgscope/checks/target.hpp"
#include "wgscope/config/expectations.hpp"
#include "wgscope/config/wg_quick.hpp"
#include "wgscope/diagnosis/finding.hpp"
#include "wgscope/diagnosis/report.hpp"

// From files and options to a target. Errors name the option of the probe that a value came from.

namespace wgscope::checks {

/// Where a target comes from: a file, options, or both. Options override the file.
struct TargetOptions {
  /// Path of the wg-quick file, or of the .netdev file of systemd-networkd; "-": standard input, also in other members; empty: none.
  std::string config;
  std::string peer;  ///< the public key or name of one peer in the file; empty: there is only one
  std::string private_key_file;  ///< path of a file or pipe with the key alone
  std::string private_key_env;   ///< name of the environment variable that holds the key
  std::string preshared_key_file;
  std::string gateway;   ///< the gateway's public key
  std::string endpoint;  ///< the gateway's address, as HOST:PORT
  std::vector<std::string> addresses;
  std::vector<std::string> allowed_ips;
  std::optional<std::uint16_t> mtu;
  std::optional<std::uint32_t> fwmark;  ///< stands above the file's; 0: none
  std::string through;                  ///< a tunnel that packets may leave through; empty: none
  std::string state_folder;  ///< keeps the time of the key's last handshake; empty: the usual one
  std::string uapi_folder = "/var/run/wireguard";  ///< where interfaces of this host are looked for
  bool steal_endpoint = false;                     ///< --i-know-this-steals-the-endpoint
};

/// A target that is ready to be checked.
struct Prepared {
  Target target;
  Stamps stamps;
  std::vector<diagnosis::Check> noticed;  ///< while files were read
  /// What was found that makes asking pointless: nothing must be sent then. It is among `noticed`.
  std::optional<diagnosis::FindingId> obstacle = {};
};

/// Reads files, environment variables and standard input. Secrets are only ever in memory that is
/// wiped; a private key's environment variable is removed.
/// @returns what keeps the target from being known, in a sentence that says what to do.
Result<Prepared> prepare(const TargetOptions& options);

/// Permission bits of a file with keys, and of one that networkd reads as a member of its group.
inline constexpr unsigned kPrivateMode = 0600;
inline constexpr unsigned kNetdevMode = 0640;

/// Whether users can read a file who should not. @param mode  nothing: it is not known.
constexpr bool is_too_open(const std::optional<unsigned>& mode, unsigned right_mode) {
  constexpr unsigned kNotTheOwner = 077;
  return mode && (*mode & kNotTheOwner & ~right_mode) != 0;
}

/// The content of a wg-quick or .netdev file, and who can read the file.
struct ConfigFile {
  config::WgQuickConfig config;
  std::optional<unsigned> mode;  ///< permission bits; absent for what is not a regular file
  unsigned right_mode = kPrivateMode;
  std::vector<diagnosis::Check> remarks = {};  ///< one for each line that gave cause for it
};

/// The firewall mark of the options in place of the file's, where they have one.
void apply_fwmark(const TargetOptions& options, config::WgQuickConfig& config);

/// @param path  "-": standard input.
/// @returns as os::read_secret_input() and config::parse_wg_quick() or read_netdev(), naming the
/// path. bad_value for a .network file.
Result<ConfigFile> read_config_file(const std::string& path);

/// The targets of an expectations file (docs/reach.md).
/// @returns as os::read_file() and config::parse_expectations(), naming the path.
Result<std::vector<config::Expectation>> read_expectations(const std::string& path);

/// Reads a preshared key, which is alone in a file or pipe.
/// @returns bad_value, access_denied, io, naming the path.
Result<PresharedKey> read_preshared_key(const std::string& path);

}  // namespace wgscope::checks
