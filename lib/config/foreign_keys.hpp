#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "wgscope/config/wg_quick.hpp"

// Keys that other programs than wg and wg-quick have in their files.

namespace wgscope::config {

/// What AmneziaWG's keys of a file amount to. It disguises WireGuard's messages: with other types
/// than 1 to 4 (H1 to H4), with bytes in front of them (S1 to S4), and with datagrams of junk
/// before a handshake (Jc, Jmin, Jmax, I1 to I5, J1 to J3, Itime). Of these the last leave the
/// messages as they are.
/// Source: the AmneziaWG kernel module's README, "Configuration".
class AmneziaKeys {
 public:
  /// @returns whether `key` is one of them.
  bool take(std::size_t line, std::string_view key, std::string_view value);
  /// One warning for all; nothing where there was none.
  [[nodiscard]] std::optional<Warning> warning() const;

 private:
  std::size_t line_ = 0;               ///< of the first
  std::vector<std::string> changing_;  ///< keys whose values change messages
  std::vector<std::string> adding_;    ///< keys whose values do not
};

/// "168,26,21", "0xa81a15", "qBoV": what `Reserved = …` has in files for WARP.
std::optional<ReservedBytes> parse_reserved(std::string_view value);

}  // namespace wgscope::config
