#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "wgscope/base/time.hpp"
#include "wgscope/checks/run.hpp"
#include "wgscope/checks/session.hpp"
#include "wgscope/inner/event.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/path/hop_search.hpp"

namespace wgscope::checks {

/// Runs a search for a hop over a session. Its probes are padded echo requests in the tunnel's own
/// flow, whose hop limit ends their way early. The gateway answers those that come to it.
class HopProbing {
 public:
  /// @param target  inside the tunnel. All outlive the probing.
  HopProbing(Run& run, Session& session, const IpAddress& target);
  HopProbing(const HopProbing&) = delete;
  HopProbing& operator=(const HopProbing&) = delete;
  ~HopProbing();

  /// Runs a search until it is done, the deadline comes or the user ends it.
  path::HopSearchResult search(const path::HopSearchConfig& config, Instant deadline);

 private:
  void send_probes();
  void send(const path::HopProbe& probe);
  void take(const inner::Event& event);
  void take_errors();

  Run& run_;
  Session& session_;
  IpAddress target_;
  std::uint16_t id_;
  std::optional<path::HopSearch> search_;
  std::size_t errors_seen_;
  Session::Attention attention_;
};

}  // namespace wgscope::checks
