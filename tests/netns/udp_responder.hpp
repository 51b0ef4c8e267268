#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "wgscope/model/address.hpp"
#include "wgscope/os/poll_loop.hpp"
#include "wgscope/os/udp_socket.hpp"

namespace wgscope::test {

/// A service over UDP in a network namespace, that says to everybody what a test makes it say.
class UdpResponder {
 public:
  using Bytes = std::vector<std::byte>;
  /// What to send back to whom a datagram came from; called on a thread of its own.
  using Answer =
      std::function<std::vector<Bytes>(const Endpoint& from, std::span<const std::byte>)>;

  /// @param local  "10.7.0.1:5351". @param group  a multicast group that it hears too, on the
  /// interface of `joined_at`. Throws where there is no such socket.
  UdpResponder(const std::string& netns_path, const std::string& local, Answer answer,
               const std::optional<std::string>& group = {}, const std::string& joined_at = {});
  ~UdpResponder();
  UdpResponder(const UdpResponder&) = delete;
  UdpResponder& operator=(const UdpResponder&) = delete;

 private:
  void answer_all();

  Answer answer_;
  os::PollLoop loop_;
  std::optional<os::UdpSocket> socket_;
  os::PollLoop::Watch watch_;
  std::thread thread_;
};

}  // namespace wgscope::test
