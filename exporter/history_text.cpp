// The state file's text: docs/state.md. An earlier exporter reads it too: it passes over fields that
// stand behind those it knows, so all that came later stands there, the checksum on the line `boot`
// and memories on the lines of peers. A removed peer is one of an interface that lists it no longer.

#include <algorithm>
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

#include <fmt/core.h>
#include <fmt/format.h>
#include <isa-l/crc.h>

#include "wgscope/base/result.hpp"
#include "wgscope/base/time.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/model/public_key.hpp"

#include "exporter/device_view.hpp"
#include "exporter/endpoint_detail.hpp"
#include "exporter/history.hpp"
#include "exporter/peer_history.hpp"
#include "exporter/peer_memory.hpp"

namespace wgscope::exporter {
namespace {

constexpr std::string_view kHeading = "wgscope first sights 1";
constexpr std::string_view kNothing = "-";

/// The next field of a line, fields being separated by one tab.
std::string_view take_field(std::string_view& line) {
  const std::size_t size = std::min(line.find('\t'), line.size());
  const std::string_view field = line.substr(0, size);
  line.remove_prefix(std::min(size + 1, line.size()));
  return field;
}

template <class T>
std::optional<T> parse_number(std::string_view text, int base = 10) {
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
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

/// A time, or that there is none. @returns false for anything else.
bool parse_maybe_time(std::string_view text, std::optional<WallTime>& into) {
  into.reset();
  if (text == kNothing) return true;
  into = parse_time(text);
  return into.has_value();
}

std::string write_maybe_time(const std::optional<WallTime>& time) {
  return time ? fmt::format("{}", to_ms(*time)) : std::string(kNothing);
}

/// How much of the endpoint was kept shows in its form.
std::optional<SeenEndpoint> parse_endpoint(std::string_view text) {
  if (const auto whole = Endpoint::parse(text)) return SeenEndpoint{*whole, EndpointDetail::full};
  if (const auto ip = IpAddress::parse(text)) return SeenEndpoint{{*ip, 0, 0}, EndpointDetail::ip};
  const auto prefix = Prefix::parse(text);
  if (!prefix || *prefix != subnet_of(prefix->address)) return std::nullopt;
  return SeenEndpoint{{prefix->address, 0, 0}, EndpointDetail::subnet};
}

bool breaks_lines(const std::string& netns, const std::string& interface) {
  // A path given as --netns, and the file of a UAPI socket, may be called anything.
  return (netns + interface).find_first_of("\t\n") != std::string::npos;
}

void write_peer(fmt::memory_buffer& out, const PublicKey& key, WallTime first_seen,
                const PeerMemory* memory) {
  const auto end = std::back_inserter(out);
  fmt::format_to(end, "peer\t{}\t{}", key.base64(), to_ms(first_seen));
  if (memory != nullptr && memory->known && !memory->undated) {
    const auto& seen = memory->endpoint;
    fmt::format_to(end, "\t{}\t{}\t{}\t{}\t{}\t{}\t{}", to_ms(memory->first_seen),
                   write_maybe_time(memory->first_handshake),
                   write_maybe_time(memory->last_handshake), memory->endpoint_changes,
                   seen ? to_text(seen->endpoint, seen->detail) : kNothing, memory->removals,
                   write_maybe_time(memory->removed));
  }
  out.push_back('\n');
}

}  // namespace

std::string History::serialize(std::string_view boot_id, WallTime saved) {
  fmt::memory_buffer body;
  const auto end = std::back_inserter(body);
  for (auto& [key, interface] : interfaces_) {
    if (breaks_lines(key.netns, key.interface)) continue;
    fmt::format_to(end, "interface\t{}\t{}\t{}\t{}\n", key.netns, key.interface, interface.ifindex,
                   interface.created ? to_ms(*interface.created) : 0);
    for (const PeerHistory& peer : interface.peers.entries())
      write_peer(body, peer.key, peer.first_seen, interface.peers.memory_of(peer));
  }
  const RemovedPeers::Id* before = nullptr;
  for (const auto& [id, memory] : removed_.all()) {
    if (breaks_lines(id.netns, id.interface)) continue;
    if (before == nullptr || before->netns != id.netns || before->interface != id.interface)
      fmt::format_to(end, "interface\t{}\t{}\t0\t0\n", id.netns, id.interface);
    before = &id;
    write_peer(body, id.key, memory.first_seen, &memory);
  }
  changed_ = false;
  touched_ = false;
  const std::uint32_t sum =
      crc32_gzip_refl(0, reinterpret_cast<const unsigned char*>(body.data()), body.size());
  return fmt::format("{}\nboot\t{}\t{}\t{:08x}\n", kHeading, boot_id, to_ms(saved), sum) +
         fmt::to_string(body);
}

/// Reads a state file into a history of its own, line by line.
class HistoryReader {
 public:
  HistoryReader(std::uint64_t seed, bool remembers, std::string_view boot_id)
      : into(seed, remembers), boot_id_(boot_id) {}

