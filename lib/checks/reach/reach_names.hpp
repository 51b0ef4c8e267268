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

/// What a name stands for, as far as the host inside the tunnel can speak to it.
struct FoundName {
  std::string name;
  std::optional<IpAddress> address{};
  std::optional<Error> error{};       ///< nothing, without an address: the time was over
  std::optional<IpAddress> server{};  ///< inside the tunnel, that was asked last
};

struct NameOptions {
  std::vector<IpAddress> servers;  ///< inside the tunnel; empty: the system's
  Nanoseconds wait{};              ///< for an answer to each query
  Instant deadline;
  std::function<void(Instant, const IpAddress&)> on_heard;  ///< somebody inside answered
};

/// Looks all names up at once, A before AAAA, one server after the other where one is silent.
/// By the system it is one name after the other, and none any more once no name server answered.
std::vector<FoundName> find_names(Run& run, Session& session, Random& random,
                                  const std::vector<std::string>& names,
                                  const NameOptions& options);

}  // namespace wgscope::checks
