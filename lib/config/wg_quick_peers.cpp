#include "wg_quick_peers.hpp"

#include <cstddef>
#include <iterator>
#include <map>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include <fmt/core.h>

#include "wgscope/config/wg_quick.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/model/public_key.hpp"

namespace wgscope::config {
namespace {

/// A peer that is given twice must not have two names either.
void merge_names(WgQuickPeer& into, WgQuickPeer& from, std::vector<Warning>& warnings) {
  if (into.name.empty()) into.name = std::move(from.name);
  if (from.name.empty() || into.name == from.name) return;
  into.name.clear();
  warnings.push_back({from.line, "this peer has another name above, so it has neither: keep one",
                      WarningKind::name_unclear});
}

void merge(WgQuickPeer& into, WgQuickPeer from, const PeerLines& lines,
           std::vector<Warning>& warnings) {
  merge_names(into, from, warnings);
  if (lines.sets_preshared_key) into.preshared_key = std::move(from.preshared_key);
  if (lines.sets_keepalive) into.persistent_keepalive = from.persistent_keepalive;
  if (from.endpoint) into.endpoint = std::move(from.endpoint);
  if (from.reserved) into.reserved = from.reserved;
  into.kept.insert(into.kept.end(), std::make_move_iterator(from.kept.begin()),
                   std::make_move_iterator(from.kept.end()));
}

/// Goes through the sections in their order, as wg hands them to WireGuard.
class Settler {
 public:
  Settler(std::vector<Warning>& warnings, const PeerWording& wording)
      : warnings_(warnings), wording_(wording) {}

  void add(WgQuickPeer section, const PeerLines& lines) {
    const std::vector<Prefix> allowed = std::exchange(section.allowed_ips, {});
    const auto [known, is_new] = known_.emplace(section.public_key, peers_.size());
    const std::size_t index = known->second;
    if (is_new) {
      peers_.push_back(std::move(section));
      key_lines_.push_back(lines.public_key);
    } else {
      warnings_.push_back(
          {lines.public_key,
           fmt::format("this peer is already defined in {}: WireGuard takes both for one peer, "
                       "with the allowed IPs of this section alone; keep one of the two",
                       name_line(key_lines_[index])),
           WarningKind::overridden});
      give_up_prefixes(index);
      merge(peers_[index], std::move(section), lines, warnings_);
    }
    for (std::size_t i = 0; i < allowed.size(); ++i)
      take_prefix(allowed[i], {index, lines.allowed_ips[i]});
  }

  std::vector<WgQuickPeer> finish() {
    for (std::size_t index = 0; index < peers_.size(); ++index)
      std::erase_if(peers_[index].allowed_ips, [&](const Prefix& prefix) {
        const auto owner = owners_.find(prefix);  // none where its last owner gave it up
        return owner == owners_.end() || owner->second.peer != index;
      });
    return std::move(peers_);
  }

 private:
  struct Owner {
    std::size_t peer;
    std::size_t line;
  };

  [[nodiscard]] std::string name_line(std::size_t line) const {
    return wording_.name_line ? wording_.name_line(line) : fmt::format("line {}", line);
  }

  void give_up_prefixes(std::size_t index) {
    for (const Prefix& prefix : std::exchange(peers_[index].allowed_ips, {})) {
      const auto owner = owners_.find(prefix);
      if (owner != owners_.end() && owner->second.peer == index) owners_.erase(owner);
    }
  }

  void take_prefix(const Prefix& prefix, Owner taker) {
    const auto [owner, is_new] = owners_.emplace(prefix, taker);
    const Owner before = owner->second;
    if (!is_new && before.peer == taker.peer) {
      warnings_.push_back({taker.line, fmt::format("AllowedIPs {} is already in {}",
                                                   prefix.to_string(), name_line(before.line))});
      return;
    }
    if (!is_new)
      warnings_.push_back(
          {taker.line,
           fmt::format("AllowedIPs {} is taken away from the peer in {}: only one peer can have "
                       "its traffic, and {}",
                       prefix.to_string(), name_line(before.line), wording_.reason),
           WarningKind::overridden});
    owner->second = taker;
    peers_[taker.peer].allowed_ips.push_back(prefix);
  }

  std::vector<Warning>& warnings_;
  const PeerWording& wording_;
  std::vector<WgQuickPeer> peers_;
  std::vector<std::size_t> key_lines_;
  std::unordered_map<PublicKey, std::size_t, PublicKeyHash> known_;
  std::map<Prefix, Owner> owners_;
};

}  // namespace

void settle_peers(WgQuickConfig& config, const std::vector<PeerLines>& lines,
                  const PeerWording& wording) {
  Settler settler(config.warnings, wording);
  for (std::size_t i = 0; i < config.peers.size(); ++i)
    settler.add(std::move(config.peers[i]), lines[i]);
  config.peers = settler.finish();
}

}  // namespace wgscope::config
