#pragma once

#include <vector>

#include "wgscope/base/result.hpp"
#include "wgscope/endpoint/embedded_endpoint.hpp"
#include "wgscope/os/poll_loop.hpp"

namespace wgscope::endpoint {

/// Lets a loop serve the sockets and timers of an endpoint as long as this object lives. Destroy it
/// before the endpoint, and make a new one after EmbeddedEndpoint::rebind().
class Attachment {
 public:
  /// @returns io.
  static Result<Attachment> make(os::PollLoop& loop, EmbeddedEndpoint& endpoint);

 private:
  std::vector<os::PollLoop::Watch> watches_;
};

}  // namespace wgscope::endpoint
