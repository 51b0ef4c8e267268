#pragma once

#include <cstdint>
#include <string_view>

// Finds the names of peers in the comments of wg-quick and .netdev files. Nothing here copies text.

namespace wgscope::config {

/// How reliable a name in a comment is: from what tools write for other tools to read, down to what
/// generators write for themselves.
enum class NameRank : std::uint8_t {
  friendly,   ///< "# friendly_name = …", for prometheus_wireguard_exporter
  plain,      ///< "# Name = …", "# Name: …"
  generated,  ///< a mark that a generator writes above each [Peer]
};

struct PeerMark {
  enum class Kind : std::uint8_t {
    none,
    name,     ///< a name for the peer of this section, or of the section below
    heading,  ///< a name for the next peer: generators never write it below a peer
    gone,     ///< "#[Peer]" or "#[WireGuardPeer]", which begins a peer that is commented out
  };
  Kind kind = Kind::none;
  NameRank rank = NameRank::plain;
  std::string_view name = {};  ///< never empty for `name` and `heading`
};

/// Finds the mark in a comment, which includes its '#' or ';'. Known are the marks of wireguard-ui
/// ("# Name: NAME"), wg-easy ("# Client: NAME (ID)"), PiVPN ("### begin NAME ###"), angristan's
/// wireguard-install ("### Client NAME") and Nyr's ("# BEGIN_PEER NAME").
PeerMark peer_mark(std::string_view comment);

}  // namespace wgscope::config
