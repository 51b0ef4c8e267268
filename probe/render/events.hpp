#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "wgscope/base/time.hpp"
#include "wgscope/model/public_key.hpp"
#include "wgscope/tunnel/event.hpp"

namespace wgscope::probe {

/// An event, and what its peer is called.
struct NamedEvent {
  WallTime at;
  tunnel::Event event;
  std::optional<PublicKey> peer;
  std::string_view name;  ///< may be empty, and any bytes
};

/// "2026-11-25T13:30:01.250Z  laptop  key confirmed  192.0.2.1:51820", with the beginning of its
/// key for a peer without a name, "-" for none. Without a line break.
/// @param colour  whether refusals and new sessions stand out, by escape sequences.
std::string event_as_text(const NamedEvent& event, bool colour);

/// One JSON object: time, event, and as far as known peer, name, endpoint, reason, key, source,
/// number. Without a line break.
std::string event_as_json(const NamedEvent& event);

/// Keeps those who send rubbish from filling the screen or a disk: so many dropped datagrams are
/// shown each second, the others counted.
class DropLimit {
 public:
  static constexpr std::uint32_t kEachSecond = 10;

  /// Whether this one is to be shown.
  bool allow(Instant now);
  /// How many were not, since the last call.
  std::uint64_t take_suppressed();

 private:
  std::optional<Instant> second_;
  std::uint32_t shown_ = 0;
  std::uint64_t suppressed_ = 0;
};

}  // namespace wgscope::probe