  /// @param rest  what follows the line, which the checksum is about.
  /// @returns what is wrong; empty: nothing.
  std::string_view take(std::string_view line, std::string_view rest) {
    if (++number == 1)
      return line == kHeading ? std::string_view() : "not a file written by wgscope-exporter";
    const std::string_view kind = take_field(line);
    if ((kind == "boot") != (number == 2)) return "the boot line is not the second line";
    if (number == 2) return take_boot(line, rest);
    if (kind == "interface") return take_interface(line);
    if (kind == "peer") return take_peer(line);
    return "unknown kind of line";
  }

  std::size_t number = 0;
  History into;

 private:
  std::string_view take_boot(std::string_view line, std::string_view rest) {
    same_boot_ = take_field(line) == boot_id_ && !boot_id_.empty();
    if (line.empty()) return {};
    const auto saved = parse_time(take_field(line));
    const std::string_view sum_text = take_field(line);
    const auto sum = parse_number<std::uint32_t>(sum_text, 16);
    if (!saved || !sum || sum_text.size() != 8 || !line.empty()) return "malformed boot line";
    if (*sum !=
        crc32_gzip_refl(0, reinterpret_cast<const unsigned char*>(rest.data()), rest.size()))
      return "the checksum does not match the rest of the file";
    saved_ = saved;
    return {};
  }

  std::string_view take_interface(std::string_view line) {
    key_ = {std::string(take_field(line)), ""};
    key_.interface = take_field(line);
    const auto ifindex = parse_number<std::uint32_t>(take_field(line));
    const auto created = parse_time(take_field(line));
    if (key_.interface.empty() || !ifindex || !created) return "malformed interface line";
    // After a reboot the same index is another interface.
    if (same_boot_ && *ifindex != 0) {
      interface().ifindex = *ifindex;
      interface().created = *created;
    }
    return {};
  }

  std::string_view take_peer(std::string_view line) {
    constexpr std::string_view kWrong = "malformed peer line";
    const auto key = PublicKey::from_base64(take_field(line));
    const auto seen = parse_time(take_field(line));
    if (key_.interface.empty() || !key || !seen) return kWrong;
    PeerMemory memory;
    memory.known = true;
    memory.first_seen = *seen;
    memory.undated = line.empty();
    if (!line.empty() && !take_memory(line, memory)) return kWrong;
    if (memory.removed) {
      if (into.remembers_) into.removed_.add({key_.netns, key_.interface, *key}, memory);
      return {};
    }
    interface().peers.restore(*key, *seen, memory);
    return {};
  }

  bool take_memory(std::string_view line, PeerMemory& memory) const {
    const auto first_seen = parse_time(take_field(line));
    if (!first_seen || !parse_maybe_time(take_field(line), memory.first_handshake) ||
        !parse_maybe_time(take_field(line), memory.last_handshake))
      return false;
    memory.first_seen = *first_seen;
    const auto changes = parse_number<std::uint32_t>(take_field(line));
    const std::string_view endpoint = take_field(line);
    if (endpoint != kNothing) memory.endpoint = parse_endpoint(endpoint);
    const auto removals = parse_number<std::uint32_t>(take_field(line));
    if (!changes || !removals || (endpoint != kNothing && !memory.endpoint) ||
        !parse_maybe_time(take_field(line), memory.removed) || !line.empty())
      return false;
    memory.endpoint_changes = *changes;
    memory.removals = *removals;
    memory.live = !memory.removed && saved_ && memory.last_handshake &&
                  *saved_ - *memory.last_handshake < kRejectAfterTime;
    return true;
  }

  /// The interface of the last line of one, made when there is something to keep of it.
  InterfaceHistory& interface() {
    const auto [found, is_new] = into.interfaces_.try_emplace(key_, into.seed_, into.remembers_);
    if (is_new) found->second.whole_before = true;
    return found->second;
  }

  std::string_view boot_id_;
  bool same_boot_ = false;
  std::optional<WallTime> saved_;
  History::Key key_;
};

Result<> History::restore(std::string_view text, std::string_view boot_id) {
  HistoryReader reader(seed_, remembers_, boot_id);
  while (!text.empty()) {
    const std::size_t size = text.size();
    const std::size_t end = std::min(text.find('\n'), size);
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, size));
    const std::string_view wrong = end == size ? "cut short" : reader.take(line, text);
    if (!wrong.empty())
      return fail(Errc::bad_value,
                  fmt::format("line {}: {}", reader.number + (end == size ? 1 : 0), wrong));
  }
  if (reader.number == 0) return fail(Errc::bad_value, "the file is empty");
  if (reader.number == 1) return fail(Errc::bad_value, "line 2: the boot line is missing");
  interfaces_ = std::move(reader.into.interfaces_);
  removed_ = std::move(reader.into.removed_);
  return {};
}

}  // namespace wgscope::exporter
