#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "wgscope/config/wg_quick.hpp"

// Keys that only programs other than wg and wg-quick write into their files.

namespace wgscope::config {

/// Collects the AmneziaWG keys of a file. AmneziaWG disguises WireGuard's messages in three ways:
/// with types other than 1 to 4 (H1 to H4), with extra bytes in front (S1 to S4), and with junk
/// datagrams before a handshake (Jc, Jmin, Jmax, I1 to I5, J1 to J3, Itime). Junk datagrams do not
/// change the messages themselves.
/// Source: the AmneziaWG kernel module's README, "Configuration".
class AmneziaKeys {
 public:
  /// @returns whether `key` is a key of AmneziaWG.
  bool take(std::size_t line, std::string_view key, std::string_view value);
  /// One warning about all of these keys; nothing if there were none.
  [[nodiscard]] std::optional<Warning> warning() const;

 private:
  std::size_t line_ = 0;               ///< line of the first key
  std::vector<std::string> changing_;  ///< keys whose values change messages
  std::vector<std::string> adding_;    ///< keys whose values do not change messages
};

/// Parses the value of `Reserved = …` in files for WARP: "168,26,21", "0xa81a15" or "qBoV".
std::optional<ReservedBytes> parse_reserved(std::string_view value);

}  // namespace wgscope::config
