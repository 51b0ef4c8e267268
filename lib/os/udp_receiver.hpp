#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <vector>

#include "wgscope/base/result.hpp"
#include "wgscope/os/socket_address.hpp"
#include "wgscope/os/udp_socket.hpp"

namespace wgscope::os {

/// The buffers of recvmmsg(2) and how to read what it wrote.
class UdpSocket::Receiver {
 public:
  Receiver(bool merges_in_kernel, const UdpOptions& options);

  Result<std::size_t> fill(int fd);
  [[nodiscard]] Merged at(std::size_t index) const;
  [[nodiscard]] std::size_t capacity() const { return messages_.size(); }
  [[nodiscard]] bool merges_in_kernel() const { return merges_in_kernel_; }

 private:
  struct Message {
    SocketAddress from;
    iovec buffer{};
    alignas(cmsghdr) std::array<std::byte, CMSG_SPACE(sizeof(in6_pktinfo)) +
                                               2 * CMSG_SPACE(sizeof(int))> control{};
  };

  void prepare();

  bool merges_in_kernel_;
  std::size_t buffer_size_;
  std::vector<Message> messages_;
  std::vector<mmsghdr> headers_;
  std::unique_ptr<std::byte[]> memory_;
  std::size_t used_;  ///< how many messages the last call filled; they must be made ready again
};

}  // namespace wgscope::os
