#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "wgscope/base/result.hpp"
#include "wgscope/base/time.hpp"
#include "wgscope/model/device.hpp"
#include "wgscope/model/public_key.hpp"

#include "exporter/peer_history.hpp"
#include "exporter/peer_memory.hpp"

namespace wgscope::exporter {

/// The peers of one interface, found by key. Readings list them in nearly the same order each time,
/// so the entry after the last one found is tried before the table: an unchanged set costs one
/// comparison a peer and no allocation.
class PeerTable {
 public:
  using Gone = std::function<void(const PeerHistory& entry, const PeerMemory* memory)>;

  /// @param remembers  whether memory_of() is of use.
  explicit PeerTable(std::uint64_t seed, bool remembers = false)
      : hash_{seed}, remembers_(remembers) {}

  /// Starts a reading; find() may then be called for each peer of it.
  void begin_reading();
  /// The peer's entry, made if it is new. @returns nullptr when this reading has had
  /// that key before.
  PeerHistory* find(const PublicKey& key, WallTime now);
  /// Forgets the peers that the reading did not list, after its last find(). @returns whether there
  /// were any.
  /// @param gone  is called with each, and with what memory_of() gave for it.
  bool forget_unlisted(const Gone& gone = {});
  /// What is kept of a peer that find() gave; nullptr where nothing is.
  [[nodiscard]] PeerMemory* memory_of(const PeerHistory& entry) {
    return remembers_ ? &memories_[static_cast<std::size_t>(&entry - entries_.data())] : nullptr;
  }
  /// For an interface that was made anew: restart_events() of every peer.
  void restart_events();
  /// For an interface that was made now: every peer is older than it, whatever the clock showed.
  void outlive_interface();
  /// Adds an entry that was kept elsewhere; for loading, before the first reading.
  void restore(const PublicKey& key, WallTime first_seen, const PeerMemory& memory = {});

  [[nodiscard]] const std::vector<PeerHistory>& entries() const { return entries_; }

 private:
  static constexpr std::uint32_t kFree = UINT32_MAX;

  [[nodiscard]] std::size_t slot_of(const PublicKey& key) const;
  void rebuild(std::size_t slots);

  PublicKeyHash hash_;
  bool remembers_;
  std::vector<PeerHistory> entries_;
  std::vector<PeerMemory> memories_;  ///< where remembers_: one for each of entries_
  /// Hash table (open addressing) of indices into entries_; a power of two, at most half full.
  std::vector<std::uint32_t> slots_;
  std::size_t next_ = 0;       ///< index of the entry that find() tries first
  std::uint16_t reading_ = 0;  ///< counts the readings, which tells unlisted peers
};

/// What is remembered of one interface.
struct InterfaceHistory {
  explicit InterfaceHistory(std::uint64_t seed, bool remembers = false) : peers(seed, remembers) {}

  std::uint32_t ifindex = 0;  ///< the interface's index; 0: unknown
  std::optional<WallTime> created;
  PeerTable peers;
  /// Peers that were removed and added again. Those of the last reading wait for the next one,
  /// which may show that the interface was made anew: its index is not read at the same moment.
  std::uint64_t peer_resets = 0;
  std::uint64_t new_peer_resets = 0;

  bool aggregated = false;  ///< PeerLimit's last word

  // For Recorder.
  bool made_anew = false;     ///< since the reading before; reset by it
  bool whole_before = false;  ///< a reading listed all of its peers: others are new
  bool unreadable = false;    ///< it could not be read the last time
  DeclaredMarks told = 0;     ///< of differences from the inventory
};

/// When interfaces and peers were first seen, the anchors of handshakes, and counts of events: all
/// by (netns, interface). One thread at a time.
class History {
 public:
  /// @param seed  random, against chosen keys.
  /// @param remembers  whether what PeerMemory holds is kept as well.
  explicit History(std::uint64_t seed, bool remembers = false)
      : seed_(seed), remembers_(remembers) {}

  InterfaceHistory& of(const Device& device, WallTime now);
  /// Forgets interfaces for which `keep` says no.
  template <class Keep>
  void forget_unless(Keep&& keep) {
    forget_unless(std::forward<Keep>(keep), [](const auto&, const auto&, const auto&) {});
  }
  /// And calls `gone(netns, interface, history)` with each of them.
  template <class Keep, class Gone>
  void forget_unless(Keep&& keep, Gone&& gone) {
    for (auto entry = interfaces_.begin(); entry != interfaces_.end();) {
      if (keep(entry->first.netns, entry->first.interface)) {
        ++entry;
        continue;
      }
      gone(entry->first.netns, entry->first.interface, entry->second);
      entry = interfaces_.erase(entry);
      changed_ = true;
    }
  }
  /// Calls `each(netns, interface, history)`.
  template <class Each>
  void for_each(Each&& each) {
    for (auto& [key, interface] : interfaces_) each(key.netns, key.interface, interface);
  }
  [[nodiscard]] RemovedPeers& removed() { return removed_; }

  /// Counts a step when the wall clock moved by over a second against the boot clock since
  /// the last call.
  void watch_clock(Now now);
  [[nodiscard]] std::uint64_t clock_steps() const { return clock_steps_; }

  /// Whether a time of "first seen" was added or removed since the last call of serialize(), which
  /// makes it worth writing them again.
  [[nodiscard]] bool changed() const { return changed_; }
  void mark_changed() { changed_ = true; }
  /// Whether a handshake or an endpoint did, which is worth less: those of peers that exist are in
  /// the kernel as well.
  [[nodiscard]] bool touched() const { return touched_; }
  void mark_touched() { touched_ = true; }

  /// Everything that is kept, as text in the format that docs/state.md describes. Holds public
  /// keys, endpoints and names only.
  /// @param saved  the time now.
  std::string serialize(std::string_view boot_id, WallTime saved);
  /// Reads what serialize() wrote, or what versions without memories wrote. Interface
  /// indexes count only when `boot_id` is still the same.
  /// @returns bad_value with the line's number; the history is then unchanged.
  Result<> restore(std::string_view text, std::string_view boot_id);

 private:
  struct Key {
    std::string netns;
    std::string interface;
    friend auto operator<=>(const Key&, const Key&) = default;
  };

  friend class HistoryReader;

  std::uint64_t seed_;
  bool remembers_;
  std::map<Key, InterfaceHistory> interfaces_;
  RemovedPeers removed_;
  /// Wall clock less boot clock at the last watch_clock().
  std::optional<Nanoseconds> clock_offset_;
  std::uint64_t clock_steps_ = 0;
  bool changed_ = false;  ///< as changed()
  bool touched_ = false;  ///< as touched()
};

}  // namespace wgscope::exporter
