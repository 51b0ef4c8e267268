#include "uapi_server.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <mutex>
#include <poll.h>
#include <string>
#include <string_view>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <system_error>
#include <thread>
#include <unistd.h>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "wgscope/base/text.hpp"
#include "wgscope/os/unique_fd.hpp"

namespace wgscope::test {
namespace {

[[noreturn]] void throw_errno(const std::string& what) {
  throw std::system_error(errno, std::generic_category(), what);
}

os::UniqueFd bind_to(const std::filesystem::path& path) {
  std::filesystem::remove(path);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string name = path.string();
  if (name.size() >= sizeof address.sun_path) throw std::runtime_error("path too long: " + name);
  std::ranges::copy(name, address.sun_path);
  os::UniqueFd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!socket ||
      bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    throw_errno("bind " + name);
  return socket;
}

std::array<std::byte, 32> key_of(std::uint64_t number) {
  std::array<std::byte, 32> key{};
  key.fill(std::byte{0x5a});
  for (std::size_t i = 0; i < sizeof number; ++i)
    key[i] = static_cast<std::byte>(number >> (56 - 8 * i));
  return key;
}

bool read_request(int connection) {
  constexpr std::string_view kRequest = "get=1\n\n";
  std::string received;
  std::array<char, 64> buffer;
  while (received.size() < kRequest.size()) {
    const ssize_t count = recv(connection, buffer.data(), buffer.size(), 0);
    if (count <= 0) return false;
    received.append(buffer.data(), static_cast<std::size_t>(count));
  }
  return received == kRequest;
}

}  // namespace

UapiServer::UapiServer(std::filesystem::path socket, UapiReply reply)
    : path_(std::move(socket)),
      listener_(bind_to(path_)),
      stop_(eventfd(0, EFD_CLOEXEC)),
      reply_(std::move(reply)) {
  if (listen(listener_.get(), 64) != 0) throw_errno("listen on " + path_.string());
  thread_ = std::thread([this] { serve(); });
}

UapiServer::~UapiServer() {
  eventfd_write(stop_.get(), 1);
  thread_.join();
  std::error_code ignored;
  std::filesystem::remove(path_, ignored);
}

void UapiServer::reply_with(UapiReply reply) {
  const std::lock_guard lock(mutex_);
  reply_ = std::move(reply);
}

void UapiServer::serve() {
  for (;;) {
    std::array<pollfd, 2> waiting{pollfd{listener_.get(), POLLIN, 0},
                                  pollfd{stop_.get(), POLLIN, 0}};
    poll(waiting.data(), waiting.size(), -1);
    if (waiting[1].revents != 0) return;
    os::UniqueFd connection(accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (connection) answer(std::move(connection));
  }
}

void UapiServer::answer(os::UniqueFd connection) {
  constexpr timeval kLimit{5, 0};  // so that the destructor never waits for ever
  setsockopt(connection.get(), SOL_SOCKET, SO_RCVTIMEO, &kLimit, sizeof kLimit);
  setsockopt(connection.get(), SOL_SOCKET, SO_SNDTIMEO, &kLimit, sizeof kLimit);
  if (!read_request(connection.get())) return;
  ++requests_;
  UapiReply reply;
  {
    const std::lock_guard lock(mutex_);
    reply = reply_;
  }
  pollfd stopped{stop_.get(), POLLIN, 0};
  if (poll(&stopped, 1, static_cast<int>(reply.delay.count())) != 0) return;
  for (std::string_view rest = reply.bytes; !rest.empty();) {
    const ssize_t sent = send(connection.get(), rest.data(), rest.size(), MSG_NOSIGNAL);
    if (sent <= 0) return;  // the exporter has heard enough
    rest.remove_prefix(static_cast<std::size_t>(sent));
  }
  if (!reply.hang_up) kept_.push_back(std::move(connection));
}

void leave_stale_socket(const std::filesystem::path& path) { bind_to(path); }

std::string UapiPeer::public_key() const {
  std::array<char, kKeyBase64Size> text;
  encode_key_base64(key_of(number), text);
  return {text.data(), text.size()};
}

std::string uapi_answer(const std::vector<UapiPeer>& peers) {
  const auto now = std::chrono::duration_cast<std::chrono::seconds>(
                       std::chrono::system_clock::now().time_since_epoch())
                       .count();
  fmt::memory_buffer out;
  const auto end = std::back_inserter(out);
  fmt::format_to(end, "private_key={:0>64}\nlisten_port=51820\n", "77");
  for (const UapiPeer& peer : peers) {
    fmt::format_to(end, "public_key=");
    for (const std::byte byte : key_of(peer.number))
      fmt::format_to(end, "{:02x}", static_cast<unsigned>(byte));
    const std::uint64_t n = peer.number;
    fmt::format_to(
        end,
        "\npreshared_key={:0>64}\nprotocol_version=1\nendpoint=192.0.2.{}:{}\n"
        "last_handshake_time_sec={}\nlast_handshake_time_nsec=0\ntx_bytes={}\nrx_bytes={}\n"
        "persistent_keepalive_interval=25\nallowed_ip=10.{}.{}.{}/32\nallowed_ip=fd00::{:x}/128\n",
        "", n % 250 + 1, peer.port.value_or(static_cast<std::uint16_t>(1024 + n % 60'000)),
        peer.handshake_age ? now - peer.handshake_age->count() : 0, peer.transmit_bytes,
        peer.receive_bytes, n >> 16 & 0xff, n >> 8 & 0xff, n & 0xff, n + 1);
  }
  fmt::format_to(end, "errno=0\n\n");
  return fmt::to_string(out);
}

std::string uapi_answer(std::size_t count) {
  std::vector<UapiPeer> peers(count);
  for (std::size_t i = 0; i < count; ++i) {
    peers[i].number = i;
    peers[i].handshake_age = std::chrono::seconds{30};
  }
  return uapi_answer(peers);
}

}  // namespace wgscope::test
