#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "wgscope/os/poll_loop.hpp"
#include "wgscope/os/unique_fd.hpp"

namespace wgscope::test {

/// Answers IPv4 echo requests in a network namespace as a test says, instead of the kernel, which
/// is told not to. Needs CAP_NET_RAW.
class EchoResponder {
 public:
  using Bytes = std::vector<std::byte>;
  /// What the reply carries to a request that carries this; called on a thread of its own.
  using Answer = std::function<Bytes(Bytes payload)>;

  /// Throws where there is no such socket.
  EchoResponder(const std::string& netns_path, Answer answer);
  ~EchoResponder();
  EchoResponder(const EchoResponder&) = delete;
  EchoResponder& operator=(const EchoResponder&) = delete;

 private:
  void answer_all();

  Answer answer_;
  os::PollLoop loop_;
  os::UniqueFd socket_;
  os::PollLoop::Watch watch_;
  std::thread thread_;
};

}  // namespace wgscope::test
