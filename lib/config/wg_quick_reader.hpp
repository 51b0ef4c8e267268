#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/core.h>

#include "wgscope/base/result.hpp"
#include "wgscope/config/wg_quick.hpp"
#include "wgscope/model/address.hpp"

#include "foreign_keys.hpp"
#include "peer_namer.hpp"
#include "wg_quick_lines.hpp"
#include "wg_quick_peers.hpp"

namespace wgscope::config {

/// Reads a wg-quick file line by line. wg_quick.cpp reads lines, sections and keys;
/// wg_quick_settings.cpp reads the values of keys.
class WgQuickReader {
 public:
  Result<WgQuickConfig> read(std::string_view text);

 private:
  static constexpr std::size_t kMaxKeys = 12;  ///< keys per section

  enum class Section : std::uint8_t { none, interface, peer, unknown };

  /// The program that reads a key: wg ignores blanks inside keys and values, wg-quick does not.
  enum class Program : std::uint8_t { wg, quick };

  struct Key {
    std::string_view name;
    Program program;
    bool repeats;  ///< it is a list or a command, so repeating the key adds to it
    Result<> (WgQuickReader::*read)(std::string_view value);
  };
  static const std::array<Key, 12> kInterfaceKeys;
  static const std::array<Key, 5> kPeerKeys;
  static_assert(std::max(std::tuple_size_v<decltype(kInterfaceKeys)>,
                         std::tuple_size_v<decltype(kPeerKeys)>) <= kMaxKeys);

  [[nodiscard]] std::span<const Key> known_keys(Section section) const;
  Result<> line(std::string_view text);
  Result<> begin_section(std::string_view header);
  Result<> unknown_section(std::string_view header);
  Result<> finish_section();
  Result<> assign(std::string_view text);
  Result<> unknown_key(const Assignment& assignment);
  bool foreign_key(const Assignment& assignment);
  void warn_of_key(const Key& key, std::size_t seen);
  void finish_file();
  void take_names();
  Result<> check_keys_differ();

  Result<> private_key(std::string_view value);
  void warn_of_hexadecimal(std::string_view value);
  Result<> address(std::string_view value);
  Result<> listen_port(std::string_view value);
  Result<> mtu(std::string_view value);
  Result<> fwmark(std::string_view value);
  Result<> dns(std::string_view value);
  Result<> table(std::string_view value);
  Result<> kept(std::string_view value);
  Result<> save_config(std::string_view value);
  Result<> public_key(std::string_view value);
  Result<> preshared_key(std::string_view value);
  Result<> allowed_ips(std::string_view value);
  void warn_of_single(const Prefix& prefix, std::string_view item);
  Result<> endpoint(std::string_view value);
  Result<> persistent_keepalive(std::string_view value);

  [[nodiscard]] WgQuickPeer& peer() { return config_.peers.back(); }
  [[nodiscard]] tl::unexpected<Error> bad(std::string_view what) const {
    return fail(Errc::bad_value, fmt::format("line {}: {}", line_, what));
  }
  void warn(std::string text, WarningKind kind = WarningKind::remark) {
    config_.warnings.push_back({line_, std::move(text), kind});
  }
  [[nodiscard]] PeerLines& lines() { return peer_lines_.back(); }

  WgQuickConfig config_;
  std::vector<PeerLines> peer_lines_;  ///< one entry for each peer
  PeerNamer namer_;
  AmneziaKeys amnezia_;
  std::optional<ReservedBytes> reserved_;  ///< those of [Interface]
  Section section_ = Section::none;
  std::size_t line_ = 0;
  std::size_t private_key_line_ = 0;
  std::string_view key_;  ///< the key in the current line
  /// The line of each known key of this section; 0: none yet.
  std::array<std::size_t, kMaxKeys> seen_{};
  /// What `seen_` was at the end of [Interface], for another [Interface] that continues it.
  std::array<std::size_t, kMaxKeys> interface_seen_{};
  bool any_section_ = false;
  /// The header of [Interface] has blanks inside, and no warning has said so yet.
  bool header_has_blanks_ = false;
};

}  // namespace wgscope::config
