#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "wgscope/base/time.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/model/public_key.hpp"
#include "wgscope/model/snapshot.hpp"

namespace wgscope::audit {

/// A peer whose endpoint goes back and forth between two.
struct Alternating {
  std::string netns;
  std::string interface;
  PublicKey key;
  Endpoint one;
  Endpoint other;
  std::uint32_t returns = 0;  ///< how often it came back to the endpoint before the last one
  /// So often that two devices have its key (endpoint_returns.hpp). Otherwise it may be one device
  /// between two networks.
  bool often = false;

  friend bool operator==(const Alternating&, const Alternating&) = default;
};

/// Watches endpoints over many snapshots, of one boot. A peer that moves once, or moves on and on,
/// does not alternate; one that goes back to where it was, and then returns again, does.
class EndpointWatch {
 public:
  /// @param seed  random: users choose their keys.
  explicit EndpointWatch(std::uint64_t seed) : seed_(seed) {}

  void look(const Snapshot& snapshot);
  /// Those that return often first, in the order of interfaces and keys.
  [[nodiscard]] std::vector<Alternating> found() const;

 private:
  struct Track {
    std::optional<Endpoint> before;  ///< the one before the last
    std::optional<Endpoint> last;
    std::uint32_t returns = 0;
    float level = 0;  ///< of returns, when it was last added to
    Instant added;
    bool often = false;  ///< it was once
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
