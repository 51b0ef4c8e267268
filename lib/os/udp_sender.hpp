#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <netinet/in.h>
#include <span>
#include <sys/socket.h>
#include <sys/uio.h>
#include <vector>

#include "wgscope/os/socket_address.hpp"
#include "wgscope/os/udp_socket.hpp"

namespace wgscope::os {

/// Turns batches into messages for sendmmsg(2) and keeps account of what became of them.
///
/// The cursor (batch, offset) is all the state there is: messages are made from it, and what the
/// kernel took moves it on.
class UdpSocket::Sender {
 public:
  explicit Sender(bool cuts_in_kernel);

  SendReport send(int fd, std::span<const SendBatch> batches);
  [[nodiscard]] bool cuts_in_kernel() const { return cuts_in_kernel_; }

 private:
  static constexpr std::size_t kMessages = 64;  // for one system call

  struct Cursor {
    std::size_t batch = 0;
    std::size_t offset = 0;  ///< how many bytes of the batch are done with, sent or lost
  };

  /// Everything a msghdr points to.
  struct Message {
    SocketAddress to;
    iovec piece{};
    std::size_t datagrams = 0;
    alignas(cmsghdr) std::array<std::byte, CMSG_SPACE(sizeof(in6_pktinfo)) +
                                               CMSG_SPACE(sizeof(std::uint16_t))> control{};
  };

  [[nodiscard]] bool done() const { return cursor_.batch == batches_.size(); }
  unsigned fill();
  void fill_one(mmsghdr& header, Message& message, const Cursor& at);
  void move_on(std::size_t messages);
  void handle(int fd, int error);
  void lose(std::size_t datagrams, int error);
  static void advance(Cursor& cursor, const SendBatch& batch, std::size_t bytes);

  std::array<mmsghdr, kMessages> headers_{};
  std::array<Message, kMessages> messages_{};
  std::vector<SendFailure> failures_;
  std::span<const SendBatch> batches_;
  Cursor cursor_;
  std::size_t sent_ = 0;  ///< datagrams that the kernel took
  /// Batches before this index are cut into datagrams by us, not by the kernel.
  std::size_t cut_here_ = 0;
  bool asked_again_ = false;  ///< the message at the cursor failed once and is being tried again
  bool cuts_in_kernel_ = false;
};

}  // namespace wgscope::os
