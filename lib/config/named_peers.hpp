#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "wgscope/base/result.hpp"
#include "wgscope/config/names.hpp"
#include "wgscope/config/wg_quick.hpp"
#include "wgscope/model/public_key.hpp"

#include "peer_namer.hpp"

namespace wgscope::config {

/// Collects the public keys and names of a file that has a section for each peer, whatever its
/// format. It is fed the lines of the file in order. Texts of comments must outlive it.
class NamedPeers {
 public:
  /// @param header  of a peer's section, as the file writes it.
  explicit NamedPeers(std::string_view header) : header_(header) {}

  void comment(std::size_t line, std::string_view text) { namer_.comment(line, text); }
  void blank() { namer_.blank(); }
  void assignment() { namer_.assignment(); }
  void section();
  void peer(std::size_t line);
  /// The value of a PublicKey. Outside of a peer's section it is of no interest.
  void public_key(std::size_t line, std::string_view value);

  /// @returns as unless_all_bad().
  Result<NamesFound> finish();

 private:
  struct Peer {
    std::optional<PublicKey> key;
    std::size_t line = 0;
    bool has_bad_key = false;
  };

  void name(const Peer& peer, std::string_view name);
  void warn(std::size_t line, std::string text, WarningKind kind = WarningKind::refused);

  std::string_view header_;
  NamesFound found_;
  PeerNamer namer_;
  std::vector<Peer> peers_;
  bool in_peer_ = false;
};

}  // namespace wgscope::config
