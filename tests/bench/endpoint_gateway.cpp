#include "endpoint_gateway.hpp"

#include <array>
#include <cerrno>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <stdexcept>
#include <string>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <system_error>
#include <unistd.h>
#include <utility>
#include <variant>
#include <vector>

#include "wgscope/crypto/random.hpp"
#include "wgscope/endpoint/attachment.hpp"
#include "wgscope/endpoint/embedded_endpoint.hpp"
#include "wgscope/inner/event.hpp"
#include "wgscope/inner/host.hpp"
#include "wgscope/inner/tcp.hpp"
#include "wgscope/model/public_key.hpp"
#include "wgscope/os/clock.hpp"
#include "wgscope/os/poll_loop.hpp"
#include "wgscope/os/unique_fd.hpp"

#include "tunnels.hpp"

namespace wgscope::bench {
namespace {

constexpr int kStream = 3;
constexpr std::uint16_t kDiscard = 9;
constexpr std::uint32_t kFirstClient = 256;

[[noreturn]] void throw_errno(const char* what) {
  throw std::system_error(errno, std::generic_category(), what);
}

void write_all(int fd, std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t size = write(fd, bytes.data(), bytes.size());
    if (size < 0) throw_errno("write");
    bytes = bytes.subspan(static_cast<std::size_t>(size));
  }
}

void read_all(int fd, std::span<std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t size = read(fd, bytes.data(), bytes.size());
    if (size < 0) throw_errno("read");
    if (size == 0) throw std::runtime_error("the other process ended");
    bytes = bytes.subspan(static_cast<std::size_t>(size));
  }
}

template <class T>
std::span<const std::byte> bytes_of(const T& value) {
  return std::as_bytes(std::span(&value, 1));
}

/// Takes whatever comes by TCP.
class Discard final : public endpoint::Observer {
 public:
  void set_host(inner::Host& host) { host_ = &host; }

  void on_tunnel_event(const tunnel::Event& /*event*/) override {}
  void on_socket_error(const os::SocketError& /*error*/) override {}
  void on_send_failure(const os::SendFailure& /*failure*/) override {}
  void on_inner_event(const inner::Event& event) override {
    if (const auto* readable = std::get_if<inner::TcpReadable>(&event)) {
      while (host_->tcp().receive(readable->id, buffer_) != 0) {
      }
    } else if (const auto* finished = std::get_if<inner::TcpFinished>(&event)) {
      host_->tcp().close(finished->id);
    } else if (const auto* ended = std::get_if<inner::TcpEnded>(&event)) {
      host_->tcp().close(ended->id);
    }
  }

 private:
  inner::Host* host_ = nullptr;
  std::array<std::byte, 65536> buffer_{};
};

}  // namespace

Gateway::Gateway(const std::string& self, const std::vector<PublicKey>& clients) {
  std::array<int, 2> ends{};
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0)
    throw_errno("socketpair");
  stream_.reset(ends[0]);
  const os::UniqueFd other(ends[1]);
  pid_ = fork();
  if (pid_ < 0) throw_errno("fork");
  if (pid_ == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (dup2(other.get(), kStream) == kStream)
      execl(self.c_str(), self.c_str(), "--gateway", static_cast<char*>(nullptr));
    _exit(127);
  }
  crypto::SystemRandom random;
  const Keys keys = Keys::make(random);
  public_key_ = keys.public_key;
  write_all(stream_.get(), keys.private_key.secret.bytes());
  write_all(stream_.get(), bytes_of(static_cast<std::uint32_t>(clients.size())));
  for (const PublicKey& client : clients) write_all(stream_.get(), client.bytes);
  read_all(stream_.get(), std::as_writable_bytes(std::span(&port_, 1)));
}

Gateway::~Gateway() {
  kill(pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
}

int run_gateway() {
  endpoint::EndpointConfig config;
  // Load is what is measured: no cookies.
  config.interface.handshakes_per_second = 1'000'000;
  config.interface.handshake_burst = 1'000'000;
  config.host.addresses = {{inner_address(1), 8}};
  config.listen = {loopback_endpoint(0)};
  read_all(kStream, config.interface.private_key.secret.bytes());
  std::uint32_t count = 0;
  read_all(kStream, std::as_writable_bytes(std::span(&count, 1)));

  crypto::SystemRandom random;
  Discard discard;
  auto loop = os::PollLoop::open().value();
  const auto gateway = endpoint::EmbeddedEndpoint::open(std::move(config), random, discard).value();
  discard.set_host(gateway->host());
  for (std::uint32_t i = 0; i < count; ++i) {
    tunnel::PeerConfig peer;
    read_all(kStream, peer.public_key.bytes);
    peer.allowed_ips = {inner_host(kFirstClient + i)};
    gateway->interface().add_peer(os::now(), std::move(peer)).value();
  }
  if (count == 1) must(gateway->host().tcp().listen(kDiscard));
  const auto attached = endpoint::Attachment::make(loop, *gateway);
  if (!attached) throw std::runtime_error(attached.error().context);
  write_all(kStream, bytes_of(gateway->listen_port()));
  must(loop.run());
  return 0;
}

}  // namespace wgscope::bench
