#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "wgscope/base/random.hpp"
#include "wgscope/base/result.hpp"
#include "wgscope/base/time.hpp"
#include "wgscope/checks/run.hpp"
#include "wgscope/checks/session.hpp"
#include "wgscope/model/address.hpp"

namespace wgscope::checks {

/// The address of a name, of a family that the host inside the tunnel has.
struct FoundName {
  std::string name;
  std::optional<IpAddress> address{};
  std::optional<Error> error{};       ///< without it and without an address, the time was over
  std::optional<IpAddress> server{};  ///< the server inside the tunnel that was asked last
};

struct NameOptions {
  std::vector<IpAddress> servers;  ///< inside the tunnel; empty: the system's are asked
  Nanoseconds wait{};              ///< so long each query is waited for
  Instant deadline;
  std::function<void(Instant, const IpAddress&)> on_heard;  ///< a server inside answered
};

/// Looks up all names at once, A before AAAA, at the next server where one is silent. The system
/// looks up one name after the other, and none any more once no name server answered.
std::vector<FoundName> find_names(Run& run, Session& session, Random& random,
                                  const std::vector<std::string>& names,
                                  const NameOptions& options);

}  // namespace wgscope::checks
