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
#include "wgscope/config/tunnel_file.hpp"
#include "wgscope/config/wg_quick.hpp"
#include "wgscope/model/address.hpp"

#include "foreign_keys.hpp"
#include "peer_namer.hpp"
#include "value_places.hpp"
#include "wg_quick_lines.hpp"
#include "wg_quick_peers.hpp"

namespace wgscope::config {

/// Reads a wg-quick file line by line. wg_quick.cpp reads lines, sections and keys;
/// wg_quick_settings.cpp reads the values of keys.
class WgQuickReader {
 public:
  Result<WgQuickConfig> read(std::string_view text);
  /// Goes on behind errors, and keeps what each line says instead of what all say together.
  TunnelFileRead read_all(std::string_view text);

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

  Result<> read_lines(std::string_view text);
  [[nodiscard]] std::span<const Key> known_keys(Section section) const;
  Result<> line(std::string_view text);
  Result<> begin_section(std::string_view header);
  Result<> unknown_section(std::string_view header);
  Result<> finish_section();
  Result<> assign(std::string_view text);
  Result<> unknown_key(const Assignment& assignment);
  [[nodiscard]] std::string meant_key(std::string_view name) const;
  bool foreign_key(const Assignment& assignment);
  void warn_of_key(const Key& key, std::size_t seen);
  void finish_file();
  void drop_peers_without_key();
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
  tl::unexpected<Error> bad(std::string_view what) { return bad_at(line_, what); }
  /// An error, of which read_all() makes a note as well.
  tl::unexpected<Error> bad_at(std::size_t line, std::string_view what,
                               TunnelErrorKind kind = TunnelErrorKind::malformed);
  void note(TunnelError error);
  void warn(std::string text, WarningKind kind = WarningKind::remark) {
    config_.warnings.push_back({line_, std::move(text), kind});
    config_.warnings.back().column = all_ ? places_.here().column : 0;
  }
  /// Tells read_all() of a value, and of its place.
  template <class Value, class Into>
  void place(Value value, std::string_view part, Into& into) {
    if (all_) into = Located<Value>{std::move(value), places_.of(part)};
  }
  void place_prefix(const Prefix& prefix, std::string_view part, std::vector<LocatedPrefix>& into);
  [[nodiscard]] TunnelFile& tunnel() { return all_->tunnel; }
  [[nodiscard]] TunnelPeer& located_peer() { return all_->tunnel.peers.back(); }
  [[nodiscard]] PeerLines& lines() { return peer_lines_.back(); }

  WgQuickConfig config_;
  std::optional<TunnelFileRead> all_;  ///< of read_all() alone
  ValuePlaces places_;                 ///< kept for read_all() alone
  std::vector<PeerLines> peer_lines_;  ///< one entry for each peer
  PeerNamer namer_;
  AmneziaKeys amnezia_;
  std::optional<ReservedBytes> reserved_;  ///< those of [Interface]
  Section section_ = Section::none;
  std::size_t line_ = 0;
  std::size_t private_key_line_ = 0;
  std::string_view key_;    ///< the key in the current line
  std::string_view whole_;  ///< the current line, with its comment
  /// The line of each known key of this section; 0: none yet.
  std::array<std::size_t, kMaxKeys> seen_{};
  /// What `seen_` was at the end of [Interface], for another [Interface] that continues it.
  std::array<std::size_t, kMaxKeys> interface_seen_{};
  bool any_section_ = false;
  /// The header of [Interface] has blanks inside, and no warning has said so yet.
  bool header_has_blanks_ = false;
};

}  // namespace wgscope::config
