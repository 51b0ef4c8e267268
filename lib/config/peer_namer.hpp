#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "wgscope/config/wg_quick.hpp"

#include "peer_marks.hpp"

namespace wgscope::config {

/// Finds out which peer the name in a comment belongs to. It is fed the lines of a file in order.
///
/// Some people write a name below [Peer], some above it, and some at the end of the section, so a
/// name between two peers can belong to either. It belongs
///   - to the peer whose section it stands in, if lines of that section follow;
///   - to the peer below, if it stands directly above [Peer] and apart from what is before it, or
///     if it is a mark that a generator writes above peers;
///   - to the peer above, if it stands directly below that peer's lines and apart from [Peer], or
///     if nothing follows.
/// If both peers are still possible, it belongs to the one that has no other name, or to the side
/// on which the file has all its other names. Otherwise it belongs to neither: a name on the wrong
/// peer is worse than none.
class PeerNamer {
 public:
  /// @param text  the comment; not copied, so it must outlive this object and its result.
  void comment(std::size_t line, std::string_view text);
  void blank();
  /// A line with a key, in any section.
  void assignment();
  /// The header of a peer's section. Peers are numbered from 0 in the order of the file.
  void peer();
  /// The header of any other section.
  void section();
  /// This section has a second public key. Most likely a [Peer] line is missing, so it is unknown
  /// to which key the names belong.
  void second_key();

  struct Result {
    std::vector<std::string_view> names;  ///< one for each peer; empty: none
    std::vector<std::size_t> unclear;     ///< lines of names that could belong to two peers
    std::vector<std::size_t> several;     ///< lines of names whose peer has another name as well

    /// Warnings about names that no peer got. They do not repeat the names.
    /// @param header  of a peer's section, as the file writes it.
    [[nodiscard]] std::vector<Warning> warnings(std::string_view header = "[Peer]") const;
  };
  /// Call it after the last line.
  Result finish();

 private:
  struct Pending {
    std::string_view name;
    NameRank rank = NameRank::plain;
    bool heading = false;
    std::size_t line = 0;
    bool apart_above = false;  ///< an empty line separates it from the peer above
    bool apart_below = false;
  };
  using Index = std::optional<std::size_t>;
  struct Unclear {
    Pending mark;
    Index above;
    Index below;
  };
  struct Peer {
    std::string_view name;
    NameRank rank = NameRank::generated;
    bool has_several = false;
    bool second_key = false;
  };
  enum class Below : std::uint8_t { peer, other, gone, end };

  void settle(Below below);
  void settle_one(const Pending& mark, Index above, Index below, bool at_end);
  void name(std::size_t peer, const Pending& mark);
  [[nodiscard]] bool is_named(Index peer) const { return peer && !peers_[*peer].name.empty(); }
  void decide(const Unclear& unclear);

  std::vector<Peer> peers_;
  std::vector<Pending> pending_;  ///< names since the last line with a key, or header
  std::vector<Unclear> unclear_;
  Index owner_;           ///< the peer whose section this is
  bool is_gone_ = false;  ///< the comments here belong to a peer that is commented out
  bool apart_ = true;     ///< an empty line came since the last key, header or commented peer
  std::size_t of_peers_below_ = 0;  ///< names that clearly belong to the peer below
  std::size_t of_peers_above_ = 0;  ///< names that clearly belong to the peer above
  Result result_;
};

}  // namespace wgscope::config
