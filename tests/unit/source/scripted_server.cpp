#include "scripted_server.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <poll.h>
#include <stdexcept>
#include <string>
#include <string_view>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <utility>

#include <linux/sockios.h>

#include "wgscope/source/uapi/answer.hpp"

#include "wait.hpp"

namespace wgscope::uapi::testing {
namespace {

using namespace std::chrono_literals;

constexpr int kPollMs = 20;

bool readable(int fd) {
  pollfd wait{fd, POLLIN, 0};
  return poll(&wait, 1, kPollMs) > 0;
}

bool read_request(int client, const std::stop_token& stop) {
  std::string request;
  while (!stop.stop_requested()) {
    if (!readable(client)) continue;
    char piece[64];
    const ssize_t size = recv(client, piece, sizeof piece, 0);
    if (size <= 0) return false;
    request.append(piece, static_cast<std::size_t>(size));
    if (request == kGetRequest) return true;
    if (request.size() >= kGetRequest.size()) return false;
  }
  return false;
}

/// Waits until the client has read all that it was sent, which is also so once it has gone.
bool wait_until_read(int client, const std::stop_token& stop) {
  const auto read = [&] {
    int unread = 0;
    return stop.stop_requested() || (ioctl(client, SIOCOUTQ, &unread) == 0 && unread == 0);
  };
  return test::wait_until(read, 30s);
}

void serve(int listener, const ScriptedServer::Conversation& conversation,
           const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    if (!readable(listener)) continue;
    const os::UniqueFd client(accept4(listener, nullptr, nullptr, SOCK_CLOEXEC));
    if (client && read_request(client.get(), stop)) conversation(client.get(), stop);
  }
}

}  // namespace

os::UniqueFd bind_socket(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path)
    throw std::runtime_error("too long for a socket: " + path);
  path.copy(address.sun_path, path.size());
  os::UniqueFd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!socket ||
      bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    throw std::runtime_error("cannot bind " + path);
  return socket;
}

ScriptedServer::ScriptedServer(const std::string& path, Conversation conversation)
    : listener_(bind_socket(path)) {
  if (listen(listener_.get(), 8) != 0) throw std::runtime_error("cannot listen on " + path);
  thread_ = std::jthread([fd = listener_.get(), talk = std::move(conversation)](
                             const std::stop_token& stop) { serve(fd, talk, stop); });
}

bool send_all(int client, std::string_view text) {
  while (!text.empty()) {
    const ssize_t sent = send(client, text.data(), text.size(), MSG_NOSIGNAL);
    if (sent <= 0) return false;
    text.remove_prefix(static_cast<std::size_t>(sent));
  }
  return true;
}

void wait_for_end(int client, const std::stop_token& stop) {
  while (!stop.stop_requested())
    if (readable(client)) return;  // clients send nothing after their request, so this is the end
}

ScriptedServer::Conversation answers(std::string text) {
  return [text = std::move(text)](int client, const std::stop_token& stop) {
    send_all(client, text);
    wait_for_end(client, stop);
  };
}

ScriptedServer::Conversation answers_in_pieces(std::string text) {
  return [text = std::move(text)](int client, const std::stop_token& stop) {
    std::size_t size = 1;
    for (std::string_view rest = text; !rest.empty() && !stop.stop_requested();
         size = size * 3 + 1) {
      const std::string_view piece = rest.substr(0, std::min<std::size_t>(size, 997));
      if (!send_all(client, piece) || !wait_until_read(client, stop)) return;
      rest.remove_prefix(piece.size());
    }
    wait_for_end(client, stop);
  };
}

ScriptedServer::Conversation sends_and_closes(std::string text) {
  return [text = std::move(text)](int client, const std::stop_token&) { send_all(client, text); };
}

ScriptedServer::Conversation sends_and_hangs(std::string text) { return answers(std::move(text)); }

ScriptedServer::Conversation drips(std::string text) {
  return [text = std::move(text)](int client, const std::stop_token& stop) {
    for (std::size_t i = 0; !stop.stop_requested(); i = (i + 1) % text.size()) {
      if (!send_all(client, std::string_view(text).substr(i, 1))) return;
      if (readable(client)) return;  // it sends nothing, so it has gone; or else 20 ms have passed
    }
  };
}

ScriptedServer::Conversation floods(std::string text) {
  std::string many;
  while (many.size() < 64U * 1024) many += text;
  return [many = std::move(many)](int client, const std::stop_token& stop) {
    while (!stop.stop_requested() && send_all(client, many)) continue;
  };
}

ScriptedServer::Conversation never_ends_a_line() {
  return sends_and_closes("private_key=" + std::string(10U << 20U, 'x'));
}

}  // namespace wgscope::uapi::testing
