#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "wgscope/model/address.hpp"
#include "wgscope/model/public_key.hpp"
#include "wgscope/model/snapshot.hpp"

namespace wgscope::audit {

/// A peer whose endpoint goes back and forth between two: as if two devices had its key.
struct Alternating {
  std::string netns;
  std::string interface;
  PublicKey key;
  Endpoint one;
  Endpoint other;
  std::uint32_t returns = 0;  ///< how often it came back to the endpoint before the last one

  friend bool operator==(const Alternating&, const Alternating&) = default;
};

/// Watches endpoints over many snapshots. A peer that moves once, or moves on and on, does not
/// alternate; one that goes back to where it was, and then returns again, does.
class EndpointWatch {
 public:
  /// @param seed  random: users choose their keys.
  explicit EndpointWatch(std::uint64_t seed) : seed_(seed) {}

  void look(const Snapshot& snapshot);
  /// In the order of interfaces and keys.
  [[nodiscard]] std::vector<Alternating> found() const;

 private:
  struct Track {
    std::optional<Endpoint> before;  ///< the one before the last
    std::optional<Endpoint> last;
    std::uint32_t returns = 0;
  };
  struct Interface {
    std::string netns;
    std::string name;
    std::unordered_map<PublicKey, Track, PublicKeyHash> peers;
  };
  Interface& interface_of(const Device& device);

  std::uint64_t seed_;
  std::vector<Interface> interfaces_;
};

}  // namespace wgscope::audit
