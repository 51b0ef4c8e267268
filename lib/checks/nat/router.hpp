#pragma once

#include <optional>

#include "wgscope/base/time.hpp"
#include "wgscope/checks/run.hpp"
#include "wgscope/diagnosis/nat.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/os/poll_loop.hpp"
#include "wgscope/path/router_query.hpp"

#include "nat_sockets.hpp"
#include "upnp.hpp"

namespace wgscope::checks {

/// Asks the next router what it says of itself: by NAT-PMP and PCP on the run's loop, and by UPnP
/// in a process, while the caller waits for other things on that loop. Over IPv4.
class RouterInquiry {
 public:
  /// Begins. @param local  that is sent from; @param target  whose way decides on the router.
  RouterInquiry(Run& run, const IpAddress& local, const IpAddress& target);
  RouterInquiry(const RouterInquiry&) = delete;
  RouterInquiry& operator=(const RouterInquiry&) = delete;
  ~RouterInquiry() = default;

  /// Waits for what is still out, in all not longer than kLongestRouterInquiry.
  diagnosis::RouterFacts finish();

 private:
  void begin_query(const IpAddress& local);
  void send();
  [[nodiscard]] bool done() const;

  Run& run_;
  Instant end_;
  diagnosis::RouterFacts facts_;
  std::optional<path::RouterQuery> query_;
  NatSockets sockets_;
  os::PollLoop::Watch timer_;
  std::optional<UpnpInquiry> upnp_;
};

}  // namespace wgscope::checks
