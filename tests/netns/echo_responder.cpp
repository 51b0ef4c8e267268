#include "echo_responder.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <netinet/in.h>
#include <span>
#include <stdexcept>
#include <string>
#include <sys/socket.h>
#include <utility>

#include <linux/icmp.h>

#include "wgscope/os/poll_loop.hpp"
#include "wgscope/os/unique_fd.hpp"

#include "endpoint_fixture.hpp"

namespace wgscope::test {
namespace {

constexpr std::size_t kIpHeader = 20;
constexpr std::size_t kHeader = 8;

/// RFC 1071.
std::uint16_t checksum(std::span<const std::byte> message) {
  std::uint32_t sum = 0;
  for (std::size_t i = 0; i < message.size(); ++i)
    sum += std::to_integer<std::uint32_t>(message[i]) << (i % 2 == 0 ? 8U : 0U);
  while ((sum >> 16U) != 0) sum = (sum & 0xffffU) + (sum >> 16U);
  return static_cast<std::uint16_t>(~sum);
}

}  // namespace

EchoResponder::EchoResponder(const std::string& netns_path, Answer answer)
    : answer_(std::move(answer)), loop_(os::PollLoop::open().value()) {
  inside(netns_path, [&] {
    socket_ = os::UniqueFd(socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_ICMP));
  });
  if (!socket_) throw std::runtime_error("cannot open a raw socket");
  watch_ =
      loop_.add(socket_.get(), {.readable = [this] { answer_all(); }, .writable = {}, .error = {}})
          .value();
  thread_ = std::thread([this] { static_cast<void>(loop_.run()); });
}

EchoResponder::~EchoResponder() {
  loop_.stop();
  thread_.join();
  watch_.remove();
}

void EchoResponder::answer_all() {
  std::array<std::byte, 65536> packet{};
  sockaddr_storage from{};
  for (;;) {
    socklen_t length = sizeof from;
    void* const sender = &from;
    const ssize_t got = recvfrom(socket_.get(), packet.data(), packet.size(), 0,
                                 static_cast<sockaddr*>(sender), &length);
    if (got < 0) return;
    const auto message = std::span(packet).first(static_cast<std::size_t>(got));
    if (message.size() < kIpHeader + kHeader || message[kIpHeader] != std::byte{ICMP_ECHO})
      continue;
    const auto request = message.subspan(kIpHeader);
    Bytes reply(request.begin(), request.begin() + kHeader);
    const Bytes payload = answer_(Bytes(request.begin() + kHeader, request.end()));
    reply.insert(reply.end(), payload.begin(), payload.end());
    reply[0] = std::byte{ICMP_ECHOREPLY};
    reply[2] = reply[3] = std::byte{0};
    const std::uint16_t sum = checksum(reply);
    reply[2] = static_cast<std::byte>(sum >> 8U);
    reply[3] = static_cast<std::byte>(sum & 0xffU);
    static_cast<void>(sendto(socket_.get(), reply.data(), reply.size(), 0,
                             static_cast<const sockaddr*>(sender), length));
  }
}

}  // namespace wgscope::test
