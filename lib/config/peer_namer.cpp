#include "peer_namer.hpp"

#include <algorithm>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/core.h>

#include "wgscope/config/wg_quick.hpp"

#include "peer_marks.hpp"

namespace wgscope::config {
namespace {

/// "line 3", "lines 3 and 9", "lines 3, 9, 12 and 40 more"
std::string lines_text(const std::vector<std::size_t>& lines) {
  constexpr std::size_t kMostShown = 3;
  if (lines.size() == 1) return fmt::format("line {}", lines.front());
  const bool has_more = lines.size() > kMostShown + 1;
  const std::size_t shown = has_more ? kMostShown : lines.size() - 1;
  std::string text = "lines ";
  for (std::size_t i = 0; i < shown; ++i) text += fmt::format("{}{}", i == 0 ? "" : ", ", lines[i]);
  if (has_more) return text + fmt::format(" and {} more", lines.size() - shown);
  return text + fmt::format(" and {}", lines.back());
}

}  // namespace

void PeerNamer::comment(std::size_t line, std::string_view text) {
  const PeerMark mark = peer_mark(text);
  if (mark.kind == PeerMark::Kind::gone) {
    settle(Below::gone);
    is_gone_ = true;
    apart_ = false;
    return;
  }
  if (mark.kind == PeerMark::Kind::none) return;
  pending_.push_back(
      {mark.name, mark.rank, mark.kind == PeerMark::Kind::heading, line, apart_, false});
}

void PeerNamer::blank() {
  // What stands below a commented peer without an empty line is commented out with it.
  if (is_gone_ && !apart_) std::erase_if(pending_, [](const Pending& one) { return !one.heading; });
  apart_ = true;
  for (Pending& one : pending_) one.apart_below = true;
}

void PeerNamer::assignment() {
  // Between a commented peer and a line with a key a name is of the commented one, or of this.
  const bool is_certain = owner_ && !is_gone_;
  for (const Pending& one : std::exchange(pending_, {}))
    if (is_certain) name(*owner_, one);
  is_gone_ = false;
  apart_ = false;
}

void PeerNamer::peer() {
  peers_.emplace_back();
  settle(Below::peer);
  owner_ = peers_.size() - 1;
}

void PeerNamer::section() {
  settle(Below::other);
  owner_.reset();
}

void PeerNamer::second_key() {
  if (owner_) peers_[*owner_].second_key = true;
}

/// What came since the last line with a key belongs to what is above it, or to what is below.
void PeerNamer::settle(Below below) {
  const Index above = is_gone_ ? std::nullopt : owner_;
  const Index next = below == Below::peer ? Index(peers_.size() - 1) : std::nullopt;
  for (const Pending& one : std::exchange(pending_, {})) {
    if (below == Below::gone && one.apart_above && !one.apart_below) continue;
    settle_one(one, above, next, below == Below::end);
  }
  is_gone_ = false;
  apart_ = false;
}

void PeerNamer::settle_one(const Pending& mark, Index above, Index below, bool at_end) {
  if (mark.heading) {
    if (below) name(*below, mark);
    return;
  }
  const bool apart_below = mark.apart_below || at_end;
  if (mark.apart_above && !apart_below) {
    if (!below) return;
    ++of_peers_below_;
    name(*below, mark);
  } else if (!mark.apart_above && apart_below) {
    if (!above) return;
    ++of_peers_above_;
    name(*above, mark);
  } else if (above || below) {
    unclear_.push_back({mark, above, below});
  }
}

void PeerNamer::name(std::size_t peer, const Pending& mark) {
  Peer& named = peers_[peer];
  if (!named.name.empty() && named.rank < mark.rank) return;
  if (!named.name.empty() && named.rank == mark.rank) {
    if (named.name == mark.name) return;
    named.has_several = true;
    result_.several.push_back(mark.line);
    return;
  }
  named.name = mark.name;
  named.rank = mark.rank;
  named.has_several = false;
}

void PeerNamer::decide(const Unclear& unclear) {
  const bool fits_above = unclear.above && !is_named(unclear.above);
  const bool fits_below = unclear.below && !is_named(unclear.below);
  const bool all_of_above = of_peers_below_ == 0 && of_peers_above_ > 0;
  const bool all_of_below = of_peers_above_ == 0 && of_peers_below_ > 0;
  // Who has a name has no need of another; that of a file or an interface is nobody's here.
  const bool is_above = fits_above && (all_of_above || (unclear.below && !fits_below));
  const bool is_below = fits_below && (all_of_below || (unclear.above && !fits_above));
  if (is_above != is_below) return name(is_above ? *unclear.above : *unclear.below, unclear.mark);
  if (fits_above || fits_below) result_.unclear.push_back(unclear.mark.line);
}

PeerNamer::Result PeerNamer::finish() {
  settle(Below::end);
  for (const Unclear& one : unclear_) decide(one);
  for (const Peer& one : peers_)
    result_.names.push_back(one.has_several || one.second_key ? std::string_view() : one.name);
  std::ranges::sort(result_.several);
  return std::move(result_);
}

std::vector<Warning> PeerNamer::Result::warnings(std::string_view header) const {
  std::vector<Warning> made;
  if (!unclear.empty())
    made.push_back({unclear.front(),
                    fmt::format("the name in {} could belong to the peer above or to the peer "
                                "below, so neither has it: write it between {} and PublicKey",
                                lines_text(unclear), header),
                    WarningKind::name_unclear});
  if (!several.empty())
    made.push_back({several.front(),
                    fmt::format("the peer of the name in {} has another name already, so it has "
                                "neither: keep one",
                                lines_text(several)),
                    WarningKind::name_unclear});
  return made;
}

}  // namespace wgscope::config
