#include "named_peers.hpp"

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

#include <fmt/core.h>

#include "wgscope/base/result.hpp"
#include "wgscope/config/names.hpp"
#include "wgscope/config/wg_quick.hpp"
#include "wgscope/model/public_key.hpp"

#include "hidden_keys.hpp"
#include "names_found.hpp"
#include "peer_namer.hpp"
#include "wg_quick_lines.hpp"

namespace wgscope::config {

void NamedPeers::section() {
  in_peer_ = false;
  namer_.section();
}

void NamedPeers::peer(std::size_t line) {
  in_peer_ = true;
  namer_.peer();
  peers_.push_back({.key = {}, .line = line});
}

void NamedPeers::public_key(std::size_t line, std::string_view value) {
  if (!in_peer_) return;
  Peer& peer = peers_.back();
  const auto key = PublicKey::from_base64(without_blanks(value).view());
  if (!key) {
    peer.has_bad_key = true;
    warn(line, fmt::format("PublicKey is {}", key.error().context));
    return;
  }
  if (peer.key && *peer.key != *key) {
    namer_.second_key();
    warn(line,
         fmt::format("this section has another PublicKey already, so neither has a name: most "
                     "likely a {} is missing above",
                     header_),
         WarningKind::header_missing);
  }
  peer.key = *key;
}

Result<NamesFound> NamedPeers::finish() {
  const PeerNamer::Result named = namer_.finish();
  for (std::size_t i = 0; i < peers_.size(); ++i)
    if (!named.names[i].empty()) name(peers_[i], named.names[i]);
  for (Warning& warning : named.warnings(header_)) found_.warnings.push_back(std::move(warning));
  return unless_all_bad(std::move(found_));
}

void NamedPeers::name(const Peer& peer, std::string_view name) {
  if (peer.has_bad_key) return;
  if (!peer.key)
    return warn(peer.line, fmt::format("this {} has a name but no PublicKey", header_));
  if (holds_key(name)) return warn(peer.line, "a key stands where a name is expected");
  found_.add(*peer.key, std::string(name), peer.line);
}

void NamedPeers::warn(std::size_t line, std::string text, WarningKind kind) {
  found_.warnings.push_back({line, std::move(text), kind});
}

}  // namespace wgscope::config
