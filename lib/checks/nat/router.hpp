#pragma once

#include <cstdint>
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

/// Asks the next router for its outer address, over IPv4: by NAT-PMP and PCP on the run's loop, and
/// by UPnP in a process, while the caller waits for other things on that loop.
class RouterInquiry {
 public:
  /// Begins. @param local  the address that requests are sent from. @param target  the next router
  /// on the way there is asked. @param mark  the firewall mark that decides the way.
  RouterInquiry(Run& run, const IpAddress& local, const IpAddress& target,
                std::optional<std::uint32_t> mark);
  RouterInquiry(const RouterInquiry&) = delete;
  RouterInquiry& operator=(const RouterInquiry&) = delete;
  ~RouterInquiry() = default;

  /// Waits for answers that are still to come. The whole takes at most kLongestRouterInquiry.
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
