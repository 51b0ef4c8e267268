#include "exporter/history.hpp"

#include <algorithm>
#include <bit>
#include <charconv>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include <fmt/core.h>
#include <fmt/format.h>

#include "wgscope/base/result.hpp"
#include "wgscope/base/time.hpp"
#include "wgscope/model/device.hpp"
#include "wgscope/model/public_key.hpp"

#include "exporter/peer_history.hpp"

namespace wgscope::exporter {

void PeerTable::begin_reading() {
  ++reading_;
  next_ = 0;
}

std::size_t PeerTable::slot_of(const PublicKey& key) const {
  const std::size_t mask = slots_.size() - 1;
  std::size_t slot = hash_(key) & mask;
  while (slots_[slot] != kFree && entries_[slots_[slot]].key != key) slot = (slot + 1) & mask;
  return slot;
}

void PeerTable::rebuild(std::size_t slots) {
  slots_.assign(slots, kFree);
  for (std::uint32_t i = 0; i < entries_.size(); ++i) slots_[slot_of(entries_[i].key)] = i;
}

PeerHistory* PeerTable::find(const PublicKey& key, WallTime now) {
  std::size_t index = next_;
  if (index >= entries_.size() || entries_[index].key != key) {
    if (slots_.size() < 2 * (entries_.size() + 1))
      rebuild(std::bit_ceil(std::max<std::size_t>(16, 2 * (entries_.size() + 1))));
    const std::size_t slot = slot_of(key);
    if (slots_[slot] == kFree) {
      slots_[slot] = static_cast<std::uint32_t>(entries_.size());
      PeerHistory& added = entries_.emplace_back();
      added.key = key;
      added.first_seen = now;
    }
    index = slots_[slot];
  }
  next_ = index + 1;
  PeerHistory& entry = entries_[index];
  if (std::exchange(entry.last_seen, reading_) == reading_) return nullptr;
  return &entry;
}

bool PeerTable::forget_unlisted() {
  const std::size_t gone = std::erase_if(
      entries_, [&](const PeerHistory& entry) { return entry.last_seen != reading_; });
  if (gone != 0) rebuild(slots_.size());
  return gone != 0;
}

void PeerTable::restore(const PublicKey& key, WallTime first_seen) {
  static_cast<void>(
      find(key, first_seen));  // reading 0 lists nobody: the entry is made, and unseen
}

void PeerTable::restart_events() {
  for (PeerHistory& entry : entries_) exporter::restart_events(entry);
}

InterfaceHistory& History::of(const Device& device, WallTime now) {
  const auto [entry, is_new] = interfaces_.try_emplace({device.netns, device.name}, seed_);
  InterfaceHistory& interface = entry->second;
  if (device.link && (interface.ifindex != device.link->ifindex || !interface.created)) {
    if (interface.ifindex != 0) interface.peers.restart_events();
    interface.new_peer_resets = 0;
    interface.ifindex = device.link->ifindex;
    interface.created = now;
    changed_ = true;
  }
  changed_ |= is_new;
  return interface;
}

void History::watch_clock(Now now) {
  const Nanoseconds offset = now.wall.since_epoch - now.boot.since_boot;
  if (clock_offset_ && std::chrono::abs(offset - *clock_offset_) > std::chrono::seconds(1))
    ++clock_steps_;
  clock_offset_ = offset;
}

namespace {

constexpr std::string_view kHeading = "wgscope first sights 1";

/// The next field of a line, fields being separated by one tab.
std::string_view take_field(std::string_view& line) {
  const std::size_t size = std::min(line.find('\t'), line.size());
  const std::string_view field = line.substr(0, size);
  line.remove_prefix(std::min(size + 1, line.size()));
  return field;
}

template <class T>
std::optional<T> parse_number(std::string_view text) {
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

/// Milliseconds since the epoch, as the file has times; not before it and not beyond the year 2200.
std::optional<WallTime> parse_time(std::string_view text) {
  const auto ms = parse_number<std::int64_t>(text);
  constexpr std::int64_t kMost = 7'258'118'400'000;
  if (!ms || *ms < 0 || *ms > kMost) return std::nullopt;
  return WallTime{std::chrono::milliseconds(*ms)};
}

std::int64_t to_ms(WallTime time) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(time.since_epoch).count();
}

}  // namespace

std::string History::serialize(std::string_view boot_id) {
  fmt::memory_buffer out;
  const auto end = std::back_inserter(out);
  fmt::format_to(end, "{}\nboot\t{}\n", kHeading, boot_id);
  for (const auto& [key, interface] : interfaces_) {
    // A path given as --netns, and the file of a UAPI socket, may be called anything.
    if ((key.netns + key.interface).find_first_of("\t\n") != std::string::npos) continue;
    fmt::format_to(end, "interface\t{}\t{}\t{}\t{}\n", key.netns, key.interface, interface.ifindex,
                   interface.created ? to_ms(*interface.created) : 0);
    for (const PeerHistory& peer : interface.peers.entries())
      fmt::format_to(end, "peer\t{}\t{}\n", peer.key.base64(), to_ms(peer.first_seen));
  }
  changed_ = false;
  return fmt::to_string(out);
}

Result<> History::restore(std::string_view text, std::string_view boot_id) {
  std::map<Key, InterfaceHistory> restored;
  InterfaceHistory* current = nullptr;
  bool same_boot = false;
  std::size_t number = 0;
  while (!text.empty()) {
    ++number;
    const std::size_t size = text.size();
    const std::size_t end = std::min(text.find('\n'), size);
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, size));
    const auto bad = [&](std::string_view why) {
      return fail(Errc::bad_value, fmt::format("line {}: {}", number, why));
    };
    if (end == size) return bad("cut short");
    if (number == 1) {
      if (line != kHeading) return bad("not a file written by wgscope-exporter");
      continue;
    }
    const std::string_view kind = take_field(line);
    if (kind == "boot") {
      same_boot = take_field(line) == boot_id && !boot_id.empty();
    } else if (kind == "interface") {
      Key key{std::string(take_field(line)), ""};
      key.interface = take_field(line);
      const auto ifindex = parse_number<std::uint32_t>(take_field(line));
      const auto created = parse_time(take_field(line));
      if (key.interface.empty() || !ifindex || !created) return bad("malformed interface line");
      current = &restored.try_emplace(std::move(key), seed_).first->second;
      // After a reboot the same index is another interface.
      if (same_boot && *ifindex != 0) {
        current->ifindex = *ifindex;
        current->created = *created;
      }
    } else if (kind == "peer") {
      const auto key = PublicKey::from_base64(take_field(line));
      const auto seen = parse_time(take_field(line));
      if (current == nullptr || !key || !seen) return bad("malformed peer line");
      current->peers.restore(*key, *seen);
    } else {
      return bad("unknown kind of line");
    }
  }
  if (number == 0) return fail(Errc::bad_value, "the file is empty");
  interfaces_ = std::move(restored);
  return {};
}

}  // namespace wgscope::exporter
