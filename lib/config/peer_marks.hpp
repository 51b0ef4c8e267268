#pragma once

#include <cstdint>
#include <string_view>

// What comments of wg-quick files say about peers. Nothing here copies text.

namespace wgscope::config {

/// How sure a comment is of the name it gives, from what tools write for other tools to read down
/// to what generators leave for themselves.
enum class NameRank : std::uint8_t {
  friendly,   ///< "# friendly_name = …", of prometheus_wireguard_exporter
  plain,      ///< "# Name = …", "# Name: …"
  generated,  ///< a mark that a generator of files writes above each [Peer]
};

struct PeerMark {
  enum class Kind : std::uint8_t {
    none,
    name,     ///< of the peer whose section it stands in, or is directly above
    heading,  ///< of the next peer: its generator never writes it below one
    gone,     ///< "#[Peer]": a peer that is commented out begins
  };
  Kind kind = Kind::none;
  NameRank rank = NameRank::plain;
  std::string_view name = {};  ///< of name and heading; never empty
};

/// What a comment says, its '#' included. The marks are those of wireguard-ui ("# Name: NAME"),
/// wg-easy ("# Client: NAME (ID)"), PiVPN ("### begin NAME ###"), angristan's wireguard-install
/// ("### Client NAME") and Nyr's ("# BEGIN_PEER NAME").
PeerMark peer_mark(std::string_view comment);

}  // namespace wgscope::config
